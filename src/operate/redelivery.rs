//! Redelivery of all dead letters, or all of a cause: one first, and the rest if it is accepted.
//!
//! The redelivery is a note in the store, revised in the transactions that put letters back. So it goes on after a
//! crash where it was, in whichever process, and a step that two processes do at once happens once.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::{noted, put, read, replace, text};
use crate::domain::{DeliveryId, EventId, LaneId, Time, WebhookId, mask_quotations};
use crate::inspect::LetterFilter;
use crate::store::{CallStatus, DeadLetter, DeadLetters, DeliveryState, Store, StoreError};

/// The note of the last redelivery.
const NOTE: &str = "redelivery";

/// Dead letters that are read and put back at a time.
const PIECE: usize = 500;

/// The most letters that are counted at the start.
const COUNTED: usize = 10_000;

/// The time between two looks at the first letter.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A redelivery of all letters of a cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Redelivery {
    /// The cause; `None` for all letters.
    pub cause: Option<String>,
    /// The operator who began it.
    pub by: String,
    /// The time of its start.
    pub began: Time,
    /// The time of its end.
    pub ended: Option<Time>,
    /// Its state.
    pub state: RedeliveryState,
    /// The reason why it ended early.
    pub reason: Option<String>,
    /// The letters that it was to put back, counted at its start up to ten thousand.
    pub letters: u64,
    /// The letters that it put back.
    pub put_back: u64,
    /// The newest letter at its start, which goes first. Newer ones aren't its own.
    first: FirstLetter,
    /// The last letter that it looked at; older ones follow.
    last: i64,
    /// True if the outcome of the first letter decides about the rest.
    tries_first: bool,
    /// The time up to which it waits for that outcome; `None` for as long as it takes.
    tries_until: Option<Time>,
}

/// The letter that goes first, and the signs of the call that it becomes.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct FirstLetter {
    id: i64,
    lane: i64,
    kind: String,
    event_id: Option<EventId>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    webhook: Option<WebhookId>,
}

/// The state of a redelivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RedeliveryState {
    /// The first letter isn't put back yet.
    Begun,
    /// The first letter is under way.
    Trying,
    /// The first was accepted; the rest is being put back.
    PuttingBack,
    /// Every letter is put back.
    Done,
    /// The first was refused again, so the rest stays.
    Refused,
    /// The first has no outcome, so the rest stays.
    Unknown,
    /// An operator stopped it.
    Stopped,
}

impl RedeliveryState {
    /// True if no step follows.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::Unknown | Self::Stopped)
    }
}

/// A condition on the first letter's outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum First {
    /// The rest waits for it as long as it takes.
    Decides,
    /// The rest stays if there is none by then.
    DecidesBy(Time),
    /// The rest follows at once.
    IsNoTest,
}

/// Reasons why a redelivery doesn't begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// No dead letter has the cause.
    #[error("no dead letter has the cause {0}")]
    NoSuchCause(String),
    /// There is no dead letter at all.
    #[error("there is no dead letter")]
    NoLetter,
    /// Another one isn't over.
    #[error("a redelivery isn't over yet; wait for its end, or stop it in /ui/redelivery")]
    UnderWay(Box<Redelivery>),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the last redelivery, which may be under way.
///
/// # Errors
/// The store's.
pub async fn last(store: &Store) -> Result<Option<Redelivery>, StoreError> {
    noted(store, NOTE).await
}

