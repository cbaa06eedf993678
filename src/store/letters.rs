//! Dead letters: listed, redelivered and discarded.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: the verdict that makes one
//! (`delivery`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Delivery, DeliveryId, LaneId, LaneKey, Time};

use super::rows::{LetterRow, half};
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

    /// Returns the newest dead letters, so many at most, grouped by what they died of. No call is read, so that
    /// ten thousand are grouped within a page's time.
    pub async fn letter_groups(&self, newest: usize) -> Result<Vec<LetterGroup>, StoreError> {
        use_case!(self.read("group dead letters"), [newest: usize] -> Vec<LetterGroup>, |unit| {
            let letters = unit.letters(Letters::Before(DeliveryId(i64::MAX), *newest)).await?;
            let kinds = unit.letter_kinds(*newest).await?.into_iter().collect();
            Ok(groups(letters, kinds))
        })
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

/// Dead letters of one kind of call with the same status, reason and field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LetterGroup {
    /// The kind of call.
    pub kind: String,
    /// The status answered to the last attempt, if there was an answer.
    pub http_status: Option<u16>,
    pub reason: String,
    /// The field at fault, where known.
    pub field: Option<String>,
    /// The number of letters.
    pub letters: usize,
    /// The newest of them.
    pub newest: DeliveryId,
    /// The time when the oldest of them died.
    pub first_at: Time,
    /// The time when the newest of them died.
    pub last_at: Time,
}

/// Groups dead letters, the newest first, by what they died of.
fn groups(letters: Vec<LetterRow>, mut kinds: HashMap<DeliveryId, String>) -> Vec<LetterGroup> {
    let mut groups: HashMap<_, LetterGroup> = HashMap::new();
    for LetterRow { delivery, died_at, reason, field, http_status, attempts: _ } in letters {
        // One that another transaction put back meanwhile has none any more.
        let Some(kind) = kinds.remove(&delivery) else { continue };
        let died_at = Time::from_micros(died_at);
        let key = (kind.clone(), http_status, reason.clone(), field.clone());
        let group = groups.entry(key).or_insert_with(|| LetterGroup {
            kind,
            http_status,
            reason,
            field,
            letters: 0,
            newest: delivery,
            first_at: died_at,
            last_at: died_at,
        });
        group.letters += 1;
        group.first_at = group.first_at.min(died_at);
        group.last_at = group.last_at.max(died_at);
    }
    groups.into_values().collect()
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
