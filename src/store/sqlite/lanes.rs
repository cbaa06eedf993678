//! Lanes: leasing calls from the head.
//!
//! What belongs here: claiming, and when a lane is due. What doesn't: what comes of a
//! lease (`settle`), and how urgent a lane is (`classes`). A claim reads the index of due lanes and, of each lane, the index of what is
//! pending in it, so it costs the same whatever else the store holds.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{Class, Destination, LaneId, Leased, Time};
use crate::store::ClaimRequest;
use crate::store::head::{ClaimBudget, Head};
use crate::store::record;
use crate::store::work::{self, PAGE, ranks};

use super::deliveries::{self, Waiting};
use super::fault::Fault;

/// A lane that may be leased.
struct Due {
    lane: i64,
    token: i64,
    class: Class,
    identifier: String,
}

/// See [`Store::claim`](crate::store::Store::claim).
pub(super) fn claim(connection: &Connection, claim: &ClaimRequest) -> Result<Vec<Leased>, Fault> {
    let mut leases = Vec::new();
    let due = due_lanes(connection, claim)?;
    // They are all of the class page, or none is.
    let is_page = claim.lane.is_none() && due.iter().any(|due| due.class == Class::Page);
    let mut room = if is_page { claim.calls.min(claim.page) } else { claim.calls };
    for due in due {
        if room == 0 {
            break;
        }
        if let Some(leased) = lease(connection, claim, &due, room)? {
            room = room.saturating_sub(leased.deliveries.len());
            leases.push(leased);
        }
    }
    Ok(leases)
}

fn due_lanes(connection: &Connection, claim: &ClaimRequest) -> Result<Vec<Due>, Fault> {
    fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Due> {
        let class = work::class(row.get(3)?);
        Ok(Due { lane: row.get(0)?, token: row.get(1)?, class, identifier: row.get(2)? })
    }
    if let Some(lane) = claim.lane {
        let due = connection
            .prepare_cached(
                "SELECT lanes.id, lanes.token, people.identifier, lanes.class
                 FROM lanes JOIN people ON people.id = lanes.id
                 WHERE lanes.id = ?1 AND due_at IS NOT NULL AND (leased = 0 OR due_at <= ?2)",
            )?
            .query_row(params![lane.0, claim.now.micros()], row)
            .optional()?;
        return Ok(due.into_iter().collect());
    }
    // Read before the first lease, because leasing moves lanes in the very index this reads.
    let mut due = Vec::new();
    for rank in ranks(claim.way, claim.page > 0) {
        if *rank == PAGE && !due.is_empty() {
            break;
        }
        let mut statement = connection.prepare_cached(
            "SELECT lanes.id, lanes.token, people.identifier, lanes.class
             FROM lanes INDEXED BY lanes_due CROSS JOIN people ON people.id = lanes.id
             WHERE lanes.class = ?1 AND lanes.due_at <= ?2
             ORDER BY lanes.due_at",
        )?;
        let lanes = statement.query_map(params![rank, claim.now.micros()], row)?;
        for lane in lanes.take(claim.calls - due.len()) {
            due.push(lane?);
        }
    }
    Ok(due)
}

/// Leases one lane; `None` if there is nothing in it that can be sent.
fn lease(
    connection: &Connection,
    claim: &ClaimRequest,
    due: &Due,
    room: usize,
) -> Result<Option<Leased>, Fault> {
    let lane = LaneId(due.lane);
    let is_visitor = due.identifier.starts_with(record::VISITOR);
    let head = head(connection, lane, claim, (room, is_visitor))?;
    let empty = head.give.is_empty();
    connection
        .prepare_cached(
            "UPDATE lanes SET token = ?2, leased = ?3, due_at = ?4,
                 class = CASE ?3 WHEN 1 THEN class ELSE MAX(class, 2) END
             WHERE id = ?1",
        )?
        .execute(params![
            lane.0,
            due.token + 1,
            !empty,
            (!empty).then_some(claim.until.micros())
        ])?;
    if empty {
        return Ok(None);
    }
    let Head { give, in_turn, superseded } = head;
    let read = || {
        let deliveries = give.into_iter().map(Waiting::read).collect::<Result<_, _>>()?;
        Ok((record::identifier(&due.identifier)?, deliveries))
    };
    match read() {
        Ok((identifier, deliveries)) => {
            let (token, class) = (due.token + 1, due.class);
            Ok(Some(Leased { lane, token, class, identifier, deliveries, in_turn, superseded }))
        }
        Err(fault @ Fault::Store(_)) => {
            // Were this an error, one row would stop all lanes. So the lane stays leased to
            // nobody, and is looked at again when the lease ends, perhaps by a newer version.
            tracing::error!(lane.id = lane.0, error = %fault, "a lane can't be read");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Reads what of a lane goes out now.
fn head(
    connection: &Connection,
    lane: LaneId,
    claim: &ClaimRequest,
    (calls, is_visitor): (usize, bool),
) -> Result<Head<Waiting>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, call, (SELECT inbox.id FROM inbox WHERE inbox.seq = webhook), planned_at,
                attempts, failing_since, event_at, CASE identify_dead WHEN 0 THEN identify END, class
         FROM deliveries INDEXED BY deliveries_pending
         WHERE lane = ?1 AND state = 0 ORDER BY seq LIMIT 500",
    )?;
    let mut rows = statement.query([lane.0])?;
    let mut held_back = None;
    let next = || -> Result<Option<Waiting>, Fault> {
        if let Some(call) = held_back.take() {
            return Ok(Some(call));
        }
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(match Waiting::of(row)? {
            (None, call) => call,
            (Some(identify), call) => {
                held_back = Some(call);
                identify
            }
        }))
    };
    let ClaimRequest { in_turn, old_before, .. } = *claim;
    Head::choose(ClaimBudget { calls, in_turn, old_before, is_visitor }, next)
}

/// See [`Store::next_due`](crate::store::Store::next_due).
pub(super) fn next_due(
    connection: &Connection,
    way: Destination,
    page: bool,
) -> Result<Option<Time>, Fault> {
    // One look into each part of the index; a minimum over several would read all of it.
    let mut first = None;
    for rank in ranks(way, page) {
        let due: Option<i64> = connection
            .prepare_cached(
                "SELECT MIN(due_at) FROM lanes INDEXED BY lanes_due
                 WHERE class = ?1 AND due_at IS NOT NULL",
            )?
            .query_row([rank], |row| row.get(0))?;
        first = first.into_iter().chain(due).min();
    }
    Ok(first.map(Time::from_micros))
}

/// See [`Store::take_over`](crate::store::Store::take_over); the caller holds the right to.
pub(super) fn release_all(connection: &Connection, now: Time) -> Result<usize, Fault> {
    let released = connection
        .prepare_cached(
            "UPDATE lanes INDEXED BY lanes_leased SET leased = 0, due_at = ?1 WHERE leased = 1",
        )?
        .execute([now.micros()])?;
    Ok(released)
}

/// See [`Store::shift_due_times`](crate::store::Store::shift_due_times).
pub(super) fn set_back(
    connection: &Connection,
    way: Destination,
    by: Duration,
    now: Time,
) -> Result<(), Fault> {
    for rank in ranks(way, true) {
        connection
            .prepare_cached(
                "UPDATE lanes INDEXED BY lanes_due SET due_at = MAX(due_at - ?3, ?2)
                 WHERE class = ?1 AND due_at > ?2 AND leased = 0",
            )?
            .execute(params![rank, now.micros(), deliveries::micros(by)])?;
    }
    Ok(())
}
