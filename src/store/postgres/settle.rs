//! Settle: ends leases with what came of them, a statement a kind of verdict.
//!
//! What belongs here: the fence, the verdicts, and when the lane goes on. What doesn't: the
//! decision which verdict an attempt leads to, which `delivery` makes.

use std::collections::BTreeSet;

use futures_util::try_join;

use crate::domain::{DeliveryId, Outcome, Time};
use crate::store::rows::Counters;
use crate::store::{AvailabilityClock, Settle, Settled, Settlement, Verdict};

use super::classes;
use super::deliveries::{DEAD, DELIVERED, micros};
use super::fault::Fault;
use super::tables::meta::{count, remember_accepting};
use super::transaction::Transaction;
use super::value::{number, text};

/// Attempts kept of one delivery, the latest.
const ATTEMPTS: i64 = 100;

/// See [`Store::settle`](crate::store::Store::settle).
pub(super) async fn settle(
    transaction: &Transaction,
    settlements: &[Settlement],
    accepting: AvailabilityClock,
    now: Time,
) -> Result<Settled, Fault> {
    let mut held = held(transaction, settlements).await?;
    // A lease is ended once.
    let of_held = |it: &&Settlement| held.remove(&(it.lane.0, it.token));
    let valid: Vec<&Settlement> = settlements.iter().filter(of_held).collect();
    let fenced = settlements.len() - valid.len();
    let verdicts = Verdicts::of(&valid, now, transaction.ahead_of(now));
    let (delivered, died, (), ()) = try_join!(
        verdicts.deliver(transaction, now),
        verdicts.bury(transaction, now),
        verdicts.put_off(transaction),
        keep_attempts(transaction, &valid),
    )?;
    let counters = Counters { pending: -(delivered + died), dead: died, ..Counters::default() };
    try_join!(
        verdicts.go_on(transaction),
        count(transaction, counters),
        remember_accepting(transaction, accepting),
    )?;
    Ok(Settled { fenced })
}

/// The lanes whose lease is still their present one, held until the commit: what is read of them
/// from here on, calls that were put behind included, stays true.
async fn held(
    transaction: &Transaction,
    settlements: &[Settlement],
) -> Result<BTreeSet<(i64, i64)>, Fault> {
    let lanes: Vec<i64> = settlements.iter().map(|it| it.lane.0).collect();
    let sql = "SELECT id, token FROM lanes WHERE id = ANY ($1) AND leased ORDER BY id FOR UPDATE";
    let rows = transaction.rows(sql, &[&lanes]).await?;
    rows.into_iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// All verdicts of a settling, by kind.
#[derive(Default)]
struct Verdicts {
    lanes: Vec<i64>,
    due: Vec<i64>,
    delivered: Vec<i64>,
    delivered_lanes: Vec<i64>,
    again: Vec<i64>,
    again_lanes: Vec<i64>,
    failing_since: Vec<i64>,
    dead: Vec<i64>,
    dead_lanes: Vec<i64>,
    reasons: Vec<String>,
    fields: Vec<Option<String>>,
    tried: Vec<i32>,
}

impl Verdicts {
    fn of(settlements: &[&Settlement], now: Time, ahead: i64) -> Self {
        let mut all = Self::default();
        for settlement in settlements {
            let lane = settlement.lane.0;
            let mut due = now;
            for Settle { delivery: DeliveryId(id), verdict, attempt } in &settlement.results {
                match verdict {
                    Verdict::Delivered => {
                        all.delivered.push(*id);
                        all.delivered_lanes.push(lane);
                    }
                    Verdict::Retry { at, failing_since } => {
                        due = due.max(*at);
                        all.again.push(*id);
                        all.again_lanes.push(lane);
                        all.failing_since.push(micros(*failing_since));
                    }
                    Verdict::Dead { reason, field } => {
                        all.dead.push(*id);
                        all.dead_lanes.push(lane);
                        all.reasons.push(text(reason));
                        all.fields.push(field.as_deref().map(text));
                        all.tried.push(i32::from(attempt.is_some()));
                    }
                    Verdict::Defer { at } => due = due.max(*at),
                    Verdict::NotAttempted => {}
                }
            }
            all.lanes.push(lane);
            all.due.push(due.micros().saturating_add(ahead));
        }
        all
    }

    async fn deliver(&self, transaction: &Transaction, now: Time) -> Result<i64, Fault> {
        if self.delivered.is_empty() {
            return Ok(0);
        }
        let sql = "UPDATE deliveries SET state = $3, delivered_at = $4
             FROM unnest($1::bigint[], $2::bigint[]) AS it (id, lane)
             WHERE deliveries.id = it.id AND deliveries.lane = it.lane AND state = 0";
        let values: [&dyn super::value::Value; 4] =
            [&self.delivered, &self.delivered_lanes, &DELIVERED, &now.micros()];
        Ok(signed(transaction.change(sql, &values).await?))
    }

    async fn bury(&self, transaction: &Transaction, now: Time) -> Result<i64, Fault> {
        if self.dead.is_empty() {
            return Ok(0);
        }
        let sql = "WITH died AS (
                 UPDATE deliveries SET state = $7, attempts = attempts + it.tried
                 FROM unnest($1::bigint[], $2::bigint[], $5::integer[]) AS it (id, lane, tried)
                 WHERE deliveries.id = it.id AND deliveries.lane = it.lane AND state = 0
                 RETURNING deliveries.id
             )
             INSERT INTO dead_letters (delivery, died_at, reason, field)
             SELECT died.id, $6, it.reason, it.field
             FROM unnest($1::bigint[], $3::text[], $4::text[]) AS it (id, reason, field)
             JOIN died ON died.id = it.id";
        let Self { dead, dead_lanes, reasons, fields, tried, .. } = self;
        let values: [&dyn super::value::Value; 7] =
            [dead, dead_lanes, reasons, fields, tried, &now.micros(), &DEAD];
        Ok(signed(transaction.change(sql, &values).await?))
    }

    async fn put_off(&self, transaction: &Transaction) -> Result<(), Fault> {
        if self.again.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE deliveries SET attempts = attempts + 1, failing_since = it.since
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS it (id, lane, since)
             WHERE deliveries.id = it.id AND deliveries.lane = it.lane AND state = 0";
        let values: [&dyn super::value::Value; 3] =
            [&self.again, &self.again_lanes, &self.failing_since];
        transaction.change(sql, &values).await?;
        Ok(())
    }

    /// Ends the leases. The next call gives an empty lane its class.
    async fn go_on(&self, transaction: &Transaction) -> Result<(), Fault> {
        let fallen = classes::fallen();
        let sql = format!(
            "UPDATE lanes SET leased = false,
                 due_at = CASE WHEN it.pending THEN it.due_at END,
                 class = CASE WHEN it.pending THEN {fallen} ELSE GREATEST(class, 2) END
             FROM (
                 SELECT id, due_at, EXISTS (
                     SELECT 1 FROM deliveries WHERE lane = own.id AND state = 0
                 ) AS pending
                 FROM unnest($1::bigint[], $2::bigint[]) AS own (id, due_at)
             ) AS it
             WHERE lanes.id = it.id"
        );
        transaction.change(&sql, &[&self.lanes, &self.due]).await?;
        Ok(())
    }
}

