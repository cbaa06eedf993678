//! Effects with the calls that carry them, and the table `messages`.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::{EventId, LaneId, Message, WebhookId};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, columns, text};
use crate::store::rows::{MessageKey, WebhookCall};
use crate::store::unit::EffectRows;

use super::erasing::uuids;

impl EffectRows for Transaction {
    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        let sql = "SELECT webhook FROM effects WHERE id = $1";
        Ok(self.value(sql, &[&Uuid::from_bytes(effect.0)]).await?.map(WebhookId))
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
             FROM unnest($1) AS named (id) CROSS JOIN LATERAL (
                 SELECT * FROM deliveries WHERE webhook = named.id AND ($4 OR lane = ANY ($2))
                 ORDER BY deliveries.id LIMIT $3
             ) AS it
             JOIN people ON people.id = lane
             LEFT JOIN dead_letters AS own ON own.delivery = 2 * it.id + 1
             LEFT JOIN dead_letters AS other ON other.delivery = 2 * it.id
             ORDER BY it.id";
        let of_all = lanes.is_empty();
        let lanes: Vec<i64> = lanes.iter().map(|lane| lane.0).collect();
        self.read_by(sql, &[&uuids(webhooks), &lanes, &each, &of_all]).await
    }

    async fn effect_messages(&mut self, effects: &[EventId]) -> Result<Vec<Message>, Fault> {
        let sql = "SELECT event, delivery, metric, channel, sender, sender_id, at FROM messages
             WHERE event = ANY ($1)";
        let effects: Vec<Uuid> = effects.iter().map(|id| Uuid::from_bytes(id.0)).collect();
        self.read_by(sql, &[&effects]).await
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let sql = "SELECT event, delivery, metric FROM messages
             WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED";
        self.read(sql, &[&before, &limit]).await
    }
}

/// Writes what happened to messages. The earliest time of each stays.
pub(super) async fn write(transaction: &Transaction, messages: &[Message]) -> Result<(), Fault> {
    // In one statement each row comes once, and in an order, so that nobody waits in a circle.
    let mut rows: BTreeMap<(Uuid, &str, &str), (&Message, i64)> = BTreeMap::new();
    for message in messages {
        let key = (Uuid::from_bytes(message.event.0), &*message.delivery, &*message.metric);
        let (_, at) = rows.entry(key).or_insert((message, i64::MAX));
        *at = message.at.micros().min(*at);
    }
    let sender = |it: &Message| it.sender.as_ref().map(|(kind, id)| (text(kind), text(id))).unzip();
    let columns = columns!(rows, it => it.0.0, text(it.0.1), text(it.0.2), text(&it.1.0.channel),
        sender(it.1.0).0, sender(it.1.0).1, it.1.1);
    let sql = "INSERT INTO messages (event, delivery, metric, channel, sender, sender_id, at)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (event, delivery, metric)
         DO UPDATE SET at = LEAST(messages.at, excluded.at)";
    transaction.write(sql, &columns).await
}

/// Removes rows of what happened to messages.
pub(super) async fn remove(transaction: &Transaction, keys: &[MessageKey]) -> Result<(), Fault> {
    let sql = "DELETE FROM messages
         USING unnest($1, $2, $3) AS gone (event, delivery, metric)
         WHERE (messages.event, messages.delivery, messages.metric)
             = (gone.event, gone.delivery, gone.metric)";
    let columns = columns!(keys, key => Uuid::from_bytes(key.0.0), &*key.1, &*key.2);
    transaction.write(sql, &columns).await
}