/// Begins to put back all letters of a cause, or all, up to the newest at this moment.
///
/// # Errors
/// See [`BeginError`].
pub async fn begin(
    store: &Store,
    filter: &LetterFilter,
    by: &str,
    first: First,
    now: Time,
) -> Result<Redelivery, BeginError> {
    let Some((newest, letters)) = newest(store, filter).await? else {
        return Err(match &filter.cause {
            Some(cause) => BeginError::NoSuchCause(cause.clone()),
            None => BeginError::NoLetter,
        });
    };
    let call = &newest.delivery.call;
    let begun = Redelivery {
        cause: filter.cause.clone(),
        by: by.to_owned(),
        began: now,
        ended: None,
        state: RedeliveryState::Begun,
        reason: None,
        letters,
        put_back: 0,
        first: FirstLetter {
            id: newest.delivery.id.0,
            lane: newest.lane.0,
            kind: call.kind().to_owned(),
            event_id: call.event_id(),
            webhook: newest.delivery.webhook,
        },
        last: newest.delivery.id.0,
        tries_first: first != First::IsNoTest,
        tries_until: match first {
            First::DecidesBy(end) => Some(end),
            First::Decides | First::IsNoTest => None,
        },
    };
    match put(store, NOTE, &begun, |kept: &Redelivery| !kept.state.is_over()).await? {
        Some(kept) if kept != begun => Err(BeginError::UnderWay(Box::new(kept))),
        _ => Ok(begun),
    }
}

/// Stops the redelivery that is under way. Letters that it put back stay so. Returns it as it is then.
///
/// # Errors
/// The store's.
pub async fn stop(store: &Store, now: Time) -> Result<Option<Redelivery>, StoreError> {
    if last(store).await?.is_none_or(|it| it.state.is_over()) {
        return Ok(None);
    }
    let revise = move |note: Option<&str>| {
        let kept = note.unwrap_or_default();
        let under_way = read(kept).filter(|it: &Redelivery| !it.state.is_over());
        under_way.map_or(kept.to_owned(), |it| text(&it.ended(RedeliveryState::Stopped, None, now)))
    };
    Ok(read(&store.kv_update(NOTE, Arc::new(revise)).await?))
}

/// Does the next step of the redelivery, and returns it as it is then. A step that another process did first
/// changes nothing.
///
/// # Errors
/// The store's.
pub async fn advance(store: &Store, now: Time) -> Result<Option<Redelivery>, StoreError> {
    let Some(known) = last(store).await? else { return Ok(None) };
    match known.state {
        RedeliveryState::Begun => {
            let first = vec![DeliveryId(known.first.id)];
            put_back(store, &known, first, known.last, now).await?;
        }
        RedeliveryState::Trying => {
            let (state, reason) = match outcome(store, &known, now).await? {
                Some(Ok(())) => (RedeliveryState::PuttingBack, None),
                Some(Err(reason)) => (RedeliveryState::Refused, Some(reason)),
                None if known.tries_until.is_some_and(|end| now >= end) => {
                    (RedeliveryState::Unknown, Some("it is still waiting".to_owned()))
                }
                None => return Ok(Some(known)),
            };
            let next = match state.is_over() {
                true => known.clone().ended(state, reason, now),
                false => Redelivery { state, ..known.clone() },
            };
            replace(store, NOTE, &known, &next).await?;
        }
        RedeliveryState::PuttingBack => {
            let letters = store.dead_letters(Some(DeliveryId(known.last)), PIECE).await?;
            match letters.last().map(|last| last.delivery.id.0) {
                Some(last) => {
                    let filter = LetterFilter { cause: known.cause.clone(), lane: None };
                    let met = letters.iter().filter(|letter| filter.is_met_by(letter));
                    let ids = met.map(|letter| letter.delivery.id).collect();
                    put_back(store, &known, ids, last, now).await?;
                }
                None => {
                    let next = known.clone().ended(RedeliveryState::Done, None, now);
                    replace(store, NOTE, &known, &next).await?;
                }
            }
        }
        _ => return Ok(Some(known)),
    }
    last(store).await
}

/// Discards the dead letters that meet a condition, up to the newest at this moment, for good. Goes in pieces;
/// returns how many.
///
/// # Errors
/// The store's. Then those that were discarded stay so.
pub async fn discard_letters(store: &Store, filter: &LetterFilter) -> Result<usize, StoreError> {
    let (mut discarded, mut before) = (0, None);
    loop {
        let letters = store.dead_letters(before, PIECE).await?;
        let Some(last) = letters.last() else { return Ok(discarded) };
        before = Some(last.delivery.id);
        let met = letters.iter().filter(|letter| filter.is_met_by(letter));
        let ids = met.map(|letter| letter.delivery.id).collect();
        discarded += store.discard(DeadLetters::These(ids)).await?;
    }
}

