//! What the program tells of a participant before anything has changed, by its index alone.
//!
//! Everything is computed when it is asked for, so a million participants cost no memory. Times
//! grow with the index, whichever time it is, so the order by index is the order by any time.

use std::ops::Range;

use super::ids::mix;

/// A referrer and the friends of it are found within such a block of indexes: 12 referrers, 48
/// candidates, of which every third is referred.
const REFERRERS: u64 = 12;
const CANDIDATES: u64 = 48;
/// Of so many participants one has sent an invitation. A multiple of 3, so that no one of them is
/// referred, and an index stands for one row of the referrals at most.
const INVITING: u64 = 99;
const FIRST_NAMES: [&str; 12] = [
    "Ada", "Bruno", "Chloe", "Dmitri", "Esther", "Farid", "Grace", "Hana", "Ivan", "Jonas", "Kemi",
    "Liam",
];
const LAST_NAMES: [&str; 12] = [
    "Abbott", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jensen",
    "Khan", "Lopez",
];
const CHANNELS: [&str; 8] =
    ["email", "facebook", "twitter", "linkedin", "whatsapp", "sms", "qrcode", "copyRefLink"];

/// How far a referral has come, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The friend has signed up.
    Pending,
    /// The friend has converted.
    Awarded,
    /// The friend hasn't converted in time.
    Expired,
}

impl Status {
    /// The name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "CREDIT_PENDING",
            Self::Awarded => "CREDIT_AWARDED",
            Self::Expired => "CREDIT_EXPIRED",
        }
    }
}

/// A campaign's participants as they were made up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fiction {
    /// Differs between campaigns.
    pub(super) seed: u64,
    pub(super) participants: u64,
    pub(super) started_at: i64,
    pub(super) ended_at: i64,
}

impl Fiction {
    /// When the participant joined: evenly spread, the oldest is the first.
    pub(super) fn created(&self, index: u64) -> i64 {
        let steps = i128::from(self.participants.max(2) - 1);
        let span = i128::from(self.ended_at) - i128::from(self.started_at);
        let passed = span * i128::from(index) / steps;
        self.started_at + i64::try_from(passed).expect("it is within the span")
    }

    /// When the referral has become what it is: an eighth of what was left of the program later.
    pub(super) fn updated(&self, index: u64) -> i64 {
        let created = self.created(index);
        created + (self.ended_at - created) / 8
    }

    /// When a commission was paid out: by the same rule, after that.
    pub(super) fn paid(&self, index: u64) -> i64 {
        let updated = self.updated(index);
        updated + (self.ended_at - updated) / 8
    }

    /// Who has referred the participant.
    pub(super) fn referrer(&self, index: u64) -> Option<u64> {
        if index == 0 || !index.is_multiple_of(3) {
            return None;
        }
        let block = index / CANDIDATES;
        if block == 0 {
            return Some(index / 4);
        }
        // The lower of two, so that some have many friends and some have none.
        let random = self.random(index, 1);
        let lower = (random % REFERRERS).min((random >> 32) % REFERRERS);
        Some(block * REFERRERS + lower)
    }

    /// Whom the participant has referred, in order.
    pub(super) fn friends(&self, referrer: u64) -> impl Iterator<Item = u64> {
        let block = referrer / REFERRERS;
        let candidates: Range<u64> = block * CANDIDATES..(block + 1) * CANDIDATES;
        let fiction = *self;
        candidates
            .step_by(3)
            .filter(move |index| *index < fiction.participants)
            .filter(move |index| fiction.referrer(*index) == Some(referrer))
    }

    /// How far the referral of a referred participant has come.
    pub(super) fn status(&self, index: u64) -> Status {
        match self.random(index, 2) % 20 {
            0..10 => Status::Awarded,
            10..17 => Status::Pending,
            _ => Status::Expired,
        }
    }

    /// Whether the participant has sent an invitation that nobody has followed.
    pub(super) fn has_invited(&self, index: u64) -> bool {
        index < self.participants && index % INVITING == 7
    }

    /// How many such invitations there are.
    pub(super) fn invitations(&self) -> u64 {
        (self.participants + INVITING - 8) / INVITING
    }

    /// First and last name, as the address says them.
    pub(super) fn names(&self, index: u64) -> (&'static str, &'static str) {
        let random = self.random(index, 3);
        let pick = |random: u64| usize::try_from(random % 12).expect("it is below 12");
        (FIRST_NAMES[pick(random)], LAST_NAMES[pick(random >> 32)])
    }

    /// Shares by channel, without the channels that weren't used.
    pub(super) fn shares(&self, index: u64) -> impl Iterator<Item = (&'static str, u64)> {
        let random = self.random(index, 4);
        let used = move |place: usize| random >> (place * 4) & 0b11 == 0 && random >> 62 != 0;
        let times = move |place: usize| 1 + (random >> (32 + place * 3)) % 8;
        let channels = CHANNELS.into_iter().enumerate();
        channels
            .filter(move |(place, _)| used(*place))
            .map(move |(place, name)| (name, times(place)))
    }

    /// A number below `below` that is the participant's own, by `purpose`.
    pub(super) fn number(&self, index: u64, purpose: u64, below: u64) -> u64 {
        self.random(index, purpose) % below
    }

    fn random(&self, index: u64, purpose: u64) -> u64 {
        mix(mix(self.seed, purpose), index)
    }
}
