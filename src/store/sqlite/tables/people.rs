//! Participants in pages, and visitors: rows of `people`, `lanes` and `mentions`.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use crate::domain::{Person, PersonId};
use crate::store::record;
use crate::store::rows::VisitorTraces;
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::PeopleRows;

use super::{change, find, first, read};

impl PeopleRows for SqliteUnit<'_> {
    async fn participants_after(
        &mut self,
        campaign: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Fault> {
        let sql = "SELECT growsurf_id FROM participants
             WHERE campaign = ?1 AND growsurf_id > ?2 AND growsurf_id < '~'
             ORDER BY growsurf_id LIMIT ?3";
        read(self.connection, sql, params![campaign, after, limit], first)
    }

    async fn hold_visitors(&mut self, people: &BTreeSet<PersonId>) -> Result<Vec<Person>, Fault> {
        let mut visitors = Vec::new();
        for PersonId(id) in people {
            let sql = "SELECT identifier, state FROM people
                 WHERE id = ?1 AND identifier GLOB 'anonymous:*'";
            visitors.extend(find(self.connection, sql, [id], |row| {
                let (identifier, state): (String, String) = (row.get(0)?, row.get(1)?);
                Ok(record::person(*id, &identifier, &state)?)
            })?);
        }
        Ok(visitors)
    }

    async fn visitor_traces(&mut self, people: &[PersonId]) -> Result<Vec<VisitorTraces>, Fault> {
        // The newest mention first: of whoever comes often, it is the one most likely to be kept.
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lanes WHERE id = ?1 AND leased = 1),
                 EXISTS (
                     SELECT 1 FROM mentions CROSS JOIN deliveries INDEXED BY deliveries_webhook
                         ON deliveries.webhook = mentions.webhook
                     WHERE person = ?1 AND lane = ?1
                 ),
                 (SELECT seq FROM mentions CROSS JOIN inbox ON seq = webhook
                  WHERE person = ?1 AND body IS NOT NULL ORDER BY webhook DESC LIMIT 1) IS NOT NULL",
        )?;
        let mut traces = Vec::new();
        for person in people {
            traces.push(statement.query_row([person.0], |row| {
                Ok(VisitorTraces {
                    person: *person,
                    is_leased: row.get(0)?,
                    has_delivery: row.get(1)?,
                    has_webhook: row.get(2)?,
                })
            })?);
        }
        Ok(traces)
    }
}

/// Removes people with their lanes.
pub(super) fn remove(connection: &Connection, people: &[PersonId]) -> Result<(), Fault> {
    for PersonId(id) in people {
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
