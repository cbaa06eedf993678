//! Effects with the calls that carry them, and the table `messages`.

use rusqlite::{Connection, params};

use crate::domain::{EventId, Message, Time, WebhookId};
use crate::store::DeliveryState;
use crate::store::rows::{Changes, Half, MessageKey, WebhookCall, delivery};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::EffectRows;

use super::{change, find, first, read};

impl EffectRows for SqliteUnit<'_> {
    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        let sql = "SELECT webhook FROM effects WHERE id = ?1";
        Ok(find(self.connection, sql, [effect.0], first)?.map(WebhookId))
    }

    async fn webhook_calls(&mut self, webhook: WebhookId) -> Result<Vec<WebhookCall>, Fault> {
        let sql = "SELECT id, call, state, planned_at, COALESCE(delivered_at, died_at)
             FROM deliveries LEFT JOIN dead_letters ON dead_letters.delivery = 2 * id + 1
             WHERE webhook = ?1 ORDER BY id";
        read(self.connection, sql, [webhook.0], |row| {
            Ok(WebhookCall {
                delivery: delivery(row.get(0)?, Half::Call),
                call: row.get(1)?,
                state: DeliveryState::of(row.get(2)?),
                planned_at: row.get(3)?,
                ended_at: row.get(4)?,
            })
        })
    }

    async fn effect_messages(&mut self, effect: EventId) -> Result<Vec<Message>, Fault> {
        let sql = "SELECT delivery, metric, channel, sender, sender_id, at FROM messages
             WHERE event = ?1";
        read(self.connection, sql, [effect.0], |row| {
            let sender: Option<String> = row.get(3)?;
            Ok(Message {
                event: effect,
                delivery: row.get(0)?,
                metric: row.get(1)?,
                channel: row.get(2)?,
                sender: sender.zip(row.get(4)?),
                at: Time::from_micros(row.get(5)?),
            })
        })
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let sql = "SELECT event, delivery, metric FROM messages WHERE at < ?1
             ORDER BY at LIMIT ?2";
        read(self.connection, sql, [before, limit], |row| {
            Ok((EventId(row.get(0)?), row.get(1)?, row.get(2)?))
        })
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
