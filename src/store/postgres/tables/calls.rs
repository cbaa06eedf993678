//! Reads of deliveries with their dead letters, attempts and messages, and what is written of these.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::{DeliveryId, EventId, Message, WebhookId};
use crate::store::PastAttempt;
use crate::store::columns::DELIVERY;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, boxed, columns, number, rows, text};
use crate::store::rows::{ATTEMPTS, Changes, DeliveryRow, LetterRow, MessageKey, micros};
use crate::store::unit::{CallRows, Deliveries, Letters};

use super::Writes;

const LETTER: &str =
    "SELECT delivery, died_at, reason, field, attempts, http_status FROM dead_letters";

impl CallRows for Transaction {
    async fn deliveries(&mut self, which: Deliveries<'_>) -> Result<Vec<DeliveryRow>, Fault> {
        match which {
            Deliveries::Rows(rows) => {
                let sql =
                    format!("SELECT {DELIVERY} FROM deliveries WHERE id = ANY ($1) ORDER BY id");
                self.read_by(&sql, &[&rows.to_vec()]).await
            }
            Deliveries::Of { webhooks, lanes, each } => {
                let sql = format!(
                    "SELECT {DELIVERY} FROM (
                         SELECT it.* FROM unnest($1) AS named (id) CROSS JOIN LATERAL (
                             SELECT * FROM deliveries
                             WHERE webhook = named.id AND ($4 OR lane = ANY ($2))
                             ORDER BY deliveries.id LIMIT $3
                         ) AS it
                     ) AS it ORDER BY id"
                );
                let (webhooks, of_all) = (columns!(webhooks, it => it.0), lanes.is_empty());
                let lanes = columns!(lanes, it => it.0);
                self.read_by(&sql, &[webhooks[0], lanes[0], &each, &of_all]).await
            }
            Deliveries::Unsettled { lane, limit } => {
                let sql = format!(
                    "SELECT {DELIVERY} FROM deliveries WHERE id IN (
                         SELECT id FROM deliveries WHERE lane = $1 AND state = 0
                         UNION
                         SELECT deliveries.id FROM dead_letters
                         JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
                         WHERE lane = $1
                     ) ORDER BY id LIMIT $2"
                );
                self.read(&sql, &[&lane.0, &limit]).await
            }
            Deliveries::Waiting { after: (planned_at, id), limit } => {
                let sql = format!(
                    "SELECT {DELIVERY} FROM deliveries
                     WHERE state = 0 AND planned_at >= $1 AND (planned_at, id) > ($1, $2)
                     ORDER BY planned_at, id LIMIT $3"
                );
                self.read(&sql, &[&planned_at, &id, &limit]).await
            }
        }
    }

    async fn letters(&mut self, which: Letters<'_>) -> Result<Vec<LetterRow>, Fault> {
        match which {
            Letters::Of(rows) => {
                let sql = format!("{LETTER} WHERE delivery = ANY ($1) ORDER BY delivery");
                let halves: Vec<i64> = rows.iter().flat_map(|row| [2 * row, 2 * row + 1]).collect();
                self.read_by(&sql, &[&halves]).await
            }
            Letters::Before(DeliveryId(id), limit) => {
                let sql = format!("{LETTER} WHERE delivery < $1 ORDER BY delivery DESC LIMIT $2");
                self.read(&sql, &[&id, &number(limit)]).await
            }
            Letters::After(DeliveryId(id), limit) => {
                let sql = format!("{LETTER} WHERE delivery > $1 ORDER BY delivery LIMIT $2");
                self.read(&sql, &[&id, &number(limit)]).await
            }
        }
    }

    async fn letter_kinds(&mut self, limit: usize) -> Result<Vec<(DeliveryId, String)>, Fault> {
        // The text of a call begins with its kind, as in {"track":.
        let sql = "SELECT delivery, CASE delivery % 2 WHEN 0 THEN 'identify'
                 ELSE split_part(call, chr(34), 2) END
             FROM dead_letters JOIN deliveries ON deliveries.id = delivery / 2
             ORDER BY delivery DESC LIMIT $1";
        self.read(sql, &[&number(limit)]).await
    }

    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Fault> {
        let sql = "SELECT delivery, at, took, http_status, outcome, reason FROM attempts
             WHERE delivery = ANY ($1) ORDER BY delivery, id";
        self.read_by(sql, &columns!(deliveries, it => it.0)).await
    }

    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        let sql = "SELECT webhook FROM effects WHERE id = $1";
        Ok(self.read(sql, &[&Uuid::from_bytes(effect.0)]).await?.pop())
    }

    async fn effect_messages(&mut self, effects: &[EventId]) -> Result<Vec<Message>, Fault> {
        let sql = "SELECT event, delivery, metric, channel, sender, sender_id, at FROM messages
             WHERE event = ANY ($1)";
        self.read_by(sql, &columns!(effects, it => Uuid::from_bytes(it.0))).await
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let sql = "SELECT event, delivery, metric FROM messages
             WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED";
        self.read(sql, &[&before, &limit]).await
    }
}

