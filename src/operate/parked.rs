//! Parked webhooks, all of them: a dry run, a replay, and discarding.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::{noted, put, replace};
use crate::domain::{Clock, Time, WebhookId, plural};
use crate::ingest::{ParticipantLookup, Replayed, replay_page};
use crate::store::{Entries, InboxPage, Store, StoreError};

/// The note of the last replay.
const NOTE: &str = "parked_replay";

/// Webhooks that are planned again in one step.
const STEP: usize = 50;

/// Webhooks that are discarded at a time.
const PIECE: usize = 500;

/// A replay of all parked webhooks. If a process dies, the step that it was in is done again, and its numbers
/// may lack those of the first time.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ParkedReplay {
    /// The operator who began it.
    pub by: String,
    /// True if it only shows what a replay would lead to.
    pub dry_run: bool,
    /// The time of its start.
    pub began: Time,
    /// The time of its end.
    pub ended: Option<Time>,
    /// Its state.
    pub state: ReplayState,
    /// Parked webhooks at its start.
    pub total: u64,
    /// The result so far.
    pub replayed: Replayed,
    /// The last webhook that was planned again.
    #[serde_as(as = "Option<DisplayFromStr>")]
    after: Option<WebhookId>,
    /// The newest webhook at its start. Newer ones aren't its own.
    #[serde_as(as = "DisplayFromStr")]
    until: WebhookId,
}

/// The state of a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Webhooks are being planned again.
    Running,
    /// All were.
    Done,
    /// An operator stopped it.
    Stopped,
}

impl ParkedReplay {
    /// True if no step follows.
    pub fn is_over(&self) -> bool {
        self.state != ReplayState::Running
    }

    /// Returns what became of it, as a sentence.
    pub fn headline(&self) -> String {
        let Replayed { webhooks, changed, calls, parked, .. } = &self.replayed;
        let total = self.total;
        let (would, lead) = if self.dry_run { ("would be ", "would lead") } else { ("", "led") };
        let so_far = format!(
            "{} {would}planned again; {changed} of them {lead} to {}, {parked} still parked.",
            plural(*webhooks, "webhook"),
            plural(*calls, "new call")
        );
        match self.state {
            ReplayState::Running => format!("{webhooks} of {total} done so far. {so_far}"),
            ReplayState::Done => so_far,
            ReplayState::Stopped => format!("Stopped. {so_far}"),
        }
    }
}

/// Returns the last replay of all parked webhooks, which may be under way.
///
/// # Errors
/// The store's.
pub async fn last_replay(store: &Store) -> Result<Option<ParkedReplay>, StoreError> {
    noted(store, NOTE).await
}

/// Begins to plan all parked webhooks again, up to the newest at this moment. Returns the replay that is under
/// way then, which may be an earlier one; `None` if nothing is parked.
///
/// # Errors
/// The store's.
pub async fn begin_replay(
    store: &Store,
    by: &str,
    dry_run: bool,
    now: Time,
) -> Result<Option<ParkedReplay>, StoreError> {
    let Some(newest) = store.entries(Entries::Parked, None, 1).await?.pop() else {
        return Ok(None);
    };
    let begun = ParkedReplay {
        by: by.to_owned(),
        dry_run,
        began: now,
        ended: None,
        state: ReplayState::Running,
        total: store.stats().await?.parked,
        replayed: Replayed::default(),
        after: None,
        until: newest.id,
    };
    put(store, NOTE, &begun, |kept: &ParkedReplay| !kept.is_over()).await
}

/// Stops the replay that is under way, and returns it. Webhooks that were planned again stay so.
///
/// # Errors
/// The store's.
pub async fn stop_replay(store: &Store, now: Time) -> Result<Option<ParkedReplay>, StoreError> {
    // A step that is done meanwhile makes another try needed.
    loop {
        let known = last_replay(store).await?.filter(|known| !known.is_over());
        let Some(known) = known else { return Ok(None) };
        let next = ParkedReplay { state: ReplayState::Stopped, ended: Some(now), ..known.clone() };
        replace(store, NOTE, &known, &next).await?;
        if last_replay(store).await?.as_ref() == Some(&next) {
            return Ok(Some(next));
        }
    }
}

/// Does the next step of the replay. Returns true if another may follow.
///
/// # Errors
/// The store's.
pub(super) async fn advance_replay(
    store: &Store,
    clock: &dyn Clock,
    lookup: Option<&ParticipantLookup>,
) -> Result<bool, StoreError> {
    let known = last_replay(store).await?.filter(|known| !known.is_over());
    let Some(known) = known else { return Ok(false) };
    let mut next = known.clone();
    let page = InboxPage { after: known.after, since: None, parked: true, limit: STEP };
    let page = (page, Some(known.until));
    let done = replay_page(store, clock, lookup, page, known.dry_run, &mut next.replayed).await?;
    match done {
        Some(last) => next.after = Some(last),
        None => (next.state, next.ended) = (ReplayState::Done, Some(clock.now())),
    }
    replace(store, NOTE, &known, &next).await?;
    Ok(done.is_some())
}

/// Discards all parked webhooks up to the newest at this moment, for good. Goes in pieces; returns how many.
///
/// # Errors
/// The store's. Then those that were discarded stay so.
pub async fn discard_all_parked(store: &Store) -> Result<usize, StoreError> {
    let (mut discarded, mut before) = (0, None);
    loop {
        let page = store.entries(Entries::Parked, before, PIECE).await?;
        let Some(last) = page.last() else { return Ok(discarded) };
        before = Some(last.id);
        let ids: Vec<WebhookId> = page.iter().map(|entry| entry.id).collect();
        discarded += store.discard_parked(&ids).await?;
    }
}
