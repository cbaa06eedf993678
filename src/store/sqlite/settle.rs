//! Settle: ends leases with what came of them.
//!
//! What belongs here: the fence, the verdicts, and when the lane goes on. What doesn't: the
//! decision which verdict an attempt leads to, which `delivery` makes.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{Attempt, DeliveryId, LaneId, Outcome, Time};
use crate::store::meta::Meta;
use crate::store::rows::Counters;
use crate::store::{AvailabilityClock, Settle, Settled, Settlement, Verdict};

use super::classes;
use super::deliveries::{DEAD, DELIVERED, Half, half, micros};
use super::fault::Fault;
use super::tables::meta::{count, remember};

/// Attempts kept of one delivery, the latest; the head that probes a halted destination for
/// weeks would else have tens of thousands.
const ATTEMPTS: i64 = 100;

/// How many deliveries changed their state.
#[derive(Default)]
struct Changes {
    delivered: i64,
    died: i64,
}

/// See [`Store::settle`](crate::store::Store::settle).
pub(super) fn settle(
    connection: &Connection,
    settlements: &[Settlement],
    accepting: AvailabilityClock,
    now: Time,
) -> Result<Settled, Fault> {
    let mut settled = Settled::default();
    let mut changes = Changes::default();
    for settlement in settlements {
        if holds(connection, settlement)? {
            settle_one(connection, settlement, now, &mut changes)?;
        } else {
            settled.fenced += 1;
        }
    }
    let (pending, dead) = (-(changes.delivered + changes.died), changes.died);
    count(connection, Counters { pending, dead, ..Counters::default() })?;
    let reading = micros(accepting.reading).to_string();
    remember(connection, Meta::Accepting(accepting.way), Some(&reading))?;
    Ok(settled)
}

/// Whether the lease is still the lane's present one.
fn holds(connection: &Connection, settlement: &Settlement) -> rusqlite::Result<bool> {
    let held = connection
        .prepare_cached("SELECT 1 FROM lanes WHERE id = ?1 AND token = ?2 AND leased = 1")?
        .query_row([settlement.lane.0, settlement.token], |_row| Ok(()))
        .optional()?;
    Ok(held.is_some())
}

fn settle_one(
    connection: &Connection,
    settlement: &Settlement,
    now: Time,
    changes: &mut Changes,
) -> Result<(), Fault> {
    let lane = settlement.lane;
    let mut due_at = now;
    let mut results = settlement.results.iter().peekable();
    while let Some(result) = results.next() {
        if let Some(attempt) = &result.attempt {
            keep_attempt(connection, result.delivery, attempt)?;
        }
        match &result.verdict {
            Verdict::Delivered => {
                let whole = results.next_if(|next| {
                    next.verdict == Verdict::Delivered && is_behind(next.delivery, result.delivery)
                });
                changes.delivered += match (whole, half(result.delivery)) {
                    (Some(_), (row, _)) => 2 * deliver_both(connection, lane, row, now)?,
                    (None, (row, Half::Identify)) => identified(connection, lane, row)?,
                    (None, (row, Half::Call)) => deliver(connection, lane, row, now)?,
                };
            }
            Verdict::Retry { at, failing_since } => {
                due_at = due_at.max(*at);
                again(connection, lane, result, *failing_since)?;
            }
            Verdict::Dead { reason, field } => {
                changes.died +=
                    i64::from(bury(connection, lane, result, reason, field.as_deref(), now)?);
            }
            Verdict::Defer { at } => due_at = due_at.max(*at),
            Verdict::NotAttempted => {}
        }
    }
    let pending = connection
        .prepare_cached(
            "SELECT 1 FROM deliveries INDEXED BY deliveries_pending
             WHERE lane = ?1 AND state = 0 LIMIT 1",
        )?
        .query_row([lane.0], |_row| Ok(()))
        .optional()?;
    // The next call gives an empty lane its class.
    let statement = match pending {
        Some(()) => "UPDATE lanes SET leased = 0, due_at = ?2 WHERE id = ?1",
        None => {
            "UPDATE lanes SET leased = 0, due_at = NULL, class = MAX(class, 2) WHERE id = ?1 AND ?2 = ?2"
        }
    };
    connection.prepare_cached(statement)?.execute([lane.0, due_at.micros()])?;
    if pending.is_some() {
        classes::fall(connection, lane)?;
    }
    Ok(())
}

