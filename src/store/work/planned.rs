//! The rows that planned webhooks come to.
//!
//! What belongs here: changes of the inbox, and the calls of plans as deliveries. What doesn't: people and
//! effects, which the overlay has.

use crate::domain::{LaneId, Plan, Redaction};
use crate::store::StoreError;
use crate::store::overlay::{LaneCalls, Overlay};
use crate::store::planning::Planning;
use crate::store::record::text;
use crate::store::rows::{Changes, NewWebhook, ReplannedWebhook};
use crate::store::unit::Unit;

use super::accept::{Entry, Outcome};
use super::append::{NewDelivery, append};

/// Returns the changes that a batch of planned webhooks leads to.
pub(super) async fn changes<U: Unit>(
    unit: &mut U,
    planning: &Planning,
    overlay: Overlay,
    entries: &[Entry<'_>],
) -> Result<Changes, U::Fault> {
    let mut changes = Changes::default();
    overlay.into_changes(&mut changes)?;
    for entry in entries {
        match &entry.outcome {
            Outcome::Duplicate | Outcome::Dropped(_) => {}
            Outcome::Parked(reason) => add_webhook(&mut changes, entry, Some(text(reason)), None),
            Outcome::Planned(plan, lanes) => {
                let reason = (!plan.unmapped.is_empty()).then(|| text(&plan.unmapped.join("; ")));
                add_webhook(&mut changes, entry, reason, plan.assumed_campaign.clone());
                redact(unit, planning, &mut changes, entry, plan).await?;
                let skew = unit.clock_skew(entry.now);
                add_plan(&mut changes, entry, plan, lanes, skew)?;
            }
        }
    }
    Ok(changes)
}

fn add_webhook(
    changes: &mut Changes,
    entry: &Entry<'_>,
    parked: Option<String>,
    campaign: Option<String>,
) {
    changes.counters.parked += i64::from(parked.is_some()) - i64::from(entry.was_parked);
    let Some((webhook, fingerprint)) = entry.new else {
        changes.replanned.push(ReplannedWebhook { id: entry.id, parked, campaign });
        return;
    };
    changes.webhooks.push(NewWebhook {
        id: entry.id,
        fingerprint,
        received_at: webhook.received_at.micros(),
        source: webhook.source.label(),
        owner: webhook.owner.clone(),
        campaign,
        event: webhook.event.as_deref().map(text),
        parked,
        body: Some(webhook.body.clone()),
    });
}

/// Takes erased people out of a webhook's body.
async fn redact<U: Unit>(
    unit: &mut U,
    planning: &Planning,
    changes: &mut Changes,
    entry: &Entry<'_>,
    plan: &Plan,
) -> Result<(), U::Fault> {
    if plan.erased.is_empty() {
        return Ok(());
    }
    let stored = match entry.new {
        Some(_) => None,
        None => unit.webhook(entry.id).await?,
    };
    let Some(webhook) = entry.new.map(|(webhook, _)| webhook).or(stored.as_ref()) else {
        return Ok(());
    };
    let left = match (planning.redact)(webhook, &plan.erased) {
        Redaction::Untouched | Redaction::Unreadable => return Ok(()),
        Redaction::Body(left) => {
            changes.redactions.push((entry.id, webhook.fingerprint_of(&left)));
            Some(left)
        }
        Redaction::Nothing => {
            // Nobody could fix what was parked of it.
            changes.counters.parked -= i64::from(!plan.unmapped.is_empty());
            None
        }
    };
    match changes.webhooks.last_mut().filter(|_| entry.new.is_some()) {
        Some(new) => {
            new.parked = new.parked.take().filter(|_| left.is_some());
            new.body = left;
        }
        None => changes.bodies.push((entry.id, left)),
    }
    Ok(())
}

fn add_plan(
    changes: &mut Changes,
    entry: &Entry<'_>,
    plan: &Plan,
    lanes: &[LaneCalls],
    skew: i64,
) -> Result<(), StoreError> {
    changes.messages.extend(plan.messages.iter().cloned());
    let mentioned = plan.mentioned.iter().map(|person| person.0);
    let mentioned = mentioned.chain(lanes.iter().map(|lane| lane.lane));
    changes.mentions.extend(mentioned.map(|person| (person, entry.id)));
    let due_at = entry.now.micros().saturating_add(skew);
    let new = |lane: i64, call| NewDelivery {
        lane: LaneId(lane),
        webhook: Some(entry.id),
        class: entry.class,
        call,
        planned_at: entry.now,
        due_at,
    };
    let calls = lanes.iter().flat_map(|it| it.calls.iter().map(move |call| (it.lane, call)));
    append(changes, calls.map(|(lane, call)| new(lane, call)))
}
