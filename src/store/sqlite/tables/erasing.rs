//! Reads of erasing, and what it writes: a person's rows go, and others' lose what names the person.

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::domain::{LaneId, Webhook, WebhookId};
use crate::store::rows::{CallRow, Changes, PersonRow};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::ErasureRows;

use super::inbox::webhook;

/// The sources whose webhooks the mentions lead to, as a list of SQL.
#[cfg(test)]
const BY_GROWSURF: &str = "'growsurf', 'growsurf_api'";

impl ErasureRows for SqliteUnit<'_> {
    async fn people_after(&mut self, after: i64, limit: i64) -> Result<Vec<PersonRow>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, identifier, state FROM people WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query_map([after, limit], person)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    async fn hold_people(&mut self, ids: &[i64]) -> Result<Vec<PersonRow>, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, identifier, state FROM people WHERE id = ?1")?;
        let mut found = Vec::new();
        for id in ids {
            found.extend(statement.query_map([id], person)?.next().transpose()?);
        }
        Ok(found)
    }

    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT inbox.id FROM mentions CROSS JOIN inbox ON inbox.seq = mentions.webhook
             WHERE mentions.person = ?1",
        )?;
        let mut found = Vec::new();
        for person in people {
            let ids = statement.query_map([person], |row| row.get(0))?;
            for id in ids {
                found.push(WebhookId(Uuid::from_bytes(id?)));
            }
        }
        Ok(found)
    }

    async fn searched_bodies(&mut self, after: Uuid, limit: i64) -> Result<Vec<Webhook>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, received_at, source, owner, event, body FROM inbox
             WHERE id > ?1 AND body IS NOT NULL
                 AND (parked IS NOT NULL OR source NOT IN ('growsurf', 'growsurf_api'))
             ORDER BY id LIMIT ?2",
        )?;
        statement.query_and_then(params![after.as_bytes(), limit], webhook)?.collect()
    }

    async fn hold_bodies(&mut self, ids: &[WebhookId]) -> Result<Vec<(WebhookId, bool)>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT parked IS NOT NULL FROM inbox WHERE id = ?1 AND body IS NOT NULL",
        )?;
        let mut found = Vec::new();
        for id in ids {
            let mut rows = statement.query_map([id.0.as_bytes()], |row| row.get(0))?;
            found.extend(rows.next().transpose()?.map(|is_parked| (*id, is_parked)));
        }
        Ok(found)
    }

    async fn calls_of(&mut self, webhooks: &[WebhookId]) -> Result<Vec<CallRow>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, lane, state, call, identify, identify_dead,
                 (SELECT COUNT(*) FROM dead_letters
                  WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1)),
                 EXISTS (SELECT 1 FROM dead_letters WHERE delivery = 2 * deliveries.id + 1),
                 (SELECT COUNT(*) FROM attempts
                  WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1))
             FROM deliveries WHERE webhook = (SELECT seq FROM inbox WHERE inbox.id = ?1)",
        )?;
        let mut found = Vec::new();
        for id in webhooks {
            for row in statement.query_map([id.0.as_bytes()], call)? {
                found.push(row?);
            }
        }
        Ok(found)
    }

    async fn unsettled_calls(&mut self, lane: LaneId, limit: i64) -> Result<Vec<CallRow>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, lane, state, call, identify, identify_dead,
                 (SELECT COUNT(*) FROM dead_letters
                  WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1)),
                 EXISTS (SELECT 1 FROM dead_letters WHERE delivery = 2 * deliveries.id + 1),
                 (SELECT COUNT(*) FROM attempts
                  WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1))
             FROM deliveries WHERE id IN (
                 SELECT id FROM deliveries INDEXED BY deliveries_pending
                 WHERE lane = ?1 AND state = 0
                 UNION ALL
                 SELECT deliveries.id FROM dead_letters
                 CROSS JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
                 WHERE lane = ?1
             ) LIMIT ?2",
        )?;
        let rows = statement.query_map([lane.0, limit], call)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn person(row: &Row<'_>) -> rusqlite::Result<PersonRow> {
    Ok(PersonRow { id: row.get(0)?, identifier: row.get(1)?, state: row.get(2)? })
}

fn call(row: &Row<'_>) -> rusqlite::Result<CallRow> {
    Ok(CallRow {
        row: row.get(0)?,
        lane: LaneId(row.get(1)?),
        state: row.get(2)?,
        call: row.get(3)?,
        identify: row.get(4)?,
        is_identify_dead: row.get(5)?,
        dead: row.get(6)?,
        is_call_dead: row.get(7)?,
        attempts: row.get(8)?,
    })
}

/// Writes what only erasing changes.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for (row, text, identify) in &changes.calls {
        connection
            .prepare_cached("UPDATE deliveries SET call = ?2, identify = ?3 WHERE id = ?1")?
            .execute(params![row, text, identify])?;
    }
    for (person, webhook) in &changes.removed_mentions {
        connection
            .prepare_cached(
                "DELETE FROM mentions
                 WHERE person = ?1 AND webhook = (SELECT seq FROM inbox WHERE id = ?2)",
            )?
            .execute(params![person, webhook.0.as_bytes()])?;
    }
    for (key, person) in &changes.removed_participants {
        connection
            .prepare_cached(
                "DELETE FROM participants WHERE campaign = ?1 AND growsurf_id = ?2 AND person = ?3",
            )?
            .execute(params![key.campaign, key.participant, person])?;
        connection.prepare_cached("DELETE FROM links WHERE person = ?1")?.execute([person])?;
    }
    for (hash, erased_at) in &changes.tombstones {
        connection
            .prepare_cached(
                "INSERT INTO tombstones (hash, forgotten_at) VALUES (?1, ?2)
                 ON CONFLICT (hash) DO UPDATE
                 SET forgotten_at = MAX(forgotten_at, excluded.forgotten_at)",
            )?
            .execute(params![hash, erased_at])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::domain::{Labelled, Source};

    #[test]
    fn mentions_lead_to_webhooks_of_growsurf() {
        let sources = Source::VARIANTS.iter().filter(|source| source.is_growsurf());
        let listed: Vec<String> = sources.map(|source| format!("'{}'", source.label())).collect();
        assert_eq!(listed.join(", "), BY_GROWSURF);
    }
}