/// Whether a delivery is the other half of the row of an identify.
fn is_behind(next: DeliveryId, identify: DeliveryId) -> bool {
    half(identify).1 == Half::Identify && next.0 == identify.0 + 1
}

/// An identify and the call behind it went out; tells how many rows that was.
fn deliver_both(
    connection: &Connection,
    LaneId(lane): LaneId,
    row: i64,
    now: Time,
) -> Result<i64, Fault> {
    let changed = connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?3, delivered_at = ?4
             WHERE id = ?1 AND lane = ?2 AND state = 0
                 AND identify IS NOT NULL AND identify_dead = 0",
        )?
        .execute([row, lane, DELIVERED, now.micros()])?;
    Ok(i64::from(changed == 1))
}

/// A row's own call went out.
fn deliver(
    connection: &Connection,
    LaneId(lane): LaneId,
    row: i64,
    now: Time,
) -> Result<i64, Fault> {
    let changed = connection
        .prepare_cached(
            "UPDATE deliveries SET state = CASE identify_dead WHEN 1 THEN ?5 ELSE ?3 END,
                 delivered_at = ?4
             WHERE id = ?1 AND lane = ?2 AND state = 0 AND (identify IS NULL OR identify_dead = 1)",
        )?
        .execute([row, lane, DELIVERED, now.micros(), DEAD])?;
    Ok(i64::from(changed == 1))
}

/// An identify is done with, and the call behind it isn't; the row's attempts are that call's now.
fn identified(connection: &Connection, LaneId(lane): LaneId, row: i64) -> Result<i64, Fault> {
    let changed = connection
        .prepare_cached(
            "UPDATE deliveries SET identify = NULL, attempts = 0, failing_since = NULL
             WHERE id = ?1 AND lane = ?2 AND state = 0
                 AND identify IS NOT NULL AND identify_dead = 0",
        )?
        .execute([row, lane])?;
    Ok(i64::from(changed == 1))
}

fn again(
    connection: &Connection,
    lane: LaneId,
    result: &Settle,
    failing_since: Duration,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET attempts = attempts + 1, failing_since = ?3
             WHERE id = ?1 AND lane = ?2 AND state = 0",
        )?
        .execute([half(result.delivery).0, lane.0, micros(failing_since)])?;
    Ok(())
}

fn bury(
    connection: &Connection,
    lane: LaneId,
    result: &Settle,
    reason: &str,
    field: Option<&str>,
    now: Time,
) -> Result<bool, Fault> {
    let (row, half) = half(result.delivery);
    let tried = i64::from(result.attempt.is_some());
    let died = connection
        .prepare_cached(
            "INSERT INTO dead_letters (delivery, died_at, reason, field, attempts)
             SELECT ?1, ?2, ?3, ?4, attempts + ?5 FROM deliveries
             WHERE id = ?6 AND lane = ?7 AND state = 0
                 AND (identify IS NOT NULL AND identify_dead = 0) = ?8",
        )?
        .execute(params![
            result.delivery.0,
            now.micros(),
            reason,
            field,
            tried,
            row,
            lane.0,
            half == Half::Identify,
        ])?;
    if died == 0 {
        return Ok(false);
    }
    let statement = match half {
        // The call goes on without it, and its attempts are its own.
        Half::Identify => {
            "UPDATE deliveries SET identify_dead = 1, attempts = 0, failing_since = NULL
             WHERE id = ?1"
        }
        Half::Call => "UPDATE deliveries SET state = 2 WHERE id = ?1",
    };
    connection.prepare_cached(statement)?.execute([row])?;
    Ok(true)
}

/// Keeps an attempt that didn't deliver; the others are told by the delivery itself.
fn keep_attempt(
    connection: &Connection,
    delivery: DeliveryId,
    attempt: &Attempt,
) -> Result<(), Fault> {
    if attempt.outcome == Outcome::Delivered {
        return Ok(());
    }
    let (row, _) = half(delivery);
    connection
        .prepare_cached(
            "INSERT INTO attempts (delivery, at, took, http_status, outcome, reason)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6 FROM deliveries WHERE id = ?7",
        )?
        .execute(params![
            delivery.0,
            attempt.at.micros(),
            micros(attempt.took),
            attempt.http_status,
            attempt.outcome.as_str(),
            attempt.outcome.reason().unwrap_or_default(),
            row,
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM attempts WHERE delivery = ?1 AND id <= (
                 SELECT id FROM attempts WHERE delivery = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2
             )",
        )?
        .execute([delivery.0, ATTEMPTS])?;
    Ok(())
}
