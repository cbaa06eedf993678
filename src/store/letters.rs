//! Dead letters: shown, put back and thrown away.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: what becomes one
//! (`delivery`).

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Delivery, DeliveryId, Identifier, LaneId, Time};

use super::work::{ListLetters, ShowLetter, discard, redeliver};
use super::{Store, StoreError};

impl Store {
    /// A page of the dead letters, newest first.
    pub async fn dead_letters(
        &self,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.read("list dead letters", ListLetters { before, limit }).await
    }

    /// One dead letter and its latest attempts (a hundred at least, if there were so many),
    /// oldest first; `None` if there is none of this id.
    pub async fn dead_letter(
        &self,
        id: DeliveryId,
    ) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, StoreError> {
        self.read("show a dead letter", ShowLetter(id)).await
    }

    /// Puts dead letters back at the end of their lanes, as if never tried; those of the class page keep
    /// it, the others are live. Ids that aren't dead letters are passed over. Returns how many it put
    /// back. The event id stays the same. An identify carries the present profile, so that it takes nothing
    /// back. Goes in pieces, up to the letter that is the newest when it begins; if it fails, those put back
    /// stay so, and it can be called again.
    pub async fn redeliver(&self, which: DeadLetters, now: Time) -> Result<usize, StoreError> {
        let done = redeliver(self, which, Arc::clone(&self.planning.planner), now).await?;
        self.wake_others();
        Ok(done)
    }

    /// Removes dead letters for good; their effects stay in the ledger. Returns how many. Goes in
    /// pieces.
    pub async fn discard(&self, which: DeadLetters) -> Result<usize, StoreError> {
        discard(self, which).await
    }
}

/// Which dead letters are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeadLetters {
    /// All of them.
    All,
    /// These.
    These(Vec<DeliveryId>),
}

/// A delivery that will not be tried again by itself.
#[derive(Clone, PartialEq, Debug)]
pub struct DeadLetter {
    /// The delivery.
    pub delivery: Delivery,
    /// Whose lane it was in.
    pub lane: LaneId,
    /// How Customer.io knows that person now.
    pub identifier: Identifier,
    /// When it died.
    pub died_at: Time,
    /// Why.
    pub reason: String,
    /// The field at fault, where known.
    pub field: Option<String>,
}

/// An attempt that didn't deliver, as kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastAttempt {
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// The status answered, if there was an answer.
    pub http_status: Option<u16>,
    /// The outcome's word.
    pub outcome: String,
    /// What went wrong.
    pub reason: String,
}
