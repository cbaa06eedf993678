//! Accept and replay: a batch of webhooks and all they lead to, in one transaction and few
//! statements.
//!
//! What belongs here: duplicates, parking, and planning webhook by webhook until nothing more must
//! be asked. What doesn't: the questions (`asking`), the rows that come of it (`keeping`), and how
//! webhooks come to share a batch (`intake`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::domain::{
    Class, Dropped, Notification, Plan, Planned, ReadKey, Receipt, Status, Time, Webhook, WebhookId,
};
use crate::store::StoreError;
use crate::store::planning;
use crate::store::record;

use super::asking;
use super::fault::Fault;
use super::keeping;
use super::planning::Planning;
use super::transaction::Transaction;
use super::world::{LaneCalls, Unapplied, World};

/// A webhook that is to be planned.
pub(super) struct Item<'a> {
    pub(super) what: What<'a>,
    pub(super) reading: &'a Result<Notification, String>,
    pub(super) class: Class,
    pub(super) now: Time,
}

/// Which webhook it is.
pub(super) enum What<'a> {
    /// One that came in, with the hash of its body.
    Arrived(&'a Webhook, [u8; 32]),
    /// One that is kept.
    Kept(WebhookId),
}

/// A webhook as the inbox has it.
struct Row {
    id: Uuid,
    received_at: Time,
    was_parked: bool,
    class: Class,
    /// The campaign it was planned in before, if it names none.
    campaign: Option<String>,
}

/// A webhook on its way through a batch.
pub(super) struct Entry<'a> {
    pub(super) id: Uuid,
    /// What is to be written as a new row; `None` if there is one.
    pub(super) new: Option<(&'a Webhook, [u8; 32])>,
    pub(super) received_at: Time,
    pub(super) was_parked: bool,
    pub(super) class: Class,
    pub(super) now: Time,
    pub(super) outcome: Outcome,
}

/// What became of it.
pub(super) enum Outcome {
    /// Its very bytes are there already.
    Duplicate,
    /// Why nothing of it is mapped.
    Parked(String),
    /// It is a page's post that leads to nothing.
    Dropped(Dropped),
    /// What was planned, and the calls that are new.
    Planned(Box<Plan>, Vec<LaneCalls>),
}