/// Removes dead letters with their attempts.
pub fn remove<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    for sql in [
        "DELETE FROM dead_letters WHERE delivery = ANY ($1)",
        "DELETE FROM attempts WHERE delivery = ANY ($1)",
    ] {
        writes.add(sql, rows!(changes.taken, it => it.0));
    }
}

/// Writes new dead letters, and attempts, of each delivery the latest.
pub fn write<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "INSERT INTO dead_letters (delivery, died_at, reason, field, attempts, http_status)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6)";
    let letters = rows!(changes.letters, it => it.delivery.0, it.died_at, &*it.reason,
        it.field.as_deref(), it.attempts, it.http_status.map(i32::from));
    writes.add(sql, letters);
    let sql = "INSERT INTO attempts (delivery, at, took, http_status, outcome, reason)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6)";
    let attempts = rows!(changes.attempts, it => it.0.0, it.1.at.micros(), micros(it.1.took),
        it.1.http_status.map(i32::from), &*it.1.outcome, &*it.1.reason);
    writes.add(sql, attempts);
    let sql = "DELETE FROM attempts USING (
             SELECT delivery, (
                 SELECT id FROM attempts WHERE attempts.delivery = own.delivery
                 ORDER BY id DESC LIMIT 1 OFFSET $2
             ) AS last FROM (SELECT DISTINCT unnest($1) AS delivery) AS own
         ) AS it
         WHERE attempts.delivery = it.delivery AND attempts.id <= it.last";
    let mut values = rows!(changes.attempts, it => it.0.0);
    values.push(boxed(ATTEMPTS));
    writes.add(sql, values);
}

/// Writes metrics of messages, the earliest time of each, and removes some.
pub fn write_messages<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    // In one statement each row comes once, and in an order, so that nobody waits in a circle.
    let mut rows: BTreeMap<(Uuid, &str, &str), (&Message, i64)> = BTreeMap::new();
    for message in &changes.messages {
        let key = (Uuid::from_bytes(message.event.0), &*message.delivery, &*message.metric);
        let (_, at) = rows.entry(key).or_insert((message, i64::MAX));
        *at = message.at.micros().min(*at);
    }
    let sender = |it: &Message| it.sender.as_ref().map(|(kind, id)| (text(kind), text(id))).unzip();
    let messages = rows!(rows, it => it.0.0, text(it.0.1), text(it.0.2), text(&it.1.0.channel),
        sender(it.1.0).0, sender(it.1.0).1, it.1.1);
    let sql = "INSERT INTO messages (event, delivery, metric, channel, sender, sender_id, at)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (event, delivery, metric)
         DO UPDATE SET at = LEAST(messages.at, excluded.at)";
    writes.add(sql, messages);
    let sql = "DELETE FROM messages
         USING unnest($1, $2, $3) AS gone (event, delivery, metric)
         WHERE (messages.event, messages.delivery, messages.metric)
             = (gone.event, gone.delivery, gone.metric)";
    let removed = &changes.removed_messages;
    writes.add(sql, rows!(removed, key => Uuid::from_bytes(key.0.0), &*key.1, &*key.2));
}