/// Keeps the attempts that didn't deliver; the others are told by the deliveries themselves.
async fn keep_attempts(transaction: &Transaction, valid: &[&Settlement]) -> Result<(), Fault> {
    let (mut ids, mut at, mut took): (Vec<i64>, Vec<i64>, Vec<i64>) = Default::default();
    let mut statuses: Vec<Option<i32>> = Vec::new();
    let (mut outcomes, mut reasons): (Vec<String>, Vec<String>) = Default::default();
    for result in valid.iter().flat_map(|settlement| &settlement.results) {
        let Some(attempt) = &result.attempt else { continue };
        if attempt.outcome != Outcome::Delivered {
            ids.push(result.delivery.0);
            at.push(attempt.at.micros());
            took.push(micros(attempt.took));
            statuses.push(attempt.http_status.map(i32::from));
            outcomes.push(attempt.outcome.as_str().to_owned());
            reasons.push(text(attempt.outcome.reason().unwrap_or_default()));
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let keep = "INSERT INTO attempts (delivery, at, took, http_status, outcome, reason)
         SELECT it.* FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[],
             $5::text[], $6::text[]) AS it (delivery, at, took, http_status, outcome, reason)
         WHERE EXISTS (SELECT 1 FROM deliveries WHERE id = it.delivery)";
    transaction.change(keep, &[&ids, &at, &took, &statuses, &outcomes, &reasons]).await?;
    let drop = "DELETE FROM attempts USING (
             SELECT delivery, (
                 SELECT id FROM attempts WHERE attempts.delivery = own.delivery
                 ORDER BY id DESC LIMIT 1 OFFSET $2
             ) AS last FROM (SELECT DISTINCT unnest($1::bigint[]) AS delivery) AS own
         ) AS it
         WHERE attempts.delivery = it.delivery AND attempts.id <= it.last";
    transaction.change(drop, &[&ids, &ATTEMPTS]).await?;
    Ok(())
}

fn signed(count: u64) -> i64 {
    number(usize::try_from(count).unwrap_or(usize::MAX))
}
