//! The tables `dead_letters` and `attempts`.

use std::collections::BTreeMap;

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{DeliveryId, LaneId, Time, WebhookId};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, number};
use crate::store::rows::{
    Half, LetterRow, NewAttempt, NewLetter, PersonLetters, Waiting, delivery, duration, half,
};
use crate::store::unit::LetterRows;
use crate::store::{PastAttempt, record};

use super::deliveries;

impl LetterRows for Transaction {
    async fn letters(&mut self, before: DeliveryId, limit: usize) -> Result<Vec<LetterRow>, Fault> {
        let sql = "SELECT it.id, CASE dead_letters.delivery % 2 WHEN 0 THEN identify ELSE call END,
                 webhook, planned_at, dead_letters.attempts, NULL::bigint, event_at, NULL::text, class,
                 lane, dead_letters.delivery, people.identifier, died_at, reason, field
             FROM dead_letters
             JOIN deliveries AS it ON it.id = dead_letters.delivery / 2
             JOIN people ON people.id = it.lane
             WHERE dead_letters.delivery < $1 ORDER BY dead_letters.delivery DESC LIMIT $2";
        let rows = self.rows(sql, &[&before.0, &number(limit)]).await?;
        rows.iter().map(letter).collect()
    }

    async fn attempts(&mut self, delivery: DeliveryId) -> Result<Vec<PastAttempt>, Fault> {
        let sql = "SELECT at, took, http_status, outcome, reason FROM attempts
             WHERE delivery = $1 ORDER BY id";
        let rows = self.rows(sql, &[&delivery.0]).await?;
        let attempts = rows.iter().map(|row| {
            let status: Option<i32> = row.try_get(2)?;
            Ok(PastAttempt {
                at: Time::from_micros(row.try_get(0)?),
                took: duration(row.try_get(1)?),
                http_status: status.and_then(|status| u16::try_from(status).ok()),
                outcome: row.try_get(3)?,
                reason: row.try_get(4)?,
            })
        });
        attempts.collect()
    }

    async fn letters_after(
        &mut self,
        last: DeliveryId,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, Fault> {
        let sql =
            "SELECT delivery FROM dead_letters WHERE delivery > $1 ORDER BY delivery LIMIT $2";
        let rows = self.rows(sql, &[&last.0, &number(limit)]).await?;
        rows.iter().map(|row| Ok(DeliveryId(row.try_get(0)?))).collect()
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
            let state = deliveries::state(row)?;
            let Some(dead) = dead_of.remove(&state.id) else { continue };
            let webhook: Option<Uuid> = row.try_get(11)?;
            held.push(PersonLetters {
                dead,
                webhook: webhook.map(WebhookId),
                planned_at: row.try_get(9)?,
                call: row.try_get(10)?,
                person: record::person(state.lane.0, row.try_get(12)?, row.try_get(13)?)?,
                row: state,
            });
        }
        Ok(held)
    }
}

fn letter(row: &Row) -> Result<LetterRow, Fault> {
    Ok(LetterRow {
        delivery: Waiting { id: DeliveryId(row.try_get(10)?), ..deliveries::row(row)?.own() },
        lane: LaneId(row.try_get(9)?),
        identifier: row.try_get(11)?,
        died_at: row.try_get(12)?,
        reason: row.try_get(13)?,
        field: row.try_get(14)?,
    })
}

/// Writes new dead letters.
pub(super) async fn write(transaction: &Transaction, letters: &[NewLetter]) -> Result<(), Fault> {
    if letters.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = letters.iter().map(|it| it.delivery.0).collect();
    let died: Vec<i64> = letters.iter().map(|it| it.died_at).collect();
    let reasons: Vec<&str> = letters.iter().map(|it| &*it.reason).collect();
    let fields: Vec<Option<&str>> = letters.iter().map(|it| it.field.as_deref()).collect();
    let attempts: Vec<i32> = letters.iter().map(|it| it.attempts).collect();
    let sql = "INSERT INTO dead_letters (delivery, died_at, reason, field, attempts)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::integer[])";
    transaction.change(sql, &[&ids, &died, &reasons, &fields, &attempts]).await?;
    Ok(())
}

/// Removes dead letters, with their attempts.
pub(super) async fn take(transaction: &Transaction, ids: &[DeliveryId]) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    for sql in [
        "DELETE FROM dead_letters WHERE delivery = ANY ($1)",
        "DELETE FROM attempts WHERE delivery = ANY ($1)",
    ] {
        transaction.change(sql, &[&ids]).await?;
    }
    Ok(())
}

/// Keeps attempts, of each delivery the latest.
pub(super) async fn keep(transaction: &Transaction, attempts: &[NewAttempt]) -> Result<(), Fault> {
    if attempts.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = attempts.iter().map(|it| it.delivery.0).collect();
    let at: Vec<i64> = attempts.iter().map(|it| it.at).collect();
    let took: Vec<i64> = attempts.iter().map(|it| it.took).collect();
    let statuses: Vec<Option<i32>> =
        attempts.iter().map(|it| it.http_status.map(i32::from)).collect();
    let outcomes: Vec<&str> = attempts.iter().map(|it| it.outcome).collect();
    let reasons: Vec<&str> = attempts.iter().map(|it| &*it.reason).collect();
    let keep = "INSERT INTO attempts (delivery, at, took, http_status, outcome, reason)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[],
             $6::text[])";
    let drop = "DELETE FROM attempts USING (
             SELECT delivery, (
                 SELECT id FROM attempts WHERE attempts.delivery = own.delivery
                 ORDER BY id DESC LIMIT 1 OFFSET $2
             ) AS last FROM (SELECT DISTINCT unnest($1::bigint[]) AS delivery) AS own
         ) AS it
         WHERE attempts.delivery = it.delivery AND attempts.id <= it.last";
    let values: [&dyn Value; 6] = [&ids, &at, &took, &statuses, &outcomes, &reasons];
    transaction.rows_in_order([(keep, &values), (drop, &[&ids, &NewAttempt::ATTEMPTS])]).await?;
    Ok(())
}
