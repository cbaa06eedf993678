//! Pruning: payloads go when they are old and done, and visitors with the last that is kept of them.
//!
//! The search may pass over many webhooks that can't be pruned yet, so it is a work of its own that only
//! reads. Each piece of what it finds is held and decided again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::{Labelled, PersonId, Time, WebhookId};
use crate::store::inbox::Prunable;
use crate::store::rows::{
    Changes, Counters, DELIVERED, DeliveryRow, PersonRow, ReplannedWebhook, RowState,
    StoredWebhook, number,
};
use crate::store::unit::{Deliveries, Hold, Unit, use_case};
use crate::store::{Store, StoreError, meta, record};

/// Webhooks of one transaction.
const PIECE: usize = 100;

/// Returns an id that those of all webhooks received at this time or later are greater than: they begin with
/// the millisecond. It spares a walk over everything before.
pub fn lowest_id(since: Time) -> Uuid {
    let Ok(millis) = u64::try_from(since.millis()) else { return Uuid::nil() };
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes)
}

impl Store {
    /// Removes payloads of webhooks received before a time: bodies, delivered calls, attempts. Never one with
    /// pending, dead or parked work, never an effect. A visitor whom nobody claimed goes with the last of
    /// their calls and bodies. Takes at most `limit` webhooks; returns how many. Goes in pieces.
    pub async fn prune(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.prune_payloads(Prunable::Finished, before, limit).await
    }

    /// Removes payloads of parked webhooks received before a time, as [`Store::prune`] does: they can't be
    /// replayed, and don't count as parked any more. Never one with pending or dead work. The same bytes are a
    /// duplicate from then on. Takes at most `limit` webhooks; returns how many. Goes in pieces.
    pub async fn prune_parked(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.prune_payloads(Prunable::Parked, before, limit).await
    }

    /// Ends the parking of webhooks for good, and returns how many were parked. The body of one that led to
    /// no call goes; of another it stays as long as its calls do. Goes in pieces.
    pub async fn discard_parked(&self, ids: &[WebhookId]) -> Result<usize, StoreError> {
        let mut discarded = 0;
        for piece in ids.chunks(PIECE) {
            let ids = piece.to_vec();
            discarded += use_case!(
                self.write("discard parked webhooks"),
                [ids: Vec<WebhookId>] -> usize,
                |unit| unpark(unit, ids).await
            )?;
        }
        Ok(discarded)
    }

    async fn prune_payloads(
        &self,
        which: Prunable,
        before: Time,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let found = use_case!(
            self.read("find what to prune"),
            [which: Prunable, before: Time, limit: usize] -> Vec<WebhookId>,
            |unit| {
                // The ids of all that were received before are less. It ends a walk in the order of ids.
                let below = lowest_id(before.plus(Duration::from_millis(1)));
                unit.prunable(*which, before.micros(), below, number(*limit)).await
            }
        )?;
        let mut pruned = 0;
        for piece in found.chunks(PIECE) {
            let webhooks = piece.to_vec();
            pruned += use_case!(
                self.write("prune payloads"),
                [which: Prunable, webhooks: Vec<WebhookId>] -> usize,
                |unit| prune(unit, *which, webhooks).await
            )?;
        }
        Ok(pruned)
    }
}

/// Ends the parking of those of some webhooks that are parked. Returns how many were.
async fn unpark<U: Unit>(unit: &mut U, ids: &[WebhookId]) -> Result<usize, U::Fault> {
    let mut changes = Changes::default();
    let mut parked = 0;
    for (webhook, deliveries) in hold_webhooks(unit, ids).await? {
        if !webhook.is_parked {
            continue;
        }
        parked += 1;
        if deliveries.is_empty() {
            changes.dropped.push(webhook.id);
        } else {
            let (id, parked, campaign) = (webhook.id, None, None);
            changes.replanned.push(ReplannedWebhook { is_mapped: true, id, parked, campaign });
        }
    }
    changes.counters.parked -= number(parked);
    unit.write(changes).await?;
    Ok(parked)
}

/// Prunes those of some webhooks that still can be: since they were found, one may have been replayed.
async fn prune<U: Unit>(
    unit: &mut U,
    which: Prunable,
    webhooks: &[WebhookId],
) -> Result<usize, U::Fault> {
    let mut changes = Changes::default();
    let mut people = BTreeSet::new();
    let mut latest = None;
    for (webhook, deliveries) in hold_webhooks(unit, webhooks).await? {
        if webhook.is_parked != (which == Prunable::Parked)
            || deliveries.iter().any(|delivery| delivery.state != DELIVERED)
        {
            continue;
        }
        latest = latest.max(Some(webhook.received_at.micros()));
        changes.dropped.push(webhook.id);
        for delivery in deliveries {
            changes.removed_deliveries.push(delivery.id);
            people.insert(delivery.lane.0);
        }
    }
    let pruned = changes.dropped.len();
    let Some(latest) = latest else { return Ok(0) };
    if which == Prunable::Parked {
        changes.counters = Counters { parked: -number(pruned), ..Counters::default() };
    }
    let until = which.label();
    let before = unit.hold_value(until).await?.as_deref().map(meta::number).transpose()?;
    let latest = before.map_or(latest, |before| latest.max(before));
    changes.values.push((until.to_owned(), Some(latest.to_string())));
    unit.write(changes).await?;
    let removed_people = gone(unit, &people).await?;
    unit.write(Changes { removed_people, ..Changes::default() }).await?;
    Ok(pruned)
}

/// Holds webhooks, and returns the deliveries that each led to. Nothing is planned for a webhook that is held.
async fn hold_webhooks<U: Unit>(
    unit: &mut U,
    ids: &[WebhookId],
) -> Result<Vec<(StoredWebhook, Vec<RowState>)>, U::Fault> {
    let webhooks = unit.hold_webhooks(&[], ids).await?;
    let all = Deliveries::Of { webhooks: ids, lanes: &[], each: i64::MAX };
    let mut deliveries: HashMap<Option<WebhookId>, Vec<RowState>> = HashMap::new();
    for DeliveryRow { webhook, state, .. } in unit.deliveries(all).await? {
        deliveries.entry(webhook).or_default().push(state);
    }
    let with_deliveries = |webhook: StoredWebhook| {
        let of_it = deliveries.remove(&Some(webhook.id)).unwrap_or_default();
        (webhook, of_it)
    };
    Ok(webhooks.into_iter().map(with_deliveries).collect())
}

/// Returns the unclaimed visitors among some people without a lease, a call and a webhook with a body. A
/// visitor who comes back is new.
async fn gone<U: Unit>(unit: &mut U, people: &BTreeSet<i64>) -> Result<Vec<PersonId>, U::Fault> {
    let people: Vec<i64> = people.iter().copied().collect();
    let visitors = unclaimed(&unit.people(&people, Hold::No).await?)?;
    // A transaction that plans for a visitor holds their row, and will store a record of them.
    let held = unclaimed(&unit.people(&visitors, Hold::Skip).await?)?;
    // Only now, because what is read of those who are held stays true.
    unit.people_without_traces(&held).await
}

fn unclaimed(people: &[PersonRow]) -> Result<Vec<i64>, StoreError> {
    let mut found = Vec::new();
    for row in people.iter().filter(|row| row.identifier.starts_with(record::VISITOR)) {
        found.extend(record::person(row)?.claimed_by.is_none().then_some(row.id));
    }
    Ok(found)
}
