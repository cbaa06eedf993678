//! The tables `people`, `participants`, `links`, `effects` and `tombstones`.

use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, params};

use crate::domain::{EventId, PersonId};
use crate::store::meta::TOMBSTONE_CHECK;
use crate::store::rows::{Changes, PersonRow};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::{FoundRecords, Hold, PeopleRows, PlanKeys};

use super::{change, find, meta, read, read_by};

impl PeopleRows for SqliteUnit<'_> {
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
            found.participants.push((key.clone(), add(&mut found.people, row)));
        }
        for link in &keys.links {
            let sql = "SELECT people.id, people.identifier, people.state
                 FROM links JOIN people ON people.id = links.person
                 WHERE links.campaign = ?1 AND links.code = ?2";
            let row = find(connection, sql, [&link.campaign, &link.code])?;
            found.links.push((link.clone(), add(&mut found.people, row)));
        }
        for id in &keys.effects {
            let mut statement = connection.prepare_cached("SELECT 1 FROM effects WHERE id = ?1")?;
            found.effects.extend(statement.exists([id.0])?.then_some(*id));
        }
        for hash in &keys.tombstones {
            let sql = "SELECT forgotten_at FROM tombstones WHERE hash = ?1";
            let erased_at = find(connection, sql, [hash])?;
            found.tombstones.extend(erased_at.map(|at| (*hash, at)));
        }
        found.tombstone_check = meta::recall(connection, TOMBSTONE_CHECK)?;
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

    async fn people(&mut self, ids: &[i64], _hold: Hold) -> Result<Vec<PersonRow>, Fault> {
        let sql = "SELECT id, identifier, state FROM people WHERE id = ?1";
        read_by(self.connection, sql, ids)
    }

    async fn people_after(&mut self, after: i64, limit: i64) -> Result<Vec<PersonRow>, Fault> {
        let sql = "SELECT id, identifier, state FROM people WHERE id > ?1 ORDER BY id LIMIT ?2";
        read(self.connection, sql, [after, limit])
    }

    async fn people_without_traces(&mut self, ids: &[i64]) -> Result<Vec<PersonId>, Fault> {
        // The newest mention first: of a frequent person, it is the likeliest to be stored.
        let sql = "SELECT id FROM people WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM lanes WHERE id = ?1 AND leased = 1)
                 AND NOT EXISTS (
                     SELECT 1 FROM mentions CROSS JOIN deliveries INDEXED BY deliveries_webhook
                         ON deliveries.webhook = mentions.webhook
                     WHERE person = ?1 AND lane = ?1
                 )
                 AND (SELECT 1 FROM mentions CROSS JOIN inbox ON inbox.id = webhook
                  WHERE person = ?1 AND body IS NOT NULL ORDER BY webhook DESC LIMIT 1) IS NULL";
        read_by(self.connection, sql, ids)
    }

    async fn participants_between(
        &mut self,
        campaign: &str,
        after: &str,
        before: &str,
        limit: i64,
    ) -> Result<Vec<String>, Fault> {
        let sql = "SELECT growsurf_id FROM participants
             WHERE campaign = ?1 AND growsurf_id > ?2 AND growsurf_id < ?3
             ORDER BY growsurf_id LIMIT ?4";
        read(self.connection, sql, params![campaign, after, before, limit])
    }

    async fn campaigns(&mut self) -> Result<Vec<String>, Fault> {
        let mut campaigns = BTreeSet::new();
        for sql in [
            "SELECT campaign FROM participants WHERE campaign > ?1 ORDER BY campaign LIMIT 1",
            "SELECT campaign FROM links WHERE campaign > ?1 ORDER BY campaign LIMIT 1",
        ] {
            let mut last = String::new();
            while let Some(next) = find::<String>(self.connection, sql, [&last])? {
                last = next;
                campaigns.insert(last.clone());
            }
        }
        Ok(campaigns.into_iter().collect())
    }
}

/// Returns the last number that a person was given, also one who isn't there any more.
fn last_person(connection: &Connection) -> Result<i64, Fault> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'people'";
    Ok(find(connection, sql, [])?.unwrap_or(0))
}

/// Writes people, whom they are at GrowSurf, and the ledger.
pub fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
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
        change(connection, sql, params![id, webhook.0])?;
    }
    Ok(())
}

/// Removes people with their lanes, participants with links, and sets tombstones.
pub fn remove(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for (key, person) in &changes.removed_participants {
        let sql =
            "DELETE FROM participants WHERE campaign = ?1 AND growsurf_id = ?2 AND person = ?3";
        change(connection, sql, params![key.campaign, key.participant, person])?;
        change(connection, "DELETE FROM links WHERE person = ?1", [person])?;
    }
    for (hash, erased_at) in &changes.tombstones {
        let sql = "INSERT INTO tombstones (hash, forgotten_at) VALUES (?1, ?2)
             ON CONFLICT (hash) DO UPDATE
             SET forgotten_at = MAX(forgotten_at, excluded.forgotten_at)";
        change(connection, sql, params![hash, erased_at])?;
    }
    for PersonId(id) in &changes.removed_people {
        for sql in [
            "DELETE FROM mentions WHERE person = ?1",
            "DELETE FROM lanes WHERE id = ?1",
            "DELETE FROM people WHERE id = ?1",
        ] {
            change(connection, sql, [id])?;
        }
    }
    Ok(())
}
