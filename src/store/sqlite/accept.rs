//! Accept and replay: a webhook and all it leads to, in one go.
//!
//! What belongs here: the inbox row, duplicates, parking, and the application of a plan. What
//! doesn't: how a plan is made (`planning`) and how lanes take calls in (`lanes`).

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{
    Call, Class, EventId, LaneId, Notification, Plan, Planned, Receipt, ReceivedWebhook, Source,
    Status, Time, WebhookId,
};
use crate::store::StoreError;
use crate::store::planning::dropped;
use crate::store::record::text;
use crate::store::rows::{Changes, Counters};
use crate::store::work::{NewDelivery, append};

use super::effects;
use super::erasing;
use super::fault::Fault;
use super::people;
use super::planning::Planning;
use super::tables::{self, meta::count};
use super::writer::undo;

/// The row of the inbox that is planned for.
enum Row<'a> {
    New { arrival: &'a ReceivedWebhook, sha256: &'a [u8; 32] },
    Kept(Kept),
}

impl Row<'_> {
    fn id(&self) -> WebhookId {
        match self {
            Self::New { arrival, .. } => arrival.webhook.id,
            Self::Kept(kept) => kept.id,
        }
    }

    /// The class of the calls that it leads to.
    fn class(&self) -> Class {
        match self {
            Self::New { arrival, .. } => arrival.class,
            Self::Kept(kept) => kept.class,
        }
    }

    /// The class of an arrival; `None` of what is stored already, which is never dropped.
    fn arrives_as(&self) -> Option<Class> {
        match self {
            Self::New { arrival, .. } => Some(arrival.class),
            Self::Kept(_) => None,
        }
    }
}

struct Kept {
    seq: i64,
    id: WebhookId,
    received_at: Time,
    parked: bool,
    class: Class,
    campaign: Option<String>,
}

/// What an applied plan came to.
struct Applied {
    calls: usize,
    unmapped: Vec<String>,
    kinds: BTreeMap<String, u64>,
    notices: Vec<String>,
}

/// See [`Store::accept`](crate::store::Store::accept).
pub(super) fn accept(
    connection: &Connection,
    planning: &Planning,
    sha256: &[u8; 32],
    arrival: &ReceivedWebhook,
    now: Time,
) -> Result<Receipt, Fault> {
    let kept = connection
        .prepare_cached(
            "SELECT seq, id, received_at, parked IS NOT NULL, source, campaign FROM inbox
             WHERE sha256 = ?1",
        )?
        .query_row([sha256], kept)
        .optional()?;
    let row = match kept {
        Some(kept) if !kept.parked => {
            return Ok(Receipt::without_calls(kept.id, Status::Duplicate));
        }
        Some(kept) => Row::Kept(kept),
        None => Row::New { arrival, sha256 },
    };
    take_in(connection, planning, &row, &arrival.decoded, now)
}

/// See [`Store::replay`](crate::store::Store::replay).
pub(super) fn replay(
    connection: &Connection,
    planning: &Planning,
    id: WebhookId,
    reading: &Result<Notification, String>,
    now: Time,
    dry_run: bool,
) -> Result<Receipt, Fault> {
    let kept = connection
        .prepare_cached(
            "SELECT seq, id, received_at, parked IS NOT NULL, source, campaign FROM inbox
             WHERE id = ?1 AND body IS NOT NULL",
        )?
        .query_row([id.0.as_bytes()], kept)
        .optional()?
        .ok_or(Fault::Store(StoreError::NoSuchWebhook(id)))?;
    let receipt = take_in(connection, planning, &Row::Kept(kept), reading, now)?;
    if dry_run {
        // Done and undone, so that it tells exactly what would happen.
        undo(connection)?;
    }
    Ok(receipt)
}

fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    let source = Source::from_label(row.get_ref(4)?.as_str()?);
    Ok(Kept {
        seq: row.get(0)?,
        id: WebhookId(uuid::Uuid::from_bytes(row.get(1)?)),
        received_at: Time::from_micros(row.get(2)?),
        parked: row.get(3)?,
        class: source.map_or(Class::Live, Class::of_stored),
        campaign: row.get(5)?,
    })
}

/// Plans and applies. A plan that the schema refuses parks the webhook as if there were none.
fn take_in(
    connection: &Connection,
    planning: &Planning,
    row: &Row<'_>,
    reading: &Result<Notification, String>,
    now: Time,
) -> Result<Receipt, Fault> {
    let (id, received_at, assumed) = match row {
        Row::New { arrival, .. } => (arrival.webhook.id, arrival.webhook.received_at, None),
        Row::Kept(kept) => (kept.id, kept.received_at, kept.campaign.as_deref()),
    };
    let arrives_as = row.arrives_as();
    let keep = |planned: Planned| match arrives_as.and_then(|class| dropped(class, &planned)) {
        Some(why) => Ok(Err(why)),
        None => write(connection, planning, row, planned, now).map(Ok),
    };
    let kept = match planning.plan(connection, reading, assumed, received_at, now).and_then(keep) {
        Err(fault) if fault.blames_the_plan() => {
            undo(connection)?;
            keep(Err(format!("internal: {fault}")))?
        }
        kept => kept?,
    };
    let written = match kept {
        Ok(written) => written,
        Err(why) => return Ok(Receipt::without_calls(id, Status::Dropped(why))),
    };
    Ok(match written {
        Ok(Applied { calls, unmapped, kinds, notices }) => {
            Receipt { id, status: Status::Accepted, calls, unmapped, kinds, notices }
        }
        Err(reason) => Receipt::without_calls(id, Status::Parked { reason }),
    })
}

