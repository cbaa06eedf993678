//! The tables `people`, `participants`, `links`, `effects` and `tombstones`.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::domain::EventId;
use crate::store::meta::Meta;
use crate::store::rows::{Changes, PersonRow};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::{FoundRecords, PlanKeys, PlanReads};

use super::meta;

impl PlanReads for SqliteUnit<'_> {
    const READS_HOLD: bool = true;

    async fn records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let connection = &*self.connection;
        let mut found = FoundRecords::default();
        let mut seen = HashSet::new();
        let mut add = |people: &mut Vec<PersonRow>, row: Option<PersonRow>| {
            let id = row.as_ref().map(|row| row.id);
            people.extend(row.filter(|row| seen.insert(row.id)));
            id
        };
        for identifier in &keys.identifiers {
            let sql = "SELECT id, identifier, state FROM people WHERE identifier = ?1";
            add(&mut found.people, find(connection, sql, [identifier])?);
        }
        for key in &keys.participants {
            let sql = "SELECT people.id, people.identifier, people.state
                 FROM participants JOIN people ON people.id = participants.person
                 WHERE participants.campaign = ?1 AND participants.growsurf_id = ?2";
            let row = find(connection, sql, [&key.campaign, &key.participant])?;
            let id = add(&mut found.people, row);
            found.participants.push((key.clone(), id));
        }
        for link in &keys.links {
            let sql = "SELECT people.id, people.identifier, people.state
                 FROM links JOIN people ON people.id = links.person
                 WHERE links.campaign = ?1 AND links.code = ?2";
            let row = find(connection, sql, [&link.campaign, &link.code])?;
            let id = add(&mut found.people, row);
            found.links.push((link.clone(), id));
        }
        for id in &keys.effects {
            let mut statement = connection.prepare_cached("SELECT 1 FROM effects WHERE id = ?1")?;
            found.effects.extend(statement.exists([id.0])?.then_some(*id));
        }
        for hash in &keys.tombstones {
            let mut statement =
                connection.prepare_cached("SELECT forgotten_at FROM tombstones WHERE hash = ?1")?;
            let erased_at = statement.query_row([hash], |row| row.get(0)).optional()?;
            found.tombstones.extend(erased_at.map(|at| (*hash, at)));
        }
        found.tombstone_check = meta::recall(connection, Meta::TombstoneCheck)?;
        Ok(found)
    }

    async fn hold_records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let mut found = self.records(keys).await?;
        let taken: HashSet<&String> = found.people.iter().map(|row| &row.identifier).collect();
        for identifier in keys.identifiers.iter().filter(|column| !taken.contains(column)) {
            let last = match self.reserved {
                Some(last) => last,
                None => last_person(self.connection)?,
            };
            self.reserved = Some(last + 1);
            found.reserved.push((identifier.clone(), last + 1));
        }
        Ok(found)
    }
}

/// Returns the last number that a person was given, also one who isn't there any more.
fn last_person(connection: &Connection) -> Result<i64, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'people'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn find(connection: &Connection, sql: &str, of: impl Params) -> Result<Option<PersonRow>, Fault> {
    let row = |row: &Row<'_>| {
        Ok(PersonRow { id: row.get(0)?, identifier: row.get(1)?, state: row.get(2)? })
    };
    Ok(connection.prepare_cached(sql)?.query_row(of, row).optional()?)
}

/// Writes people, whom they are at GrowSurf, and the ledger.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for PersonRow { id, identifier, state } in &changes.people {
        connection
            .prepare_cached("UPDATE people SET identifier = ?2, state = ?3 WHERE id = ?1")?
            .execute(params![id, identifier, state])?;
    }
    for PersonRow { id, identifier, state } in &changes.new_people {
        connection
            .prepare_cached("INSERT INTO people (id, identifier, state) VALUES (?1, ?2, ?3)")?
            .execute(params![id, identifier, state])?;
    }
    for (key, person) in &changes.new_participants {
        connection
            .prepare_cached(
                "INSERT INTO participants (campaign, growsurf_id, person) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![key.campaign, key.participant, person])?;
    }
    for (key, person) in &changes.moved_participants {
        connection
            .prepare_cached(
                "UPDATE participants SET person = ?3 WHERE campaign = ?1 AND growsurf_id = ?2",
            )?
            .execute(params![key.campaign, key.participant, person])?;
    }
    for (link, person) in &changes.links {
        connection
            .prepare_cached(
                "INSERT INTO links (campaign, code, person) VALUES (?1, ?2, ?3)
                 ON CONFLICT (campaign, code) DO UPDATE SET person = excluded.person",
            )?
            .execute(params![link.campaign, link.code, person])?;
    }
    for (EventId(id), webhook) in &changes.effects {
        connection
            .prepare_cached("INSERT INTO effects (id, webhook) VALUES (?1, ?2)")?
            .execute(params![id, webhook.0.as_bytes()])?;
    }
    Ok(())
}
