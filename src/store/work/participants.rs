//! Participants: listed.

use crate::domain::Participant;
use crate::store::rows::number;
use crate::store::unit::{Unit, Work};

/// See [`Store::participants`](crate::store::Store::participants).
pub(in crate::store) struct ListParticipants {
    pub(in crate::store) campaign: String,
    pub(in crate::store) after: String,
    pub(in crate::store) limit: usize,
}

impl Work for ListParticipants {
    type Output = Vec<String>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<String>, U::Fault> {
        // Keys that are hashes aren't GrowSurf's ids; they sort behind them.
        let (after, before) = (&self.after, Participant::HASHED);
        unit.participants_between(&self.campaign, after, before, number(self.limit)).await
    }
}
