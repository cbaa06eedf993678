//! The program and its campaigns, and what is counted over all of a campaign.

use std::collections::HashSet;

use super::{
    campaign::{Campaign, NOW},
    fiction::Status,
    program::Program,
};

/// The program with its changes.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) program: Program,
    pub(super) campaigns: Vec<Campaign>,
}

/// What is counted over all participants of a campaign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    /// Friends who have converted.
    pub(super) referrals: u64,
    /// Participants with such friends.
    pub(super) winners: usize,
}

impl World {
    /// A program without changes.
    pub(super) fn new(program: Program) -> Self {
        let slots = 0..program.campaigns.len();
        let campaigns = slots.map(|slot| Campaign::new(&program, slot)).collect();
        Self { program, campaigns }
    }

    /// The campaign of an id.
    pub(super) fn campaign(&mut self, id: &str) -> Option<&mut Campaign> {
        self.campaigns.iter_mut().find(|campaign| campaign.named.id == id)
    }
}

impl Campaign {
    /// The totals. They are counted again only after a change that they depend on.
    pub(super) fn totals(&mut self) -> Totals {
        if let Some(totals) = self.counted {
            return totals;
        }
        let mut winners = HashSet::new();
        let mut referrals = 0;
        for friend in (0..self.len()).filter(|index| self.is_there(*index, NOW)) {
            if let Some(referrer) = self.living_referrer(friend, NOW)
                && self.status(friend, NOW) == Status::Awarded
            {
                referrals += 1;
                winners.insert(referrer);
            }
        }
        let totals = Totals { referrals, winners: winners.len() };
        self.counted = Some(totals);
        totals
    }

    /// Has the totals counted again.
    pub(super) fn forget_totals(&mut self) {
        self.counted = None;
    }
}