/// Takes a batch in; no two of its webhooks have the same bytes. `wanted` keeps what was asked, so
/// that the next try asks everything at once.
pub(super) async fn take_in(
    transaction: &Transaction,
    planning: &Planning,
    items: &[Item<'_>],
    wanted: &mut BTreeSet<ReadKey>,
) -> Result<Vec<Receipt>, Fault> {
    let rows = rows(transaction, items).await?;
    let mut world = World::new(planning.hash_key);
    let mut asked = BTreeSet::new();
    let mut locked = false;
    if !wanted.is_empty() {
        ask(transaction, planning, &mut world, wanted).await?;
        (asked, locked) = (wanted.clone(), true);
    }
    let (world, entries) = loop {
        let mut after = world.clone();
        let (entries, needs) = attempt(planning, &mut after, items, &rows)?;
        let needs: BTreeSet<ReadKey> = needs.difference(&asked).cloned().collect();
        if needs.is_empty() {
            break (after, entries);
        }
        wanted.extend(needs.iter().cloned());
        let of_people = |it: &ReadKey| {
            matches!(it, ReadKey::Identifier(_) | ReadKey::Participant(_) | ReadKey::Link(_))
        };
        if locked && needs.iter().any(of_people) {
            return Err(Fault::Overtaken);
        }
        locked |= needs.iter().any(of_people);
        ask(transaction, planning, &mut world, &needs).await?;
        asked.extend(needs);
    };
    keeping::keep(transaction, planning, &world, &entries).await?;
    Ok(entries.into_iter().map(receipt).collect())
}

async fn ask(
    transaction: &Transaction,
    planning: &Planning,
    world: &mut World,
    lookups: &BTreeSet<ReadKey>,
) -> Result<(), Fault> {
    asking::people(transaction, world, lookups).await?;
    // Behind the locks: whoever isn't there because they were forgotten has their tombstone by now.
    world.has_tombstones = planning.has_tombstones(transaction).await?;
    asking::ledgers(transaction, world, &planning.tombstones, lookups).await
}

/// Finds the rows that are there, and holds those that will change.
async fn rows(transaction: &Transaction, items: &[Item<'_>]) -> Result<Vec<Option<Row>>, Fault> {
    let mut hashes: Vec<&[u8]> = Vec::new();
    let mut ids: Vec<Uuid> = Vec::new();
    for item in items {
        match &item.what {
            What::Arrived(_, sha256) => hashes.push(sha256),
            What::Kept(id) => ids.push(id.0),
        }
    }
    let sql = "SELECT id, sha256, received_at, parked IS NOT NULL, source, campaign FROM inbox
         WHERE sha256 = ANY ($1) OR (id = ANY ($2) AND body IS NOT NULL)";
    let mut of_hash: HashMap<Vec<u8>, Row> = HashMap::new();
    let mut held: Vec<Uuid> = Vec::new();
    for row in transaction.rows(sql, &[&hashes, &ids]).await? {
        let (id, was_parked) = (row.try_get(0)?, row.try_get(3)?);
        let received_at = Time::from_micros(row.try_get(2)?);
        if was_parked || ids.contains(&id) {
            held.push(id);
        }
        let class = Class::of_stored(record::source(row.try_get(4)?)?);
        let campaign = row.try_get(5)?;
        of_hash.insert(row.try_get(1)?, Row { id, received_at, was_parked, class, campaign });
    }
    if !held.is_empty() {
        let sql = "SELECT id, parked IS NOT NULL, campaign FROM inbox WHERE id = ANY ($1)
             ORDER BY id FOR UPDATE";
        for now in transaction.rows(sql, &[&held]).await? {
            let id: Uuid = now.try_get(0)?;
            let row = of_hash.values_mut().find(|row| row.id == id).ok_or(Fault::Overtaken)?;
            (row.was_parked, row.campaign) = (now.try_get(1)?, now.try_get(2)?);
        }
    }
    let mut of_id: HashMap<Uuid, Row> = HashMap::new();
    items
        .iter()
        .map(|item| match &item.what {
            What::Arrived(_, sha256) => Ok(of_hash.remove(sha256.as_slice())),
            What::Kept(id) => {
                if of_id.is_empty() {
                    of_id = of_hash.drain().map(|(_, row)| (row.id, row)).collect();
                }
                let none = Fault::Store(StoreError::NoSuchWebhook(*id));
                of_id.remove(&id.0).map(Some).ok_or(none)
            }
        })
        .collect()
}

/// Plans and applies one webhook after the other; and what must be asked first, if anything.
fn attempt<'a>(
    planning: &Planning,
    world: &mut World,
    items: &[Item<'a>],
    rows: &[Option<Row>],
) -> Result<(Vec<Entry<'a>>, BTreeSet<ReadKey>), Fault> {
    let mut entries = Vec::with_capacity(items.len());
    let mut needs = BTreeSet::new();
    for (item, row) in items.iter().zip(rows) {
        let (id, received_at, new) = match (&item.what, row) {
            (_, Some(row)) => (row.id, row.received_at, None),
            (What::Arrived(webhook, sha256), None) => {
                (webhook.id.0, webhook.received_at, Some((*webhook, *sha256)))
            }
            (What::Kept(id), None) => return Err(StoreError::NoSuchWebhook(*id).into()),
        };
        let was_parked = row.as_ref().is_some_and(|row| row.was_parked);
        let arrived = matches!(item.what, What::Arrived(..));
        let outcome = if arrived && row.is_some() && !was_parked {
            Outcome::Duplicate
        } else {
            let assumed = row.as_ref().and_then(|row| row.campaign.as_deref());
            match plan(planning, world, item, assumed, received_at) {
                Ok(outcome) => outcome,
                Err(missing) => {
                    needs.extend(missing);
                    continue;
                }
            }
        };
        entries.push(Entry {
            id,
            new,
            received_at,
            was_parked,
            class: match item.what {
                What::Arrived(..) => item.class,
                What::Kept(_) => row.as_ref().map_or(item.class, |row| row.class),
            },
            now: item.now,
            outcome,
        });
    }
    Ok((entries, needs))
}

/// What one webhook leads to, applied; or what must be asked first.
fn plan(
    planning: &Planning,
    world: &mut World,
    item: &Item<'_>,
    assumed: Option<&str>,
    received_at: Time,
) -> Result<Outcome, Vec<ReadKey>> {
    let answer = |known: &mut _, lookups: Vec<ReadKey>| {
        let unanswered = world.answer(known, lookups);
        if unanswered.is_empty() { Ok(()) } else { Err(unanswered) }
    };
    let known = world.known(item.now);
    let planned: Planned =
        planning::plan(&*planning.planner, item.reading, assumed, received_at, known, answer)?;
    let class = matches!(item.what, What::Arrived(..)).then_some(item.class);
    let unapplied = |planned: &Planned| class.and_then(|class| planning::dropped(class, planned));
    if let Some(why) = unapplied(&planned) {
        return Ok(Outcome::Dropped(why));
    }
    let reason = match planned {
        Err(reason) => reason,
        Ok(plan) => match world.apply(&plan) {
            Ok(calls) => return Ok(Outcome::Planned(Box::new(plan), calls)),
            Err(Unapplied::Needs(needs)) => return Err(needs),
            Err(Unapplied::Contradiction(why)) => format!("internal: {why}"),
        },
    };
    let why = unapplied(&Err(reason.clone()));
    Ok(why.map_or(Outcome::Parked(reason), Outcome::Dropped))
}

fn receipt(entry: Entry<'_>) -> Receipt {
    let id = WebhookId(entry.id);
    match entry.outcome {
        Outcome::Duplicate => Receipt::without_calls(id, Status::Duplicate),
        Outcome::Parked(reason) => Receipt::without_calls(id, Status::Parked { reason }),
        Outcome::Dropped(why) => Receipt::without_calls(id, Status::Dropped(why)),
        Outcome::Planned(plan, lanes) => {
            let calls = lanes.iter().map(|lane| lane.calls.len()).sum();
            let Plan { unmapped, notices, .. } = *plan;
            let mut kinds = BTreeMap::new();
            for (kind, count) in lanes.into_iter().flat_map(|lane| lane.kinds) {
                *kinds.entry(kind).or_default() += count;
            }
            Receipt { id, status: Status::Accepted, calls, unmapped, kinds, notices }
        }
    }
}
