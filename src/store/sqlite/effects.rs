//! Effects on SQLite: what happened to messages, and the calls that carry an effect.
//!
//! What belongs here: those rows. What doesn't: which messages an effect led to, which the plan says.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{EventId, Message, Time};
use crate::store::effects::{Found, PIECE};
use crate::store::{DeliveryState, Effect, EffectDelivery, Effects, MessageStatus, StoreError};

use super::SqliteStore;
use super::deliveries::{DEAD, DELIVERED, Half, id};
use super::fault::Fault;
use super::queue::Priority;

#[async_trait]
impl Effects for SqliteStore {
    async fn effect(&self, event: EventId) -> Result<Option<Effect>, StoreError> {
        const DOING: &str = "look for an effect";
        let known = self.readers.read(DOING, move |connection| known(connection, event)).await?;
        let Some((messages, least, most)) = known else { return Ok(None) };
        let (mut carriers, mut end) = (Vec::new(), most);
        while carriers.is_empty() && end >= least {
            let piece = move |connection: &Connection| carriers_in(connection, event, end);
            carriers = self.readers.read(DOING, piece).await?;
            end -= PIECE;
        }
        Ok(Some(Effect { carriers, messages }))
    }

    async fn prune_messages(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "DELETE FROM messages WHERE (event, delivery, metric) IN (
                     SELECT event, delivery, metric FROM messages
                     WHERE at < ?1 ORDER BY at LIMIT ?2
                 )",
            )?;
            Ok(statement.execute([before.micros(), limit])?)
        };
        self.writer.write(Priority::Rest, "prune messages", work).await
    }
}

/// Enters what happened to a message.
pub(super) fn write(connection: &Connection, message: &Message) -> Result<(), Fault> {
    let Message { event, delivery, channel, metric, sender, at } = message;
    let (sender, sender_id) = sender.clone().unzip();
    connection
        .prepare_cached(
            "INSERT INTO messages (event, delivery, metric, channel, sender, sender_id, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (event, delivery, metric) DO UPDATE SET at = MIN(at, excluded.at)",
        )?
        .execute(params![event.0, delivery, metric, channel, sender, sender_id, at.micros()])?;
    Ok(())
}

/// The messages of an effect, and the rows of deliveries that there are; `None` if it isn't in the
/// ledger.
fn known(
    connection: &Connection,
    event: EventId,
) -> Result<Option<(Vec<MessageStatus>, i64, i64)>, Fault> {
    let recorded = connection
        .prepare_cached("SELECT 1 FROM effects WHERE id = ?1")?
        .query_row([event.0], |_row| Ok(()))
        .optional()?;
    if recorded.is_none() {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT delivery, metric, channel, sender, sender_id, at FROM messages
         WHERE event = ?1",
    )?;
    let rows = statement.query_map([event.0], |row| {
        let sender: Option<String> = row.get(3)?;
        Ok(Message {
            event,
            delivery: row.get(0)?,
            metric: row.get(1)?,
            channel: row.get(2)?,
            sender: sender.zip(row.get(4)?),
            at: Time::from_micros(row.get(5)?),
        })
    })?;
    let messages = MessageStatus::of(rows.collect::<Result<_, _>>()?);
    // Each alone is the end of the table; both together would be a walk through all of it.
    let sql = "SELECT COALESCE((SELECT MIN(id) FROM deliveries), 1),
                      COALESCE((SELECT MAX(id) FROM deliveries), 0)";
    let (least, most) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Some((messages, least, most)))
}

/// The calls that carry an effect, of a piece of the deliveries that ends with this row.
fn carriers_in(
    connection: &Connection,
    event: EventId,
    end: i64,
) -> Result<Vec<EffectDelivery>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, call, state, planned_at, COALESCE(delivered_at, died_at) FROM deliveries
         LEFT JOIN dead_letters ON dead_letters.delivery = 2 * id + 1
         WHERE id > ?1 AND id <= ?2 AND instr(call, ?3) > 0 ORDER BY id DESC",
    )?;
    let rows = statement.query_map(params![end - PIECE, end, event.to_string()], |row| {
        Ok(Found {
            delivery: id(row.get(0)?, Half::Call),
            call: row.get(1)?,
            state: match row.get(2)? {
                DELIVERED => DeliveryState::Delivered,
                DEAD => DeliveryState::Dead,
                _ => DeliveryState::Pending,
            },
            planned_at: row.get(3)?,
            ended_at: row.get(4)?,
        })
    })?;
    let mut carriers = Vec::new();
    for row in rows {
        carriers.extend(row?.carrier(event));
    }
    Ok(carriers)
}
