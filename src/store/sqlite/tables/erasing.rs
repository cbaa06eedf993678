//! Reads of erasing, and what it writes: a person's rows go, and others' lose what names the person.

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::domain::{LaneId, Webhook, WebhookId};
use crate::store::rows::{CallRow, Changes, PersonRow};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::ErasureRows;

use super::{change, find, read};

/// The sources whose webhooks the mentions lead to, as a list of SQL.
#[cfg(test)]
const BY_GROWSURF: &str = "'growsurf', 'growsurf_api'";

impl ErasureRows for SqliteUnit<'_> {
    async fn people_after(&mut self, after: i64, limit: i64) -> Result<Vec<PersonRow>, Fault> {
        let sql = "SELECT id, identifier, state FROM people WHERE id > ?1 ORDER BY id LIMIT ?2";
        read(self.connection, sql, [after, limit])
    }

    async fn hold_people(&mut self, ids: &[i64]) -> Result<Vec<PersonRow>, Fault> {
        let sql = "SELECT id, identifier, state FROM people WHERE id = ?1";
        let found = ids.iter().map(|id| find(self.connection, sql, [id]));
        found.filter_map(Result::transpose).collect()
    }

    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Fault> {
        let sql = "SELECT webhook FROM mentions WHERE person = ?1";
        let mut found = Vec::new();
        for person in people {
            found.extend(read::<WebhookId>(self.connection, sql, [person])?);
        }
        Ok(found)
    }

    async fn searched_bodies(&mut self, after: Uuid, limit: i64) -> Result<Vec<Webhook>, Fault> {
        let sql = "SELECT id, received_at, source, owner, event, body FROM inbox
             WHERE id > ?1 AND body IS NOT NULL
                 AND (parked IS NOT NULL OR source NOT IN ('growsurf', 'growsurf_api'))
             ORDER BY id LIMIT ?2";
        read(self.connection, sql, params![after, limit])
    }

    async fn calls_of(&mut self, webhooks: &[WebhookId]) -> Result<Vec<CallRow>, Fault> {
        let sql = "SELECT id FROM deliveries WHERE webhook = ?1";
        let mut rows = Vec::new();
        for id in webhooks {
            rows.extend(read::<i64>(self.connection, sql, [id.0])?);
        }
        calls(self.connection, &rows)
    }

    async fn unsettled_calls(&mut self, lane: LaneId, limit: i64) -> Result<Vec<CallRow>, Fault> {
        let sql = "SELECT id FROM deliveries WHERE id IN (
                 SELECT id FROM deliveries INDEXED BY deliveries_pending
                 WHERE lane = ?1 AND state = 0
                 UNION ALL
                 SELECT deliveries.id FROM dead_letters
                 CROSS JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
                 WHERE lane = ?1
             ) LIMIT ?2";
        calls(self.connection, &read(self.connection, sql, [lane.0, limit])?)
    }
}

fn calls(connection: &Connection, rows: &[i64]) -> Result<Vec<CallRow>, Fault> {
    let sql = "SELECT id, lane, state, call, identify, identify_dead,
             (SELECT COUNT(*) FROM dead_letters
              WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1)),
             EXISTS (SELECT 1 FROM dead_letters WHERE delivery = 2 * deliveries.id + 1),
             (SELECT COUNT(*) FROM attempts
              WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1))
         FROM deliveries WHERE id = ?1";
    let calls = rows.iter().map(|row| find(connection, sql, [row]));
    calls.filter_map(Result::transpose).collect()
}

/// Writes what only erasing changes.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for (row, text, identify) in &changes.calls {
        let sql = "UPDATE deliveries SET call = ?2, identify = ?3 WHERE id = ?1";
        change(connection, sql, params![row, text, identify])?;
    }
    for (person, webhook) in &changes.removed_mentions {
        let sql = "DELETE FROM mentions WHERE person = ?1 AND webhook = ?2";
        change(connection, sql, params![person, webhook.0])?;
    }
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
