//! Dead letters: listed, redelivered and discarded.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: the verdict that makes one
//! (`delivery`).

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Delivery, DeliveryId, LaneId, LaneKey, Time};

use super::rows::half;
use super::unit::{Letters, use_case};
use super::work::with_deliveries;
use super::{Store, StoreError};

impl Store {
    /// Returns a page of the dead letters, newest first.
    pub async fn dead_letters(
        &self,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        use_case!(
            self.read("list dead letters"),
            [before: Option<DeliveryId>, limit: usize] -> Vec<DeadLetter>,
            |unit| {
                let before = before.unwrap_or(DeliveryId(i64::MAX));
                let letters = unit.letters(Letters::Before(before, *limit)).await?;
                with_deliveries(unit, letters).await
            }
        )
    }

    /// Returns a dead letter and its latest attempts, a hundred at most, oldest first.
    pub async fn dead_letter(
        &self,
        id: DeliveryId,
    ) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, StoreError> {
        use_case!(
            self.read("show a dead letter"),
            [id: DeliveryId] -> Option<(DeadLetter, Vec<PastAttempt>)>,
            |unit| {
                let mut letters = unit.letters(Letters::Of(&[half(*id).0])).await?;
                letters.retain(|letter| letter.delivery == *id);
                let letter = with_deliveries(unit, letters).await?.pop();
                let attempts = unit.attempts(&[*id]).await?.into_iter();
                let attempts = attempts.map(|(_, attempt)| attempt).collect();
                Ok(letter.map(|letter| (letter, attempts)))
            }
        )
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
