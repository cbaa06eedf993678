//! The tables `people`, `participants`, `links`, `effects` and `tombstones`.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use crate::domain::EventId;
use crate::store::meta::Meta;
use crate::store::rows::{Changes, PersonRow};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::{FoundRecords, PlanKeys, PlanReads};

use super::erasing::person;
use super::{change, find, first, meta};

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
            add(&mut found.people, find(connection, sql, [identifier], person)?);
        }
        for key in &keys.participants {
            let sql = "SELECT people.id, people.identifier, people.state
                 FROM participants JOIN people ON people.id = participants.person
                 WHERE participants.campaign = ?1 AND participants.growsurf_id = ?2";
            let row = find(connection, sql, [&key.campaign, &key.participant], person)?;
            let id = add(&mut found.people, row);
            found.participants.push((key.clone(), id));
        }
        for link in &keys.links {
            let sql = "SELECT people.id, people.identifier, people.state
                 FROM links JOIN people ON people.id = links.person
                 WHERE links.campaign = ?1 AND links.code = ?2";
            let row = find(connection, sql, [&link.campaign, &link.code], person)?;
            let id = add(&mut found.people, row);
            found.links.push((link.clone(), id));
        }
        for id in &keys.effects {
            let mut statement = connection.prepare_cached("SELECT 1 FROM effects WHERE id = ?1")?;
            found.effects.extend(statement.exists([id.0])?.then_some(*id));
        }
        for hash in &keys.tombstones {
            let sql = "SELECT forgotten_at FROM tombstones WHERE hash = ?1";
            let erased_at = find(connection, sql, [hash], first)?;
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
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'people'";
    Ok(find(connection, sql, [], first)?.unwrap_or(0))
}

/// Writes people, whom they are at GrowSurf, and the ledger.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for PersonRow { id, identifier, state } in &changes.people {
        let sql = "UPDATE people SET identifier = ?2, state = ?3 WHERE id = ?1";
        change(connection, sql, params![id, identifier, state])?;
    }
    for PersonRow { id, identifier, state } in &changes.new_people {
        let sql = "INSERT INTO people (id, identifier, state) VALUES (?1, ?2, ?3)";
        change(connection, sql, params![id, identifier, state])?;
    }
    for (key, person) in &changes.new_participants {
        let sql = "INSERT INTO participants (campaign, growsurf_id, person) VALUES (?1, ?2, ?3)";
        change(connection, sql, params![key.campaign, key.participant, person])?;
    }
    for (key, person) in &changes.moved_participants {
        let sql = "UPDATE participants SET person = ?3 WHERE campaign = ?1 AND growsurf_id = ?2";
        change(connection, sql, params![key.campaign, key.participant, person])?;
    }
    for (link, person) in &changes.links {
        let sql = "INSERT INTO links (campaign, code, person) VALUES (?1, ?2, ?3)
             ON CONFLICT (campaign, code) DO UPDATE SET person = excluded.person";
        change(connection, sql, params![link.campaign, link.code, person])?;
    }
    for (EventId(id), webhook) in &changes.effects {
        let sql = "INSERT INTO effects (id, webhook) VALUES (?1, ?2)";
        change(connection, sql, params![id, webhook.0.as_bytes()])?;
    }
    Ok(())
}
