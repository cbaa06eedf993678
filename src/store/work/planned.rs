//! The rows of planned webhooks: changes of the inbox, and the calls of plans as deliveries. People and effects
//! come from the overlay.

use crate::domain::{Labelled, LaneId, Plan};
use crate::store::StoreError;
use crate::store::overlay::{LaneCalls, Overlay};
use crate::store::record::text;
use crate::store::rows::{Changes, NewWebhook, ReplannedWebhook, number};
use crate::store::unit::Unit;

use super::accept::{Entry, Outcome};
use super::append::{NewDelivery, append};

/// Returns the changes of a batch of planned webhooks.
pub fn changes<U: Unit>(
    unit: &U,
    overlay: Overlay,
    entries: &[Entry<'_>],
) -> Result<Changes, U::Fault> {
    let mut changes = overlay.into_changes()?;
    for entry in entries {
        match &entry.outcome {
            Outcome::Duplicate | Outcome::Dropped(_) => {}
            Outcome::Parked(reason) => {
                add_webhook(&mut changes, entry, Some(text(reason)), None, false);
            }
            Outcome::Planned(plan, lanes) => {
                let reason = (!plan.unmapped.is_empty()).then(|| text(&plan.unmapped.join("; ")));
                add_webhook(&mut changes, entry, reason, plan.assumed_campaign.clone(), true);
                drop_body(&mut changes, entry, plan);
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
    is_planned: bool,
) {
    let campaign = entry.campaign.clone().or(campaign);
    let (is_new, is_mapped) = (entry.new.is_some(), is_planned || entry.was_mapped);
    let counters = &mut changes.counters;
    counters.parked += i64::from(parked.is_some()) - i64::from(entry.was_parked);
    counters.received += i64::from(is_new);
    counters.mapped += i64::from(is_mapped) - i64::from(entry.was_mapped);
    counters.unmapped += i64::from(!is_mapped) - i64::from(!is_new && !entry.was_mapped);
    let Some((webhook, fingerprint)) = entry.new else {
        let id = entry.id;
        changes.replanned.push(ReplannedWebhook { id, parked, campaign, is_mapped });
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
        is_mapped,
        body: Some(webhook.body.clone()),
    });
}

/// Drops the body of a webhook that names an erased person. Its parked part can't be replayed.
fn drop_body(changes: &mut Changes, entry: &Entry<'_>, plan: &Plan) {
    if plan.erased.is_empty() {
        return;
    }
    changes.counters.parked -= i64::from(!plan.unmapped.is_empty());
    match changes.webhooks.last_mut().filter(|_| entry.new.is_some()) {
        Some(new) => (new.parked, new.body) = (None, None),
        None => changes.dropped.push(entry.id),
    }
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
    changes.counters.planned += number(lanes.iter().map(|it| it.calls.len()).sum());
    let calls = lanes.iter().flat_map(|it| it.calls.iter().map(move |call| (it.lane, call)));
    append(changes, calls.map(|(lane, call)| new(lane, call)))
}
