//! The tables `dead_letters` and `attempts`.

use std::collections::BTreeMap;

use crate::domain::DeliveryId;
use crate::store::PastAttempt;
use crate::store::columns::FromColumns;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, columns, number};
use crate::store::rows::{Half, LetterRow, NewAttempt, NewLetter, PersonLetters, delivery, half};
use crate::store::unit::LetterRows;

impl LetterRows for Transaction {
    async fn letters(&mut self, before: DeliveryId, limit: usize) -> Result<Vec<LetterRow>, Fault> {
        let sql = "SELECT it.id, lane, webhook, class, planned_at, event_at, dead_letters.attempts,
                 NULL::bigint, CASE dead_letters.delivery % 2 WHEN 0 THEN identify ELSE call END,
                 NULL::text, dead_letters.delivery, people.identifier, died_at, reason, field,
                 (SELECT http_status FROM attempts WHERE attempts.delivery = dead_letters.delivery
                  ORDER BY id DESC LIMIT 1)
             FROM dead_letters
             JOIN deliveries AS it ON it.id = dead_letters.delivery / 2
             JOIN people ON people.id = it.lane
             WHERE dead_letters.delivery < $1 ORDER BY dead_letters.delivery DESC LIMIT $2";
        self.read(sql, &[&before.0, &number(limit)]).await
    }

    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Fault> {
        let sql = "SELECT at, took, http_status, outcome, reason, delivery FROM attempts
             WHERE delivery = ANY ($1) ORDER BY delivery, id";
        let deliveries: Vec<i64> = deliveries.iter().map(|id| id.0).collect();
        self.read_by(sql, &[&deliveries]).await
    }

    async fn letters_after(
        &mut self,
        last: DeliveryId,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, Fault> {
        let sql =
            "SELECT delivery FROM dead_letters WHERE delivery > $1 ORDER BY delivery LIMIT $2";
        self.read(sql, &[&last.0, &number(limit)]).await
    }

    async fn hold_letters(&mut self, rows: &[i64]) -> Result<Vec<PersonLetters>, Fault> {
        let rows = rows.to_vec();
        let halves =
            rows.iter().flat_map(|id| [Half::Identify, Half::Call].map(|it| delivery(*id, it)));
        let halves: Vec<i64> = halves.map(|id| id.0).collect();
        let lanes = "SELECT id FROM lanes
             WHERE id IN (SELECT lane FROM deliveries WHERE id = ANY ($1)) ORDER BY id FOR UPDATE";
        let states = "SELECT it.id, lane, it.state, class, attempts, failing_since, delivered_at,
                 identify IS NOT NULL, identify_dead, planned_at, call, webhook, people.identifier,
                 people.state
             FROM deliveries AS it JOIN people ON people.id = lane
             WHERE it.id = ANY ($1) ORDER BY it.id FOR UPDATE OF it";
        let dead = "SELECT delivery FROM dead_letters WHERE delivery = ANY ($1) ORDER BY delivery";
        let [_, states, dead] =
            self.rows_in_order([(lanes, &[&rows]), (states, &[&rows]), (dead, &[&halves])]).await?;
        let mut dead_of: BTreeMap<i64, Vec<DeliveryId>> = BTreeMap::new();
        for row in &dead {
            let id = DeliveryId(row.try_get(0)?);
            dead_of.entry(half(id).0).or_default().push(id);
        }
        let mut held = Vec::new();
        for row in &states {
            if let Some(dead) = dead_of.remove(&row.try_get(0)?) {
                held.push(PersonLetters { dead, ..PersonLetters::read(row)? });
            }
        }
        Ok(held)
    }
}

/// Writes new dead letters.
pub(super) async fn write(transaction: &Transaction, letters: &[NewLetter]) -> Result<(), Fault> {
    let sql = "INSERT INTO dead_letters (delivery, died_at, reason, field, attempts)
         SELECT * FROM unnest($1, $2, $3, $4, $5)";
    let columns = columns!(letters, it => it.delivery.0, it.died_at, &*it.reason,
        it.field.as_deref(), it.attempts);
    transaction.write(sql, &columns).await
}

/// Removes dead letters, with their attempts.
pub(super) async fn take(transaction: &Transaction, ids: &[DeliveryId]) -> Result<(), Fault> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    transaction.write("DELETE FROM dead_letters WHERE delivery = ANY ($1)", &[&ids]).await?;
    transaction.write("DELETE FROM attempts WHERE delivery = ANY ($1)", &[&ids]).await
}

/// Keeps attempts, of each delivery the latest.
pub(super) async fn keep(transaction: &Transaction, attempts: &[NewAttempt]) -> Result<(), Fault> {
    if attempts.is_empty() {
        return Ok(());
    }
    let keep = "INSERT INTO attempts (delivery, at, took, http_status, outcome, reason)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6)";
    let columns = columns!(attempts, it => it.delivery.0, it.at, it.took,
        it.http_status.map(i32::from), it.outcome, &*it.reason);
    let drop = "DELETE FROM attempts USING (
             SELECT delivery, (
                 SELECT id FROM attempts WHERE attempts.delivery = own.delivery
                 ORDER BY id DESC LIMIT 1 OFFSET $2
             ) AS last FROM (SELECT DISTINCT unnest($1) AS delivery) AS own
         ) AS it
         WHERE attempts.delivery = it.delivery AND attempts.id <= it.last";
    let values = [columns[0], &NewAttempt::ATTEMPTS];
    transaction.rows_in_order([(keep, &columns), (drop, &values)]).await.map(|_| ())
}
