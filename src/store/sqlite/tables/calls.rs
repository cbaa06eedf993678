//! Reads of deliveries with their dead letters, attempts and messages, and what is written of these.

use rusqlite::{Connection, params};

use crate::domain::{DeliveryId, EventId, Message, WebhookId};
use crate::store::PastAttempt;
use crate::store::rows::{ATTEMPTS, Changes, DeliveryRow, LetterRow, MessageKey, micros, number};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::{CallRows, Deliveries, Letters};

use super::{change, find, read, read_by};

impl CallRows for SqliteUnit<'_> {
    async fn deliveries(&mut self, which: Deliveries<'_>) -> Result<Vec<DeliveryRow>, Fault> {
        let connection = &*self.connection;
        let mut ids: Vec<i64> = match which {
            Deliveries::Rows(rows) => rows.to_vec(),
            Deliveries::Of { webhooks, lanes, each } => {
                let sql = "SELECT id FROM deliveries
                     WHERE webhook = ?1 AND (?2 IS NULL OR lane = ?2) ORDER BY id LIMIT ?3";
                let of_all = lanes.is_empty().then_some(None);
                let lanes = lanes.iter().map(|lane| Some(lane.0)).chain(of_all);
                let lanes: Vec<Option<i64>> = lanes.collect();
                let mut ids = Vec::new();
                for webhook in webhooks {
                    for lane in &lanes {
                        let values = params![webhook.0, lane, each];
                        ids.extend(read::<i64>(connection, sql, values)?);
                    }
                }
                ids
            }
            Deliveries::Unsettled { lane, limit } => {
                let sql = "SELECT id FROM deliveries WHERE id IN (
                         SELECT id FROM deliveries INDEXED BY deliveries_pending
                         WHERE lane = ?1 AND state = 0
                         UNION ALL
                         SELECT deliveries.id FROM dead_letters
                         CROSS JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
                         WHERE lane = ?1
                     ) LIMIT ?2";
                read(connection, sql, [lane.0, limit])?
            }
            Deliveries::Waiting { after: (planned_at, id), limit } => {
                let sql = "SELECT id FROM deliveries INDEXED BY deliveries_planned
                     WHERE state = 0 AND (planned_at, id) > (?1, ?2)
                     ORDER BY planned_at, id LIMIT ?3";
                read(connection, sql, [planned_at, id, limit])?
            }
        };
        ids.sort_unstable();
        ids.dedup();
        let sql = "SELECT id, lane, state, class, attempts, failing_since, delivered_at,
                 identify IS NOT NULL, identify_dead, webhook, planned_at, event_at, call, identify
             FROM deliveries WHERE id = ?1";
        read_by(connection, sql, ids)
    }

    async fn letters(&mut self, which: Letters<'_>) -> Result<Vec<LetterRow>, Fault> {
        let connection = &*self.connection;
        match which {
            Letters::Of(rows) => {
                let sql = "SELECT delivery, died_at, reason, field, attempts, http_status
                     FROM dead_letters WHERE delivery IN (2 * ?1, 2 * ?1 + 1) ORDER BY delivery";
                read_by(connection, sql, rows)
            }
            Letters::Before(DeliveryId(id), limit) => {
                let sql = "SELECT delivery, died_at, reason, field, attempts, http_status
                     FROM dead_letters WHERE delivery < ?1 ORDER BY delivery DESC LIMIT ?2";
                read(connection, sql, [id, number(limit)])
            }
            Letters::After(DeliveryId(id), limit) => {
                let sql = "SELECT delivery, died_at, reason, field, attempts, http_status
                     FROM dead_letters WHERE delivery > ?1 ORDER BY delivery LIMIT ?2";
                read(connection, sql, [id, number(limit)])
            }
        }
    }

    async fn letter_kinds(&mut self, limit: usize) -> Result<Vec<(DeliveryId, String)>, Fault> {
        // The text of a call begins with its kind, as in {"track":.
        let sql = "SELECT delivery, CASE delivery % 2 WHEN 0 THEN 'identify'
                 ELSE substr(call, 3, instr(substr(call, 3, 40), char(34)) - 1) END
             FROM dead_letters CROSS JOIN deliveries ON deliveries.id = delivery / 2
             WHERE delivery < ?1 ORDER BY delivery DESC LIMIT ?2";
        read(self.connection, sql, [i64::MAX, number(limit)])
    }

    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Fault> {
        let sql = "SELECT delivery, at, took, http_status, outcome, reason FROM attempts
             WHERE delivery = ?1 ORDER BY id";
        read_by(self.connection, sql, deliveries.iter().map(|id| id.0))
    }

    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        find(self.connection, "SELECT webhook FROM effects WHERE id = ?1", [effect.0])
    }

    async fn effect_messages(&mut self, effects: &[EventId]) -> Result<Vec<Message>, Fault> {
        let sql = "SELECT event, delivery, metric, channel, sender, sender_id, at FROM messages
             WHERE event = ?1";
        read_by(self.connection, sql, effects.iter().map(|id| id.0))
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let sql = "SELECT event, delivery, metric FROM messages WHERE at < ?1
             ORDER BY at LIMIT ?2";
        read(self.connection, sql, [before, limit])
    }
}

/// Removes dead letters with their attempts.
pub fn remove(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for DeliveryId(id) in &changes.taken {
        change(connection, "DELETE FROM dead_letters WHERE delivery = ?1", [id])?;
        change(connection, "DELETE FROM attempts WHERE delivery = ?1", [id])?;
    }
    Ok(())
}

/// Writes new dead letters, attempts, of each delivery the latest, and messages.
pub fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for LetterRow { delivery, died_at, reason, field, attempts, http_status } in &changes.letters {
        let sql = "INSERT INTO dead_letters
                 (delivery, died_at, reason, field, attempts, http_status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![delivery.0, died_at, reason, field, attempts, http_status];
        change(connection, sql, values)?;
    }
    for (DeliveryId(id), attempt) in &changes.attempts {
        let PastAttempt { at, took, http_status, outcome, reason } = attempt;
        let sql = "INSERT INTO attempts (delivery, at, took, http_status, outcome, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![id, at.micros(), micros(*took), http_status, outcome, reason];
        change(connection, sql, values)?;
        let sql = "DELETE FROM attempts WHERE delivery = ?1 AND id <= (
                 SELECT id FROM attempts WHERE delivery = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2
             )";
        change(connection, sql, [*id, ATTEMPTS])?;
    }
    for Message { event, delivery, channel, metric, sender, at } in &changes.messages {
        let (sender, sender_id) = sender.clone().unzip();
        let sql = "INSERT INTO messages (event, delivery, metric, channel, sender, sender_id, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (event, delivery, metric) DO UPDATE SET at = MIN(at, excluded.at)";
        let (id, at) = (event.0, at.micros());
        let values = params![id, delivery, metric, channel, sender, sender_id, at];
        change(connection, sql, values)?;
    }
    for (event, delivery, metric) in &changes.removed_messages {
        let sql = "DELETE FROM messages WHERE event = ?1 AND delivery = ?2 AND metric = ?3";
        change(connection, sql, params![event.0, delivery, metric])?;
    }
    Ok(())
}
