//! Effects with the calls that carry them, and the table `messages`.

use rusqlite::{Connection, params};

use crate::domain::{EventId, LaneId, Message, WebhookId};
use crate::store::rows::{Changes, MessageKey, WebhookCall};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::EffectRows;

use super::{change, find, read};

impl EffectRows for SqliteUnit<'_> {
    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        let sql = "SELECT webhook FROM effects WHERE id = ?1";
        Ok(find(self.connection, sql, [effect.0])?.map(WebhookId))
    }

    async fn webhook_calls(
        &mut self,
        webhooks: &[WebhookId],
        lanes: &[LaneId],
        each: i64,
    ) -> Result<Vec<WebhookCall>, Fault> {
        let sql =
            "SELECT it.id, webhook, lane, people.identifier, call, identify IS NOT NULL, it.state,
                 planned_at, delivered_at, own.died_at, own.reason, own.field, other.died_at,
                 other.reason, other.field
             FROM deliveries AS it CROSS JOIN people ON people.id = lane
             LEFT JOIN dead_letters AS own ON own.delivery = 2 * it.id + 1
             LEFT JOIN dead_letters AS other ON other.delivery = 2 * it.id
             WHERE webhook = ?1 AND (?2 IS NULL OR lane = ?2) ORDER BY it.id LIMIT ?3";
        let lanes: Vec<Option<i64>> =
            if lanes.is_empty() { vec![None] } else { lanes.iter().map(|it| Some(it.0)).collect() };
        let mut found = Vec::new();
        for webhook in webhooks {
            for lane in &lanes {
                found.extend(read::<WebhookCall>(
                    self.connection,
                    sql,
                    params![webhook.0, lane, each],
                )?);
            }
        }
        Ok(found)
    }

    async fn effect_messages(&mut self, effects: &[EventId]) -> Result<Vec<Message>, Fault> {
        let sql = "SELECT event, delivery, metric, channel, sender, sender_id, at FROM messages
             WHERE event = ?1";
        let mut found = Vec::new();
        for effect in effects {
            found.extend(read::<Message>(self.connection, sql, [effect.0])?);
        }
        Ok(found)
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let sql = "SELECT event, delivery, metric FROM messages WHERE at < ?1
             ORDER BY at LIMIT ?2";
        read(self.connection, sql, [before, limit])
    }
}

/// Writes what happened to messages. The earliest time of each stays.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
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
