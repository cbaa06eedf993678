//! Effects on Postgres: what happened to messages, and the calls that carry an effect.
//!
//! What belongs here: those rows. What doesn't: which messages an effect led to, which the plan says.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{DeliveryId, EventId, Message, Time};
use crate::store::effects::{Found, PIECE};
use crate::store::{DeliveryState, Effect, EffectDelivery, Effects, MessageStatus, StoreError};

use super::PostgresStore;
use super::deliveries::{DEAD, DELIVERED};
use super::fault::Fault;
use super::transaction::{Transaction, transact};
use super::value::{Value, number, text};

#[async_trait]
impl Effects for PostgresStore {
    async fn effect(&self, event: EventId) -> Result<Option<Effect>, StoreError> {
        const DOING: &str = "look for an effect";
        let known = transact!(self.open()?, DOING, |it| known(&it, event))?;
        let Some((messages, least, most)) = known else { return Ok(None) };
        let (mut carriers, mut end) = (Vec::new(), most);
        while carriers.is_empty() && end >= least {
            carriers = transact!(self.open()?, DOING, |it| carriers_in(&it, event, end))?;
            end -= PIECE;
        }
        Ok(Some(Effect { carriers, messages }))
    }

    async fn prune_messages(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let (before, limit) = (before.micros(), number(limit));
        let sql = "DELETE FROM messages WHERE (event, delivery, metric) IN (
                 SELECT event, delivery, metric FROM messages
                 WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
             )";
        let pruned = transact!(self.open()?, "prune messages", |it| async {
            it.change(sql, &[&before, &limit]).await
        })?;
        Ok(usize::try_from(pruned).unwrap_or(usize::MAX))
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

/// The messages of an effect, and the deliveries that there are; `None` if it isn't in the ledger.
async fn known(
    transaction: &Transaction,
    event: EventId,
) -> Result<Option<(Vec<MessageStatus>, i64, i64)>, Fault> {
    let id = Uuid::from_bytes(event.0);
    let sql = "SELECT COALESCE((SELECT MIN(id) FROM deliveries), 1),
                      COALESCE((SELECT MAX(id) FROM deliveries), 0)
               FROM effects WHERE id = $1";
    let Some(ends) = transaction.row(sql, &[&id]).await? else { return Ok(None) };
    let sql = "SELECT delivery, metric, channel, sender, sender_id, at FROM messages
         WHERE event = $1";
    let rows = transaction.rows(sql, &[&id]).await?;
    let rows = rows.iter().map(|row| {
        let sender: Option<String> = row.try_get(3)?;
        Ok::<_, Fault>(Message {
            event,
            delivery: row.try_get(0)?,
            metric: row.try_get(1)?,
            channel: row.try_get(2)?,
            sender: sender.zip(row.try_get(4)?),
            at: Time::from_micros(row.try_get(5)?),
        })
    });
    let messages = MessageStatus::of(rows.collect::<Result<_, _>>()?);
    Ok(Some((messages, ends.try_get(0)?, ends.try_get(1)?)))
}

/// The calls that carry an effect, of a piece of the deliveries that ends with this one.
async fn carriers_in(
    transaction: &Transaction,
    event: EventId,
    end: i64,
) -> Result<Vec<EffectDelivery>, Fault> {
    let sql = "SELECT id, call, state, planned_at, COALESCE(delivered_at, died_at) FROM deliveries
         LEFT JOIN dead_letters ON dead_letters.delivery = id
         WHERE id > $1 AND id <= $2 AND position($3 IN call) > 0 ORDER BY id DESC";
    let rows = transaction.rows(sql, &[&(end - PIECE), &end, &event.to_string()]).await?;
    let mut carriers = Vec::new();
    for row in &rows {
        let found = Found {
            delivery: DeliveryId(row.try_get(0)?),
            call: row.try_get(1)?,
            state: match row.try_get(2)? {
                DELIVERED => DeliveryState::Delivered,
                DEAD => DeliveryState::Dead,
                _ => DeliveryState::Pending,
            },
            planned_at: row.try_get(3)?,
            ended_at: row.try_get(4)?,
        };
        carriers.extend(found.carrier(event));
    }
    Ok(carriers)
}
