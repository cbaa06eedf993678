//! Replaying: stored webhooks are planned again.
//!
//! What belongs here: the selection of webhooks, page by page, and the result. What doesn't: decoding
//! (`reading`).

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::{ParticipantLookup, reading};
use crate::domain::{Clock, Source, Status, Webhook, WebhookId};
use crate::store::{InboxPage, Store, StoreError};

/// The result of a replay.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Replayed {
    /// Webhooks planned again.
    pub webhooks: usize,
    /// Those that lead to something new.
    pub changed: usize,
    /// Calls planned.
    pub calls: usize,
    /// Those that are parked still.
    pub parked: usize,
    /// For the first of them the webhook's id and all its reasons.
    #[serde_as(as = "Vec<(DisplayFromStr, _)>")]
    pub reasons: Vec<(WebhookId, String)>,
}

/// The webhooks that a replay reads at a time.
const REPLAY_PAGE: usize = 200;

/// The webhooks whose reasons a replay returns.
const REPLAY_REASONS: usize = 20;

/// Plans stored webhooks again, page by page, each webhook in a transaction of its own, so that
/// a `serve` beside it is never held up. `page` says which; its limit is ours to choose.
///
/// Participants that an action names and the store doesn't know are looked up before, but not by a dry run.
///
/// # Errors
/// What the store says; what was planned until then stays.
pub async fn replay(
    store: &Store,
    clock: &dyn Clock,
    lookup: Option<&ParticipantLookup>,
    mut page: InboxPage,
    dry_run: bool,
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    page.limit = REPLAY_PAGE;
    loop {
        let last = replay_page(store, clock, lookup, (page, None), dry_run, &mut replayed).await?;
        let Some(last) = last else { return Ok(replayed) };
        page.after = Some(last);
    }
}

/// Plans one page of stored webhooks again, up to one of them, and adds to what came of it. Returns the last
/// webhook of the page, if there was any.
///
/// # Errors
/// As [`replay`].
pub async fn replay_page(
    store: &Store,
    clock: &dyn Clock,
    lookup: Option<&ParticipantLookup>,
    (page, until): (InboxPage, Option<WebhookId>),
    dry_run: bool,
    replayed: &mut Replayed,
) -> Result<Option<WebhookId>, StoreError> {
    let mut webhooks = store.inbox(page).await?;
    webhooks.retain(|webhook| until.is_none_or(|until| webhook.id <= until));
    let last = webhooks.last().map(|last| last.id);
    for webhook in webhooks {
        replay_one(store, clock, lookup, webhook, dry_run, replayed).await?;
    }
    Ok(last)
}

/// Plans webhooks again that are named. Returns what it came to, and those whose bodies aren't kept.
///
/// # Errors
/// As [`replay`].
pub async fn replay_these(
    store: &Store,
    clock: &dyn Clock,
    lookup: Option<&ParticipantLookup>,
    ids: &[WebhookId],
    dry_run: bool,
) -> Result<(Replayed, Vec<WebhookId>), StoreError> {
    let (mut replayed, mut missing) = (Replayed::default(), Vec::new());
    for id in ids {
        match store.stored(*id).await? {
            Some(webhook) => {
                replay_one(store, clock, lookup, webhook, dry_run, &mut replayed).await?;
            }
            None => missing.push(*id),
        }
    }
    Ok((replayed, missing))
}

async fn replay_one(
    store: &Store,
    clock: &dyn Clock,
    lookup: Option<&ParticipantLookup>,
    webhook: Webhook,
    dry_run: bool,
    replayed: &mut Replayed,
) -> Result<(), StoreError> {
    let mut reading = reading::decode_stored(&webhook);
    if let (Some(lookup), Source::CustomerioAction, Ok(notification), false) =
        (lookup, webhook.source, &mut reading, dry_run)
    {
        lookup.look_up(notification).await?;
    }
    let receipt = store.replay(webhook.id, reading, clock.now(), dry_run).await?;
    replayed.webhooks += 1;
    replayed.calls += receipt.calls;
    replayed.changed += usize::from(receipt.calls > 0);
    let mut reasons = receipt.unmapped;
    if let Status::Parked { reason } = receipt.status {
        reasons.push(reason);
    }
    if !reasons.is_empty() {
        replayed.parked += 1;
        if replayed.reasons.len() < REPLAY_REASONS {
            replayed.reasons.push((webhook.id, reasons.join("; ")));
        }
    }
    Ok(())
}
