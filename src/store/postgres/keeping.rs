//! Keeping: the rows that a batch of planned webhooks comes to, a statement a table.
//!
//! What belongs here: those statements, sent one behind the other without waiting in between. What
//! doesn't: what is to be written (`accept`, `world`).

use futures_util::future::join_all;
use futures_util::{FutureExt, TryFutureExt};
use uuid::Uuid;

use crate::domain::{LaneId, Redaction, WebhookId};
use crate::store::record;
use crate::store::rows::{Changes, Counters};
use crate::store::unit::UnitBase;
use crate::store::work::{NewDelivery, append};

use super::accept::{Entry, Outcome};
use super::effects as messages;
use super::erasing;
use super::fault::Fault;
use super::planning::Planning;
use super::tables::{self, meta::count};
use super::transaction::Transaction;
use super::value::{Value, text};
use super::world::World;

/// Writes what became of a batch.
///
/// # Errors
/// [`Fault::Overtaken`] if another transaction wrote one of these rows first.
pub(super) async fn keep(
    transaction: &Transaction,
    planning: &Planning,
    world: &World,
    entries: &[Entry<'_>],
) -> Result<(), Fault> {
    let (changes, blanks) = world.changes();
    // A blank row that nobody came for may hold the identifier that somebody else takes on.
    let no_blanks = async {
        if !blanks.is_empty() {
            transaction.change("DELETE FROM people WHERE id = ANY ($1)", &[&blanks]).await?;
        }
        Ok::<_, Fault>(())
    };
    let calls = calls(transaction, entries)?;
    let writes = [
        inbox(transaction, planning, entries).boxed(),
        no_blanks.boxed(),
        people(transaction, world).boxed(),
        participants(transaction, world).boxed(),
        links(transaction, world).boxed(),
        effects(transaction, changes.effects.iter().map(|id| Uuid::from_bytes(id.0)).collect())
            .boxed(),
        mentions(transaction, entries).boxed(),
        messages::write(transaction, entries).boxed(),
        tables::write(transaction, &calls).boxed(),
    ];
    Fault::cause(join_all(writes).await)?;
    for entry in entries {
        if let (None, Outcome::Planned(plan, _)) = (&entry.new, &entry.outcome)
            && !plan.erased.is_empty()
        {
            erasing::redact_body(transaction, entry.id, planning.redact, &plan.erased).await?;
        }
    }
    Ok(())
}

/// Why a webhook is parked, wholly or in part.
fn parked(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Duplicate | Outcome::Dropped(_) => None,
        Outcome::Parked(reason) => Some(text(reason)),
        Outcome::Planned(plan, _) if plan.unmapped.is_empty() => None,
        Outcome::Planned(plan, _) => Some(text(&plan.unmapped.join("; "))),
    }
}

/// The campaign that a webhook was planned in, if it names none.
fn campaign(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Planned(plan, _) => plan.assumed_campaign.clone(),
        Outcome::Duplicate | Outcome::Dropped(_) | Outcome::Parked(_) => None,
    }
}

#[derive(Default)]
struct Inbox {
    ids: Vec<Uuid>,
    hashes: Vec<Vec<u8>>,
    received: Vec<i64>,
    sources: Vec<&'static str>,
    owners: Vec<Option<String>>,
    campaigns: Vec<Option<String>>,
    events: Vec<Option<String>>,
    parked: Vec<Option<String>>,
    bodies: Vec<Option<Vec<u8>>>,
}

async fn inbox(
    transaction: &Transaction,
    planning: &Planning,
    entries: &[Entry<'_>],
) -> Result<(), Fault> {
    let mut new = Inbox::default();
    let mut again: Vec<Uuid> = Vec::new();
    let (mut again_parked, mut again_in): (Vec<Option<String>>, Vec<Option<String>>) =
        Default::default();
    let (mut redacted, mut redactions): (Vec<Uuid>, Vec<Vec<u8>>) = Default::default();
    let mut more_parked = 0;
    for entry in entries {
        if matches!(entry.outcome, Outcome::Duplicate | Outcome::Dropped(_)) {
            continue;
        }
        let mut parked = parked(&entry.outcome);
        let Some((webhook, sha256)) = entry.new else {
            more_parked += i64::from(parked.is_some()) - i64::from(entry.was_parked);
            again.push(entry.id);
            again_parked.push(parked);
            again_in.push(campaign(&entry.outcome));
            continue;
        };
        let mut body = Some(webhook.body.clone());
        if let Outcome::Planned(plan, _) = &entry.outcome
            && !plan.erased.is_empty()
        {
            match (planning.redact)(webhook, &plan.erased) {
                Redaction::Untouched | Redaction::Unreadable => {}
                Redaction::Body(left) => {
                    redacted.push(entry.id);
                    redactions.push(webhook.fingerprint_of(&left).to_vec());
                    body = Some(left);
                }
                // Nobody could mend what was parked of it.
                Redaction::Nothing => (body, parked) = (None, None),
            }
        }
        more_parked += i64::from(parked.is_some());
        new.ids.push(entry.id);
        new.hashes.push(sha256.to_vec());
        new.received.push(entry.received_at.micros());
        new.sources.push(webhook.source.label());
        new.owners.push(webhook.owner.clone());
        new.campaigns.push(campaign(&entry.outcome));
        new.events.push(webhook.event.as_deref().map(text));
        new.parked.push(parked);
        new.bodies.push(body);
    }
    if !new.ids.is_empty() {
        let sql = "INSERT INTO inbox
                 (id, sha256, received_at, source, owner, campaign, event, parked, body)
             SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bigint[], $4::text[], $5::text[],
                                  $6::text[], $7::text[], $8::text[], $9::bytea[])
                 AS new (id, sha256, received_at, source, owner, campaign, event, parked, body)
             ORDER BY sha256
             ON CONFLICT (sha256) DO NOTHING";
        let Inbox { ids, hashes, received, sources, owners, campaigns, events, parked, bodies } =
            &new;
        let values: [&dyn Value; 9] =
            [ids, hashes, received, sources, owners, campaigns, events, parked, bodies];
        let written = transaction.change(sql, &values).await?;
        all(written, ids.len())?;
    }
    if !again.is_empty() {
        let sql = "UPDATE inbox
             SET parked = it.parked, campaign = coalesce(inbox.campaign, it.campaign)
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS it (id, parked, campaign)
             WHERE inbox.id = it.id";
        transaction.change(sql, &[&again, &again_parked, &again_in]).await?;
    }
    if !redacted.is_empty() {
        let sql = "INSERT INTO redactions (webhook, sha256) SELECT * FROM unnest($1::uuid[], $2::bytea[])";
        transaction.change(sql, &[&redacted, &redactions]).await?;
    }
    count(transaction, Counters { parked: more_parked, ..Counters::default() }).await
}

