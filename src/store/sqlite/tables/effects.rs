//! Effects with the calls that carry them, and the table `messages`.

use rusqlite::{Connection, params};

use crate::domain::{EventId, Message, WebhookId};
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

    async fn webhook_calls(&mut self, webhook: WebhookId) -> Result<Vec<WebhookCall>, Fault> {
        let sql = "SELECT id, call, state, planned_at, COALESCE(delivered_at, died_at)
             FROM deliveries LEFT JOIN dead_letters ON dead_letters.delivery = 2 * id + 1
             WHERE webhook = ?1 ORDER BY id";
        read(self.connection, sql, [webhook.0])
    }

    async fn effect_messages(&mut self, effect: EventId) -> Result<Vec<Message>, Fault> {
        let sql = "SELECT event, delivery, metric, channel, sender, sender_id, at FROM messages
             WHERE event = ?1";
        read(self.connection, sql, [effect.0])
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
