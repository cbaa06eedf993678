//! Asking: the planner's questions about a whole batch, in few statements and under lock.
//!
//! What belongs here: which rows are locked, in which order, and what they answer. What doesn't:
//! what comes of the answers (`world`).
//!
//! Whoever changes a person, or makes one, holds the row of their identifier until the commit: rows
//! that aren't there are made first, sorted by identifier; then all are locked, sorted by number. So
//! two batches that meet, on two relays, wait for each other in one direction. What is read after
//! the locks stays true until the commit.

use std::collections::BTreeSet;

use crate::domain::{EventId, Link, ParticipantKey, ReadKey, Time};
use crate::store::record;
use crate::store::tombstones::TombstoneKey;

use super::fault::Fault;
use super::transaction::Transaction;
use super::value::text;
use super::world::World;

/// Answers the questions about people, once a transaction: rows found later couldn't be locked in
/// order.
///
/// # Errors
/// [`Fault::Overtaken`] if another transaction was in the way.
pub(super) async fn people(
    transaction: &Transaction,
    world: &mut World,
    lookups: &BTreeSet<ReadKey>,
) -> Result<(), Fault> {
    let wanted = Wanted::of(lookups);
    if wanted.is_empty() {
        return Ok(());
    }
    let columns = &wanted.columns;
    let blanks = "INSERT INTO people (identifier, state)
         SELECT identifier, '' FROM unnest($1::text[]) AS new (identifier)
         WHERE NOT EXISTS (SELECT 1 FROM people WHERE people.identifier = new.identifier)
         ORDER BY identifier COLLATE \"C\"
         ON CONFLICT (identifier) DO NOTHING RETURNING id, identifier";
    for row in transaction.rows(blanks, &[columns]).await? {
        world.blank(row.try_get(1)?, row.try_get(0)?);
    }
    found(transaction, world, &wanted, &format!("{FOUND} FOR UPDATE")).await?;
    if columns.iter().any(|column| !world.has_asked(column)) {
        return Err(Fault::Overtaken);
    }
    // Asked again, because a participant may have become somebody else's while this waited.
    owners(transaction, world, &wanted).await
}

/// The people that some questions are about.
const FOUND: &str = "SELECT id, identifier, state FROM people
     WHERE state <> '' AND id IN (
         SELECT id FROM people WHERE identifier = ANY ($1)
         UNION ALL
         SELECT person FROM participants
         JOIN unnest($2::text[], $3::text[]) AS key (campaign, id)
             ON participants.campaign = key.campaign AND growsurf_id = key.id
         UNION ALL
         SELECT person FROM links
         JOIN unnest($4::text[], $5::text[]) AS link (campaign, code)
             ON links.campaign = link.campaign AND links.code = link.code
     )
     ORDER BY id";

/// What is asked about people.
struct Wanted<'a> {
    /// Identifiers as columns.
    columns: Vec<String>,
    keys: Vec<&'a ParticipantKey>,
    /// The campaigns of participants, and their ids.
    campaigns: Vec<String>,
    ids: Vec<String>,
    links: Vec<&'a Link>,
    /// The campaigns of links, and their codes.
    owing: Vec<String>,
    codes: Vec<String>,
}

impl<'a> Wanted<'a> {
    fn of(lookups: &'a BTreeSet<ReadKey>) -> Self {
        let mut columns = BTreeSet::new();
        let mut keys = Vec::new();
        let mut links = Vec::new();
        for lookup in lookups {
            match lookup {
                ReadKey::Identifier(identifier) => {
                    columns.insert(text(&record::column(identifier)));
                }
                ReadKey::Participant(key) => keys.push(key),
                ReadKey::Link(link) => links.push(link),
                ReadKey::Effect(_) | ReadKey::Tombstone(_) => {}
            }
        }
        let campaigns = keys.iter().map(|key| text(&key.campaign)).collect();
        let ids = keys.iter().map(|key| text(&key.participant)).collect();
        let owing = links.iter().map(|link| text(&link.campaign)).collect();
        let codes = links.iter().map(|link| text(&link.code)).collect();
        let columns = columns.into_iter().collect();
        Self { columns, keys, campaigns, ids, links, owing, codes }
    }

    fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.keys.is_empty() && self.links.is_empty()
    }
}