impl Redelivery {
    fn ended(self, state: RedeliveryState, reason: Option<String>, now: Time) -> Self {
        Self { state, reason, ended: Some(now), ..self }
    }

    /// Returns the state behind a piece of letters, of which some were put back.
    fn after(self, done: usize, last: i64, now: Time) -> Self {
        if self.state == RedeliveryState::Begun && done == 0 {
            let reason = "it was redelivered or discarded meanwhile".to_owned();
            return self.ended(RedeliveryState::Unknown, Some(reason), now);
        }
        let state = match self.state {
            RedeliveryState::Begun if self.tries_first => RedeliveryState::Trying,
            _ => RedeliveryState::PuttingBack,
        };
        let put_back = self.put_back + u64::try_from(done).unwrap_or(0);
        Self { state, put_back, last, ..self }
    }

    /// Returns what became of it, as a sentence.
    pub fn headline(&self) -> String {
        let (done, all) = (self.put_back, self.letters);
        let reason = self.reason.as_deref().unwrap_or("no reason is known");
        match self.state {
            RedeliveryState::Begun | RedeliveryState::Trying => {
                "One letter goes first; the rest follows if it is accepted.".to_owned()
            }
            RedeliveryState::PuttingBack => format!("{done} of {all} put back so far."),
            RedeliveryState::Done => format!("Done: {done} put back."),
            RedeliveryState::Refused => {
                format!("The first was refused again, so the others stay dead letters: {reason}.")
            }
            RedeliveryState::Unknown => {
                format!("The first wasn't delivered, so the others stay dead letters: {reason}.")
            }
            RedeliveryState::Stopped => format!("Stopped; put back: {done}."),
        }
    }
}

/// Puts letters back as a step of a redelivery, if it is as it was known.
async fn put_back(
    store: &Store,
    known: &Redelivery,
    ids: Vec<DeliveryId>,
    last: i64,
    now: Time,
) -> Result<(), StoreError> {
    let known = known.clone();
    let revise = move |note: Option<&str>, done: usize| {
        let kept = note.and_then(read).filter(|kept: &Redelivery| *kept == known)?;
        Some(text(&kept.after(done, last, now)))
    };
    store.redeliver_noting(ids, NOTE, Arc::new(revise), now).await.map(drop)
}

/// Returns the newest letter that meets a condition, and the number of all that do among those looked at.
async fn newest(
    store: &Store,
    filter: &LetterFilter,
) -> Result<Option<(DeadLetter, u64)>, StoreError> {
    let (mut newest, mut count, mut looked_at, mut before) = (None, 0, 0, None);
    loop {
        let letters = store.dead_letters(before, PIECE).await?;
        let Some(last) = letters.last() else { break };
        before = Some(last.delivery.id);
        looked_at += letters.len();
        for letter in letters.into_iter().filter(|letter| filter.is_met_by(letter)) {
            count += 1;
            newest.get_or_insert(letter);
        }
        if looked_at >= COUNTED && newest.is_some() {
            break;
        }
    }
    Ok(newest.map(|newest| (newest, count)))
}

/// Returns the outcome of the first letter: accepted, or refused with a reason; `None` if there is none yet.
async fn outcome(
    store: &Store,
    known: &Redelivery,
    now: Time,
) -> Result<Option<Result<(), String>>, StoreError> {
    // What was put back is a new call of the same webhook in the same lane.
    let first = &known.first;
    let Some(webhook) = first.webhook else { return Ok(None) };
    let is_it = |call: &CallStatus| {
        call.lane == LaneId(first.lane)
            && call.delivery.0 > first.id
            && call.kind() == first.kind
            && call.event_id() == first.event_id
    };
    let calls = store.calls(webhook, now).await?;
    let newest = calls.into_iter().filter(is_it).max_by_key(|call| call.delivery);
    Ok(match newest {
        Some(CallStatus { state: DeliveryState::Delivered, .. }) => Some(Ok(())),
        Some(CallStatus { death: Some(death), .. }) => Some(Err(mask_quotations(&death.reason))),
        _ => None,
    })
}
