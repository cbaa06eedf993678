//! Redelivering all dead letters, or all of a cause: one first, and the rest if it is accepted.

use std::time::Duration;

use anyhow::anyhow;

use crate::cli::output::{Failure, failed, note, plural};
use crate::cli::serve::stop_signal;
use crate::clock::SystemClock;
use crate::domain::{Clock, DeliveryId, Time};
use crate::inspect::LetterFilter;
use crate::store::{CallStatus, DeadLetter, DeadLetters, DeliveryState, Store};

/// Dead letters that are read and put back at a time.
const PIECE: usize = 500;

/// The time between two looks at the first one.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The result of a redelivery.
pub struct Done {
    /// The number of letters that were put back.
    pub count: usize,
    /// The result in words.
    pub text: String,
}

impl Done {
    /// Returns the result of putting letters back.
    pub fn put_back(count: usize) -> Self {
        let text = format!("{count} put back; a running relay delivers them within a second.");
        Self { count, text }
    }
}

/// Returns the present time.
pub fn now() -> Time {
    SystemClock.now()
}

/// Puts all letters back that meet a condition. While a relay runs, one goes first, and its outcome decides
/// whether the others follow.
pub async fn redeliver_all(
    store: &Store,
    filter: &LetterFilter,
    wait: Duration,
) -> Result<Done, Failure> {
    let stop = stop_signal().map_err(failed)?;
    tokio::pin!(stop);
    let Some((first, mut before)) = newest(store, filter).await? else {
        return match &filter.cause {
            Some(cause) => Err(failed(anyhow!("no dead letter has the cause {cause}"))),
            None => Ok(Done::put_back(0)),
        };
    };
    let mut count = put_back(store, vec![first.delivery.id]).await?;
    if store.is_attended(now()).await.map_err(failed)? {
        note(format!(
            "dead letter {} goes first; waiting up to {wait:?} for its outcome, Ctrl-C stops",
            first.delivery.id.0
        ));
        let outcome = tokio::select! {
            outcome = outcome(store, &first, wait) => outcome?,
            () = &mut stop => return Err(failed(anyhow!("stopped; only the first was put back"))),
        };
        match outcome {
            FirstOutcome::Accepted => {}
            FirstOutcome::Refused(reason) => {
                return Err(failed(anyhow!(
                    "the first was refused again, so the others stay dead letters: {reason}"
                )));
            }
            FirstOutcome::Unknown => {
                return Err(failed(anyhow!(
                    "the first wasn't delivered within {wait:?}, so the others stay dead letters; \
                     `referral-relay status` shows what it waits for"
                )));
            }
        }
    }
    loop {
        let letters = store.dead_letters(Some(before), PIECE).await.map_err(failed)?;
        let Some(last) = letters.last() else { return Ok(Done::put_back(count)) };
        before = last.delivery.id;
        let met = letters.iter().filter(|letter| filter.is_met_by(letter));
        let ids: Vec<DeliveryId> = met.map(|letter| letter.delivery.id).collect();
        tokio::select! {
            biased;
            () = &mut stop => {
                let done = plural(u64::try_from(count).unwrap_or(u64::MAX), "letter");
                return Err(failed(anyhow!("stopped; {done} put back, the same command goes on")));
            }
            done = put_back(store, ids) => count += done?,
        }
    }
}

async fn put_back(store: &Store, ids: Vec<DeliveryId>) -> Result<usize, Failure> {
    store.redeliver(DeadLetters::These(ids), now()).await.map_err(failed)
}

/// Returns the newest letter that meets a condition, and the letter behind which others may.
async fn newest(
    store: &Store,
    filter: &LetterFilter,
) -> Result<Option<(DeadLetter, DeliveryId)>, Failure> {
    let mut before = None;
    loop {
        let letters = store.dead_letters(before, PIECE).await.map_err(failed)?;
        let Some(last) = letters.last() else { return Ok(None) };
        before = Some(last.delivery.id);
        if let Some(first) = letters.into_iter().find(|letter| filter.is_met_by(letter)) {
            let id = first.delivery.id;
            return Ok(Some((first, id)));
        }
    }
}

/// The outcome of the first letter.
enum FirstOutcome {
    Accepted,
    Refused(String),
    /// It is pending still.
    Unknown,
}

/// Waits for the outcome of a letter that was put back.
async fn outcome(
    store: &Store,
    first: &DeadLetter,
    wait: Duration,
) -> Result<FirstOutcome, Failure> {
    // What was put back is a new call of the same webhook in the same lane.
    let Some(webhook) = first.delivery.webhook else { return Ok(FirstOutcome::Unknown) };
    let is_it = |call: &CallStatus| {
        call.lane == first.lane
            && call.delivery > first.delivery.id
            && call.kind() == first.delivery.call.kind()
            && call.event_id() == first.delivery.call.event_id()
    };
    let end = SystemClock.steady() + wait;
    loop {
        let calls = store.calls(webhook, now()).await.map_err(failed)?;
        let newest = calls.into_iter().filter(is_it).max_by_key(|call| call.delivery);
        match newest {
            Some(CallStatus { state: DeliveryState::Delivered, .. }) => {
                return Ok(FirstOutcome::Accepted);
            }
            Some(CallStatus { death: Some(death), .. }) => {
                return Ok(FirstOutcome::Refused(death.reason));
            }
            _ if SystemClock.steady() >= end => return Ok(FirstOutcome::Unknown),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