/// Answers the questions about people without a lock: for those who change nothing.
///
/// # Errors
/// [`Fault::Overtaken`] if another transaction was in the way.
pub(super) async fn people_as_they_are(
    transaction: &Transaction,
    world: &mut World,
    lookups: &BTreeSet<ReadKey>,
) -> Result<(), Fault> {
    let wanted = Wanted::of(lookups);
    if wanted.is_empty() {
        return Ok(());
    }
    found(transaction, world, &wanted, FOUND).await?;
    for column in &wanted.columns {
        if !world.has_asked(column) {
            world.nobody(column.clone());
        }
    }
    owners(transaction, world, &wanted).await
}

/// Takes in the people that a statement finds.
async fn found(
    transaction: &Transaction,
    world: &mut World,
    wanted: &Wanted<'_>,
    sql: &str,
) -> Result<(), Fault> {
    let Wanted { columns, campaigns, ids, owing, codes, .. } = wanted;
    for row in transaction.rows(sql, &[columns, campaigns, ids, owing, codes]).await? {
        let (id, column, state): (i64, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let person = record::person(id, &column, &state)?;
        world.person(column, id, person);
    }
    Ok(())
}

/// Answers which people participants are, and whose links are whose.
async fn owners(
    transaction: &Transaction,
    world: &mut World,
    wanted: &Wanted<'_>,
) -> Result<(), Fault> {
    let whose = "SELECT person FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
             AS key (campaign, id, place)
         LEFT JOIN participants
             ON participants.campaign = key.campaign AND growsurf_id = key.id
         ORDER BY place";
    let owner = |world: &World, row: &tokio_postgres::Row| {
        let person: Option<i64> = row.try_get(0)?;
        if person.is_some_and(|id| !world.has(id)) {
            return Err(Fault::Overtaken);
        }
        Ok(person)
    };
    let rows = transaction.rows(whose, &[&wanted.campaigns, &wanted.ids]).await?;
    for (key, row) in wanted.keys.iter().zip(rows) {
        let person = owner(world, &row)?;
        world.participant((*key).clone(), person);
    }
    if wanted.links.is_empty() {
        return Ok(());
    }
    // A version that knows no links may have left one of somebody who isn't there any more.
    let whose = "SELECT people.id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
             AS link (campaign, code, place)
         LEFT JOIN links ON links.campaign = link.campaign AND links.code = link.code
         LEFT JOIN people ON people.id = links.person AND people.state <> ''
         ORDER BY place";
    let rows = transaction.rows(whose, &[&wanted.owing, &wanted.codes]).await?;
    for (link, row) in wanted.links.iter().zip(rows) {
        let person = owner(world, &row)?;
        world.link((*link).clone(), person);
    }
    Ok(())
}

/// Answers the other questions; they may come one after the other.
pub(super) async fn ledgers(
    transaction: &Transaction,
    world: &mut World,
    key: &TombstoneKey,
    lookups: &BTreeSet<ReadKey>,
) -> Result<(), Fault> {
    let mut effects: Vec<EventId> = Vec::new();
    let mut traces = Vec::new();
    for lookup in lookups {
        match lookup {
            ReadKey::Effect(id) => effects.push(*id),
            ReadKey::Tombstone(trace) => traces.push(trace),
            ReadKey::Identifier(_) | ReadKey::Participant(_) | ReadKey::Link(_) => {}
        }
    }
    if !effects.is_empty() {
        let ids: Vec<uuid::Uuid> = effects.iter().map(|id| uuid::Uuid::from_bytes(id.0)).collect();
        let rows = transaction.rows("SELECT id FROM effects WHERE id = ANY ($1)", &[&ids]).await?;
        let mut recorded = BTreeSet::new();
        for row in rows {
            recorded.insert(row.try_get::<_, uuid::Uuid>(0)?);
        }
        for id in effects {
            world.effect(id, recorded.contains(&uuid::Uuid::from_bytes(id.0)));
        }
    }
    if !traces.is_empty() {
        let hashes: Vec<Vec<u8>> = traces.iter().map(|trace| key.hash(trace).to_vec()).collect();
        let sql = "SELECT forgotten_at FROM unnest($1::bytea[]) WITH ORDINALITY AS it (hash, place)
             LEFT JOIN tombstones ON tombstones.hash = it.hash ORDER BY place";
        for (trace, row) in traces.into_iter().zip(transaction.rows(sql, &[&hashes]).await?) {
            let forgotten_at: Option<i64> = row.try_get(0)?;
            world.tombstone(trace.clone(), forgotten_at.map(Time::from_micros));
        }
    }
    Ok(())
}