async fn people(transaction: &Transaction, world: &World) -> Result<(), Fault> {
    let (changes, _) = world.changes();
    let (mut ids, mut columns, mut states) = (Vec::new(), Vec::new(), Vec::new());
    for id in &changes.people {
        let Some(person) = world.found(*id) else { continue };
        ids.push(*id);
        columns.push(text(&record::column(&person.identifier)));
        states.push(record::state(person)?);
    }
    if ids.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE people SET identifier = it.identifier, state = it.state
         FROM unnest($1::bigint[], $2::text[], $3::text[]) AS it (id, identifier, state)
         WHERE people.id = it.id";
    let written = transaction.change(sql, &[&ids, &columns, &states]).await?;
    all(written, ids.len())
}

async fn participants(transaction: &Transaction, world: &World) -> Result<(), Fault> {
    let (changes, _) = world.changes();
    for (keys, sql) in [
        (
            &changes.new_participants,
            "INSERT INTO participants (campaign, growsurf_id, person)
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
             ON CONFLICT (campaign, growsurf_id) DO NOTHING",
        ),
        (
            &changes.moved_participants,
            "UPDATE participants SET person = it.person
             FROM unnest($1::text[], $2::text[], $3::bigint[]) AS it (campaign, id, person)
             WHERE participants.campaign = it.campaign AND growsurf_id = it.id",
        ),
    ] {
        if keys.is_empty() {
            continue;
        }
        let campaigns: Vec<String> = keys.keys().map(|key| text(&key.campaign)).collect();
        let ids: Vec<String> = keys.keys().map(|key| text(&key.participant)).collect();
        let people: Vec<i64> = keys.values().copied().collect();
        all(transaction.change(sql, &[&campaigns, &ids, &people]).await?, people.len())?;
    }
    Ok(())
}

async fn links(transaction: &Transaction, world: &World) -> Result<(), Fault> {
    let links = &world.changes().0.links;
    if links.is_empty() {
        return Ok(());
    }
    let campaigns: Vec<String> = links.keys().map(|link| text(&link.campaign)).collect();
    let codes: Vec<String> = links.keys().map(|link| text(&link.code)).collect();
    let people: Vec<i64> = links.values().copied().collect();
    let sql = "INSERT INTO links (campaign, code, person)
         SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
         ON CONFLICT (campaign, code) DO UPDATE SET person = excluded.person";
    transaction.change(sql, &[&campaigns, &codes, &people]).map_ok(drop).await
}

async fn effects(transaction: &Transaction, ids: Vec<Uuid>) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO effects (id) SELECT unnest($1::uuid[]) ON CONFLICT (id) DO NOTHING";
    all(transaction.change(sql, &[&ids]).await?, ids.len())
}

async fn mentions(transaction: &Transaction, entries: &[Entry<'_>]) -> Result<(), Fault> {
    let (mut people, mut webhooks): (Vec<i64>, Vec<Uuid>) = Default::default();
    for entry in entries {
        let Outcome::Planned(plan, lanes) = &entry.outcome else { continue };
        let named = plan.mentioned.iter().map(|person| person.0);
        for person in named.chain(lanes.iter().map(|lane| lane.lane)) {
            people.push(person);
            webhooks.push(entry.id);
        }
    }
    if people.is_empty() {
        return Ok(());
    }
    let sql =
        "INSERT INTO mentions (person, webhook) SELECT * FROM unnest($1::bigint[], $2::uuid[])
         ON CONFLICT DO NOTHING";
    transaction.change(sql, &[&people, &webhooks]).map_ok(drop).await
}

/// Returns what the calls of a batch come to.
fn calls(transaction: &Transaction, entries: &[Entry<'_>]) -> Result<Changes, Fault> {
    let mut changes = Changes::default();
    for entry in entries {
        let Outcome::Planned(_, lanes) = &entry.outcome else { continue };
        for lane in lanes {
            let new = lane.calls.iter().map(|call| NewDelivery {
                lane: LaneId(lane.lane),
                webhook: Some(WebhookId(entry.id)),
                class: entry.class,
                call,
                planned_at: entry.now,
                due_at: transaction.by_lanes(entry.now, entry.now),
            });
            append(&mut changes, new)?;
        }
    }
    Ok(changes)
}

/// All rows were written; else somebody else wrote one of them first.
fn all(written: u64, wanted: usize) -> Result<(), Fault> {
    if usize::try_from(written) == Ok(wanted) { Ok(()) } else { Err(Fault::Overtaken) }
}
