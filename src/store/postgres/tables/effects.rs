//! Effects with the calls that carry them, and the table `messages`.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::{EventId, Message, Time, WebhookId};
use crate::store::DeliveryState;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, text};
use crate::store::rows::{Half, MessageKey, WebhookCall, delivery};
use crate::store::unit::EffectRows;

impl EffectRows for Transaction {
    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        let sql = "SELECT webhook FROM effects WHERE id = $1";
        let row = self.row(sql, &[&Uuid::from_bytes(effect.0)]).await?;
        row.map(|row| Ok(WebhookId(row.try_get(0)?))).transpose()
    }

    async fn webhook_calls(&mut self, webhook: WebhookId) -> Result<Vec<WebhookCall>, Fault> {
        let sql = "SELECT id, call, state::bigint, planned_at, COALESCE(delivered_at, died_at)
             FROM deliveries LEFT JOIN dead_letters ON dead_letters.delivery = 2 * id + 1
             WHERE webhook = $1 ORDER BY id";
        let call = |row: &tokio_postgres::Row| {
            Ok(WebhookCall {
                delivery: delivery(row.try_get(0)?, Half::Call),
                call: row.try_get(1)?,
                state: DeliveryState::of(row.try_get(2)?),
                planned_at: row.try_get(3)?,
                ended_at: row.try_get(4)?,
            })
        };
        self.rows(sql, &[&webhook.0]).await?.iter().map(call).collect()
    }

    async fn effect_messages(&mut self, effect: EventId) -> Result<Vec<Message>, Fault> {
        let sql = "SELECT delivery, metric, channel, sender, sender_id, at FROM messages
             WHERE event = $1";
        let message = |row: &tokio_postgres::Row| {
            let sender: Option<String> = row.try_get(3)?;
            Ok(Message {
                event: effect,
                delivery: row.try_get(0)?,
                metric: row.try_get(1)?,
                channel: row.try_get(2)?,
                sender: sender.zip(row.try_get(4)?),
                at: Time::from_micros(row.try_get(5)?),
            })
        };
        self.rows(sql, &[&Uuid::from_bytes(effect.0)]).await?.iter().map(message).collect()
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let sql = "SELECT event, delivery, metric FROM messages
             WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED";
        let key = |row: &tokio_postgres::Row| {
            let event: Uuid = row.try_get(0)?;
            Ok((EventId(event.into_bytes()), row.try_get(1)?, row.try_get(2)?))
        };
        self.rows(sql, &[&before, &limit]).await?.iter().map(key).collect()
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
    if rows.is_empty() {
        return Ok(());
    }
    let events: Vec<Uuid> = rows.keys().map(|key| key.0).collect();
    let deliveries: Vec<String> = rows.keys().map(|key| text(key.1)).collect();
    let metrics: Vec<String> = rows.keys().map(|key| text(key.2)).collect();
    let channels: Vec<String> = rows.values().map(|(it, _)| text(&it.channel)).collect();
    let sender = |it: &Message| it.sender.as_ref().map(|(kind, id)| (text(kind), text(id))).unzip();
    let (senders, ids): (Vec<Option<String>>, Vec<Option<String>>) =
        rows.values().map(|(it, _)| sender(it)).unzip();
    let times: Vec<i64> = rows.values().map(|(_, at)| *at).collect();
    let sql = "INSERT INTO messages (event, delivery, metric, channel, sender, sender_id, at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
         ON CONFLICT (event, delivery, metric)
         DO UPDATE SET at = LEAST(messages.at, excluded.at)";
    let values: [&dyn Value; 7] =
        [&events, &deliveries, &metrics, &channels, &senders, &ids, &times];
    transaction.change(sql, &values).await?;
    Ok(())
}

/// Removes rows of what happened to messages.
pub(super) async fn remove(transaction: &Transaction, keys: &[MessageKey]) -> Result<(), Fault> {
    if keys.is_empty() {
        return Ok(());
    }
    let events: Vec<Uuid> = keys.iter().map(|key| Uuid::from_bytes(key.0.0)).collect();
    let deliveries: Vec<&str> = keys.iter().map(|key| &*key.1).collect();
    let metrics: Vec<&str> = keys.iter().map(|key| &*key.2).collect();
    let sql = "DELETE FROM messages
         USING unnest($1::uuid[], $2::text[], $3::text[]) AS gone (event, delivery, metric)
         WHERE (messages.event, messages.delivery, messages.metric)
             = (gone.event, gone.delivery, gone.metric)";
    transaction.change(sql, &[&events, &deliveries, &metrics]).await.map(drop)
}
