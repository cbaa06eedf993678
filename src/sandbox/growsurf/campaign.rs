//! A campaign: everything that it holds, and the answers to simple questions about it.
//!
//! Participants are known by their index. A deleted one keeps its index and is no longer shown.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::commission::{Commission, Payout};
use super::participant::{Credit, Participant};
use super::program::{DAY_MS, Kind, Named, Program};
use super::reward::{self, Earned};
use super::webhook;

const MONTH_MS: i64 = 30 * DAY_MS;
/// The number of ids of six characters in base 36.
const IDS: u64 = 2_176_782_336;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The numbers of a participant's friends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) awarded: u64,
    pub(super) awarded_this_month: u64,
    pub(super) awarded_last_month: u64,
    pub(super) pending: u64,
}

/// An invitation by mail that nobody has followed.
#[derive(Clone, Debug)]
pub(super) struct Invitation {
    pub(super) id: String,
    pub(super) referrer: usize,
    pub(super) at: i64,
}

/// A campaign.
#[derive(Clone, Debug)]
pub(super) struct Campaign {
    pub(super) named: Named,
    pub(super) rewards_in_rows: bool,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) participants: Vec<Participant>,
    pub(super) invitations: Vec<Invitation>,
    /// The configured rewards, as the REST API shows them.
    pub(super) rewards: Vec<Map<String, Value>>,
    pub(super) earned: Vec<Earned>,
    pub(super) commissions: Vec<Commission>,
    pub(super) payouts: Vec<Payout>,
    pub(super) webhooks: Vec<Value>,
    pub(super) integrations: Vec<Value>,
    /// When which friend's delayed credit is awarded.
    pub(super) delayed: Vec<(i64, usize)>,
    pub(super) ids: HashMap<String, usize>,
    /// The participants by address in lower case.
    pub(super) emails: HashMap<String, usize>,
    seed: u64,
    made: u64,
}

impl Campaign {
    /// Returns the campaign at `slot` of a program, without participants.
    pub(super) fn new(program: &Program, slot: usize) -> Self {
        let named = program.campaigns[slot].clone();
        Self {
            rewards: reward::configured(named.kind),
            named,
            rewards_in_rows: program.rewards_in_rows,
            started_at: program.started_at,
            ended_at: None,
            participants: Vec::new(),
            invitations: Vec::new(),
            earned: Vec::new(),
            commissions: Vec::new(),
            payouts: Vec::new(),
            webhooks: vec![webhook::primary()],
            integrations: webhook::integrations(),
            delayed: Vec::new(),
            ids: HashMap::new(),
            emails: HashMap::new(),
            seed: mix(program.seed, slot as u64),
            made: 0,
        }
    }

    /// True for an affiliate program.
    pub(super) fn is_affiliate(&self) -> bool {
        self.named.kind == Kind::Affiliate
    }

    /// Returns a new id: six characters, always the same in the same order.
    pub(super) fn new_id(&mut self) -> String {
        loop {
            self.made += 1;
            let mut rest = mix(self.seed, self.made) % IDS;
            let mut digits = [0; 6];
            for digit in digits.iter_mut().rev() {
                *digit = DIGITS[usize::try_from(rest % 36).expect("a digit is below 36")];
                rest /= 36;
            }
            let id = String::from_utf8_lossy(&digits).into_owned();
            if !self.ids.contains_key(&id) {
                return id;
            }
        }
    }

    /// Finds a participant by id or address.
    pub(super) fn find(&self, id_or_email: &str) -> Option<usize> {
        let by_email = || self.emails.get(&id_or_email.to_lowercase());
        let index = *self.ids.get(id_or_email).or_else(by_email)?;
        (!self.participants[index].is_deleted).then_some(index)
    }

    /// Returns the participants who are not deleted.
    pub(super) fn shown(&self) -> impl Iterator<Item = usize> {
        (0..self.participants.len()).filter(|index| !self.participants[*index].is_deleted)
    }

    /// Returns the referrer of a participant, unless the referrer is deleted.
    pub(super) fn referrer(&self, index: usize) -> Option<usize> {
        self.participants[index].referrer.filter(|it| !self.participants[*it].is_deleted)
    }

    /// Returns the friends of a participant whose credit is awarded, oldest first.
    pub(super) fn awarded(&self, index: usize) -> impl Iterator<Item = usize> {
        self.friends(index).filter(|friend| self.participants[*friend].credit == Credit::Awarded)
    }

    /// Returns the number of months since the award of a friend's credit.
    pub(super) fn months_ago(&self, friend: usize, at: i64) -> i64 {
        let awarded_at = self.participants[friend].awarded_at.unwrap_or(i64::MIN);
        at.saturating_sub(awarded_at) / MONTH_MS
    }

    /// Counts the friends of a participant.
    pub(super) fn counts(&self, index: usize, at: i64) -> Counts {
        let mut counts = Counts::default();
        for friend in self.friends(index) {
            match self.participants[friend].credit {
                Credit::Awarded => {
                    counts.awarded += 1;
                    match self.months_ago(friend, at) {
                        0 => counts.awarded_this_month += 1,
                        1 => counts.awarded_last_month += 1,
                        _ => {}
                    }
                }
                Credit::Pending => counts.pending += 1,
                Credit::Expired => {}
            }
        }
        counts
    }

    /// True if the participant has an approved reward or, in an affiliate program, a commission.
    pub(super) fn is_winner(&self, index: usize) -> bool {
        let has_earned = |it: &Earned| it.earner == index && it.approved_at.is_some();
        self.earned.iter().any(has_earned)
            || self.commissions.iter().any(|commission| commission.referrer == index)
    }

    fn friends(&self, index: usize) -> impl Iterator<Item = usize> {
        let friends = self.participants[index].friends.iter().copied();
        friends.filter(|friend| !self.participants[*friend].is_deleted)
    }
}

/// Returns a number that looks random and is always the same for the same two.
pub(super) fn mix(seed: u64, number: u64) -> u64 {
    // The finalizer of SplitMix64.
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