fn write(
    connection: &Connection,
    planning: &Planning,
    row: &Row<'_>,
    planned: Planned,
    now: Time,
) -> Result<Result<Applied, String>, Fault> {
    let parked = match &planned {
        Ok(plan) if plan.unmapped.is_empty() => None,
        Ok(plan) => Some(plan.unmapped.join("; ")),
        Err(reason) => Some(reason.clone()),
    };
    let campaign = planned.as_ref().ok().and_then(|plan| plan.assumed_campaign.as_deref());
    let seq = write_row(connection, row, campaign, parked.as_deref().map(text).as_deref())?;
    if let Ok(Plan { erased: forgotten, .. }) = &planned
        && !forgotten.is_empty()
    {
        erasing::overwriting(connection, || {
            erasing::redact_body(connection, seq, planning.redact, forgotten)
        })?;
    }
    Ok(match planned {
        Ok(plan) => Ok(apply(connection, (seq, row.id()), row.class(), plan, now)?),
        Err(reason) => Err(reason),
    })
}

fn write_row(
    connection: &Connection,
    row: &Row<'_>,
    campaign: Option<&str>,
    parked: Option<&str>,
) -> Result<i64, Fault> {
    let (seq, was_parked) = match row {
        Row::New { arrival, sha256 } => {
            let webhook = &arrival.webhook;
            let seq = connection
                .prepare_cached(
                    "INSERT INTO inbox
                         (id, sha256, received_at, source, owner, campaign, event, parked, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .insert(params![
                    webhook.id.0.as_bytes(),
                    sha256,
                    webhook.received_at.micros(),
                    webhook.source.label(),
                    webhook.owner,
                    campaign,
                    webhook.event.as_deref().map(text),
                    parked,
                    webhook.body,
                ])?;
            (seq, false)
        }
        Row::Kept(kept) => {
            connection
                .prepare_cached(
                    "UPDATE inbox SET parked = ?2, campaign = coalesce(campaign, ?3)
                     WHERE seq = ?1",
                )?
                .execute(params![kept.seq, parked, campaign])?;
            (kept.seq, kept.parked)
        }
    };
    let parked = i64::from(parked.is_some()) - i64::from(was_parked);
    count(connection, Counters { parked, ..Counters::default() })?;
    Ok(seq)
}

fn apply(
    connection: &Connection,
    (webhook, id): (i64, WebhookId),
    class: Class,
    plan: Plan,
    now: Time,
) -> Result<Applied, Fault> {
    let (mut calls, mut kinds) = (0, BTreeMap::new());
    let mut changes = Changes::default();
    for id in plan.ledger_only {
        is_new(connection, id)?;
    }
    for message in &plan.messages {
        effects::write(connection, message)?;
    }
    for person in plan.mentioned {
        people::mention(connection, person, webhook)?;
    }
    for lane in plan.lanes {
        let person = people::write(connection, &lane.person)?;
        people::mention(connection, person, webhook)?;
        let mut new = Vec::with_capacity(lane.calls.len());
        for planned in lane.calls {
            let is_new = match &planned.call {
                Call::Track { event_id, .. } => is_new(connection, *event_id)?,
                _ => true,
            };
            if is_new {
                *kinds.entry(planned.kind().to_owned()).or_default() += 1;
                new.push(planned.call);
            }
        }
        calls += new.len();
        let new = new.iter().map(|call| NewDelivery {
            lane: LaneId(person.0),
            webhook: Some(id),
            class,
            call,
            planned_at: now,
            due_at: now.micros(),
        });
        append(&mut changes, new)?;
    }
    tables::write(connection, changes)?;
    Ok(Applied { calls, unmapped: plan.unmapped, kinds, notices: plan.notices })
}

/// Enters an effect into the ledger; `false` if it is there already. The plan asked before, so
/// this is the last line of defence: an effect that the plan tells twice happens once.
fn is_new(connection: &Connection, event_id: EventId) -> rusqlite::Result<bool> {
    let inserted = connection
        .prepare_cached("INSERT INTO effects (id) VALUES (?1) ON CONFLICT (id) DO NOTHING")?
        .execute([event_id.0])?;
    Ok(inserted == 1)
}
