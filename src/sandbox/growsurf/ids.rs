//! The ids of participants: six characters that tell nothing, and can be read back.
//!
//! An id is a number in base 36 that a permutation has scattered. So an id is found by arithmetic,
//! and no table of ids is kept.

/// How many characters an id has.
const LENGTH: usize = 6;
/// `36^6`: the numbers that an id can say. It has the prime factors 2 and 3 only.
const SPACE: u64 = 2_176_782_336;
/// The indexes of one campaign and one kind, in bits.
const INDEX_BITS: u32 = 27;
/// More campaigns have no ids.
pub(super) const MAX_CAMPAIGNS: usize = 8;
/// More participants, those who joined by a change included, have no ids.
pub(super) const MAX_PARTICIPANTS: u64 = 1 << INDEX_BITS;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// What an id stands for in its campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The participant of this index.
    Participant(u64),
    /// The invitation that the participant of this index has sent.
    Invitation(u64),
}

/// The ids of one campaign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    slot: u64,
    factor: u64,
    inverse: u64,
    offset: u64,
}

impl Ids {
    /// The ids of the campaign at `slot`, scattered by `seed`.
    pub(super) fn new(seed: u64, slot: usize) -> Self {
        // A factor without the prime factors of the space has an inverse.
        let mut factor = (mix(seed, 1) % SPACE) | 1;
        while factor.is_multiple_of(3) {
            factor += 2;
        }
        // Each round of Newton's method doubles the digits that are right, in base 2 and in base 3.
        let mut inverse = if factor % 3 == 1 { 1 } else { SPACE - 1 };
        for _ in 0..LENGTH {
            let error = (2 * SPACE - product(factor, inverse) + 2) % SPACE;
            inverse = product(inverse, error);
        }
        let slot = u64::try_from(slot).expect("a slot is a small number");
        Self { slot, factor, inverse, offset: mix(seed, 2) % SPACE }
    }

    /// The id of what is named.
    pub(super) fn write(self, named: Named) -> String {
        let most = MAX_CAMPAIGNS as u64;
        let (block, index) = match named {
            Named::Participant(index) => (self.slot, index),
            Named::Invitation(index) => (most + self.slot, index),
        };
        let number = (block << INDEX_BITS) + index;
        let mut rest = (product(number, self.factor) + self.offset) % SPACE;
        let mut digits = [0; LENGTH];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[usize::try_from(rest % 36).expect("a digit is below 36")];
            rest /= 36;
        }
        String::from_utf8_lossy(&digits).into_owned()
    }

    /// What the id names, if it is one of this campaign.
    pub(super) fn read(self, id: &str) -> Option<Named> {
        if id.len() != LENGTH {
            return None;
        }
        let scattered = id.bytes().try_fold(0, |number, byte| {
            let digit = DIGITS.iter().position(|digit| *digit == byte)?;
            Some(number * 36 + digit as u64)
        })?;
        let number = product(scattered + SPACE - self.offset, self.inverse);
        let (block, index) = (number >> INDEX_BITS, number % MAX_PARTICIPANTS);
        let most = MAX_CAMPAIGNS as u64;
        match block {
            block if block == self.slot => Some(Named::Participant(index)),
            block if block == most + self.slot => Some(Named::Invitation(index)),
            _ => None,
        }
    }
}

/// A number that looks random and is always the same for the same two.
pub(super) fn mix(seed: u64, number: u64) -> u64 {
    // The finalizer of SplitMix64.
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The product in the space of ids. Both are below `2 * SPACE`, so it fits.
fn product(left: u64, right: u64) -> u64 {
    (left % SPACE) * (right % SPACE) % SPACE
}
