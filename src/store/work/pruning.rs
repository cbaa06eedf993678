//! Pruning: payloads go when they are old and done, and visitors with the last that is kept of them.
//!
//! The search may pass over many webhooks that can't be pruned yet, so it is a work of its own that only
//! reads. Each piece of what it finds is held and decided again.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::{PersonId, Time, Webhook, WebhookId};
use crate::store::inbox::Prunable;
use crate::store::meta::{self, Meta};
use crate::store::rows::{Changes, Counters, ReplannedWebhook, VisitorTraces, number};
use crate::store::unit::{Unit, Work};
use crate::store::{DeliveryState, InboxPage, Store, StoreError};

/// Webhooks of one transaction.
const PIECE: usize = 100;

/// See [`Store::inbox`](crate::store::Store::inbox).
pub(in crate::store) struct ReadInbox(pub(in crate::store) InboxPage);

impl Work for ReadInbox {
    type Output = Vec<Webhook>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<Webhook>, U::Fault> {
        let InboxPage { after, since, parked, limit } = self.0;
        let lowest = since.map_or(Uuid::nil(), lowest_id);
        let after = lowest.max(after.map_or(Uuid::nil(), |id| id.0));
        let since = since.map_or(i64::MIN, Time::micros);
        unit.inbox_page(after, since, parked, number(limit)).await
    }
}

/// Returns an id that those of all webhooks received at this time or later are greater than: they begin with
/// the millisecond. It spares a walk over everything before.
fn lowest_id(since: Time) -> Uuid {
    let Ok(millis) = u64::try_from(since.millis()) else { return Uuid::nil() };
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes)
}

/// See [`Store::discard_parked`](crate::store::Store::discard_parked).
pub(in crate::store) async fn discard_parked(
    store: &Store,
    ids: &[WebhookId],
) -> Result<usize, StoreError> {
    let mut discarded = 0;
    for piece in ids.chunks(PIECE) {
        discarded += store.write("discard parked webhooks", Unpark(piece.to_vec())).await?;
    }
    Ok(discarded)
}

/// Ends the parking of those of some webhooks that are parked.
struct Unpark(Vec<WebhookId>);

impl Work for Unpark {
    type Output = usize;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<usize, U::Fault> {
        let mut changes = Changes::default();
        let mut parked = 0;
        for webhook in unit.hold_finished(&self.0).await? {
            if !webhook.is_parked {
                continue;
            }
            parked += 1;
            if webhook.deliveries.is_empty() {
                changes.dropped.push(webhook.id);
            } else {
                let (id, parked, campaign) = (webhook.id, None, None);
                changes.replanned.push(ReplannedWebhook { id, parked, campaign });
            }
        }
        changes.counters.parked -= number(parked);
        unit.write(changes).await?;
        Ok(parked)
    }
}

/// See [`Store::prune`](crate::store::Store::prune) and
/// [`Store::prune_parked`](crate::store::Store::prune_parked).
pub(in crate::store) async fn prune(
    store: &Store,
    which: Prunable,
    before: Time,
    limit: usize,
) -> Result<usize, StoreError> {
    let found = FindPrunable { which, before, limit };
    let found = store.read("find what to prune", found).await?;
    let mut pruned = 0;
    for piece in found.chunks(PIECE) {
        let piece = Prune { which, webhooks: piece.to_vec() };
        pruned += store.write("prune payloads", piece).await?;
    }
    Ok(pruned)
}

/// Finds webhooks that can be pruned, the oldest first.
struct FindPrunable {
    which: Prunable,
    before: Time,
    limit: usize,
}

impl Work for FindPrunable {
    type Output = Vec<WebhookId>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<WebhookId>, U::Fault> {
        // The ids of all that were received before are less. It ends a walk in the order of ids.
        let below = lowest_id(self.before.plus(Duration::from_millis(1)));
        let before = self.before.micros();
        unit.prunable(self.which, before, below, number(self.limit)).await
    }
}

/// Prunes those of some webhooks that still can be: since they were found, one may have been replayed.
struct Prune {
    which: Prunable,
    webhooks: Vec<WebhookId>,
}

impl Work for Prune {
    type Output = usize;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<usize, U::Fault> {
        let mut changes = Changes::default();
        let mut people = BTreeSet::new();
        let mut latest = None;
        for webhook in unit.hold_finished(&self.webhooks).await? {
            let is_done = |state| state == DeliveryState::Delivered;
            if webhook.is_parked != (self.which == Prunable::Parked)
                || !webhook.deliveries.iter().all(|delivery| is_done(delivery.state))
            {
                continue;
            }
            latest = latest.max(Some(webhook.received_at));
            changes.dropped.push(webhook.id);
            for delivery in webhook.deliveries {
                changes.removed_deliveries.push(delivery.row);
                people.insert(PersonId(delivery.lane.0));
            }
        }
        let pruned = changes.dropped.len();
        let Some(latest) = latest else { return Ok(0) };
        if self.which == Prunable::Parked {
            changes.counters = Counters { parked: -number(pruned), ..Counters::default() };
        }
        let until = Meta::PrunedUntil(self.which);
        let before = unit.hold_meta(until).await?.as_deref().map(meta::number).transpose()?;
        changes.metas.push((until, Some(before.map_or(latest, |it| latest.max(it)).to_string())));
        unit.write(changes).await?;
        let removed_people = gone(unit, &people).await?;
        unit.write(Changes { removed_people, ..Changes::default() }).await?;
        Ok(pruned)
    }
}

/// Returns those of some people who are visitors whom nobody claimed, and of whom no lease, no call and no
/// webhook with a body is left. Should they come back, they are new.
async fn gone<U: Unit>(
    unit: &mut U,
    people: &BTreeSet<PersonId>,
) -> Result<Vec<PersonId>, U::Fault> {
    // Whoever plans for a visitor holds their row, and something of them will be kept.
    let visitors = unit.hold_visitors(people).await?;
    let unclaimed = visitors.into_iter().filter(|visitor| visitor.claimed_by.is_none());
    let unclaimed: Vec<PersonId> = unclaimed.filter_map(|visitor| visitor.id).collect();
    if unclaimed.is_empty() {
        return Ok(Vec::new());
    }
    // Only now, because what is read of those who are held stays true.
    let traces = unit.visitor_traces(&unclaimed).await?;
    let is_gone = |it: &VisitorTraces| !it.is_leased && !it.has_delivery && !it.has_webhook;
    Ok(traces.iter().filter(|it| is_gone(it)).map(|it| it.person).collect())
}
