//! Dead letters: listed, redelivered and discarded.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: the verdict that makes one
//! (`delivery`).

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Delivery, DeliveryId, LaneId, LaneKey, Time};

use super::work::{ListLetters, RedeliverNoting, ShowLetter, discard, redeliver};
use super::{Store, StoreError};

impl Store {
    /// Returns a page of the dead letters, newest first.
    pub async fn dead_letters(
        &self,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.read("list dead letters", ListLetters { before, limit }).await
    }

    /// Returns a dead letter and its latest attempts, a hundred at most, oldest first.
    pub async fn dead_letter(
        &self,
        id: DeliveryId,
    ) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, StoreError> {
        self.read("show a dead letter", ShowLetter(id)).await
    }

    /// Puts dead letters back at the ends of their lanes, as if never tried; those of the class page keep
    /// it, the others are live. Passes over ids that aren't dead letters. Returns how many it put back. The
    /// event id stays the same. An identify carries the present profile, so that it takes nothing back.
    ///
    /// Goes in pieces, up to the letter that is the newest at its start. If it fails, those put back stay so, and
    /// it can be called again.
    pub async fn redeliver(&self, which: DeadLetters, now: Time) -> Result<usize, StoreError> {
        let done = redeliver(self, which, Arc::clone(&self.planning.planner), now).await?;
        self.wake_others();
        Ok(done)
    }

    /// Puts some dead letters back as [`Store::redeliver`] does and revises a note, in one transaction. `revise`
    /// gets the note and the number of letters that go back; without a new text nothing changes. Returns the
    /// new text.
    pub async fn redeliver_noting(
        &self,
        ids: Vec<DeliveryId>,
        note: &str,
        revise: RedeliveryNote,
        now: Time,
    ) -> Result<Option<String>, StoreError> {
        let planner = Arc::clone(&self.planning.planner);
        let work = RedeliverNoting { ids, planner, now, note: note.to_owned(), revise };
        let revised = self.write("put dead letters back", work).await?;
        if revised.is_some() {
            self.wake_others();
        }
        Ok(revised)
    }

    /// Removes dead letters for good; their effects stay in the ledger. Returns how many. Goes in
    /// pieces.
    pub async fn discard(&self, which: DeadLetters) -> Result<usize, StoreError> {
        discard(self, which).await
    }
}

/// A function from the text of a note and a number of letters to the note's next text. May be called more than once.
pub type RedeliveryNote = Arc<dyn Fn(Option<&str>, usize) -> Option<String> + Send + Sync>;

/// A choice of dead letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeadLetters {
    /// All of them.
    All,
    These(Vec<DeliveryId>),
}

/// A delivery that is not retried automatically.
#[derive(Clone, PartialEq, Debug)]
pub struct DeadLetter {
    pub delivery: Delivery,
    pub lane: LaneId,
    /// The lane's present key.
    pub key: LaneKey,
    /// The time of its death.
    pub died_at: Time,
    pub reason: String,
    /// The field at fault, where known.
    pub field: Option<String>,
    /// The status answered to the last attempt, if there was an answer.
    pub http_status: Option<u16>,
}

/// An attempt that didn't deliver, as kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastAttempt {
    /// The time of its start.
    pub at: Time,
    pub took: Duration,
    /// The status answered, if there was an answer.
    pub http_status: Option<u16>,
    /// The outcome's label.
    pub outcome: String,
    /// The failure.
    pub reason: String,
}
