//! Classes: how urgent calls and lanes are.
//!
//! What belongs here: the numbers that columns hold, and what changes a lane's class other than new
//! calls. What doesn't: the order in which lanes are leased (`lanes`).

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{Class, Destination, Identifier, LaneId};
use crate::store::record;

use super::fault::Fault;

/// The number of the class page.
pub(super) const PAGE: i64 = 2;

/// Calls that one raise reaches at most.
const RAISED: i64 = 1_000;

/// Returns the number of calls that lead a way and have a class; less is more urgent.
pub(super) fn rank(way: Destination, class: Class) -> i64 {
    match (way, class) {
        (Destination::CustomerIo, Class::Live) => 0,
        (Destination::CustomerIo, Class::History) => 1,
        (Destination::CustomerIo, Class::Page) => PAGE,
        (Destination::GrowSurf, _) => 3,
    }
}

/// Returns the class of a number. Lanes to GrowSurf have only one.
pub(super) fn class(rank: i64) -> Class {
    match rank {
        1 => Class::History,
        PAGE => Class::Page,
        _ => Class::Live,
    }
}

/// Returns the numbers of the lanes that lead a way, in the order they are served.
pub(super) fn ranks(way: Destination, page: bool) -> &'static [i64] {
    match (way, page) {
        (Destination::CustomerIo, true) => &[0, 1, PAGE],
        (Destination::CustomerIo, false) => &[0, 1],
        (Destination::GrowSurf, _) => &[3],
    }
}

/// Gives a lane the class of its most urgent pending call, after some of them went. Only a lane that
/// is more urgent than those of pages can have fallen.
pub(super) fn fall(connection: &Connection, LaneId(lane): LaneId) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE lanes SET class = CASE
                 WHEN EXISTS (
                     SELECT 1 FROM deliveries INDEXED BY deliveries_pending
                     WHERE lane = ?1 AND state = 0 AND deliveries.class = lanes.class
                 ) THEN class
                 WHEN class = 0 AND EXISTS (
                     SELECT 1 FROM deliveries INDEXED BY deliveries_pending
                     WHERE lane = ?1 AND state = 0 AND deliveries.class = 1
                 ) THEN 1
                 ELSE 2 END
             WHERE id = ?1 AND class < 2",
        )?
        .execute([lane])?;
    Ok(())
}

/// See [`Fetching::raise`](crate::store::Fetching::raise).
pub(super) fn raise(
    connection: &Connection,
    identifier: &Identifier,
    class: Class,
) -> Result<(), Fault> {
    let rank = rank(Destination::CustomerIo, class);
    let lane: Option<i64> = connection
        .prepare_cached(
            "SELECT lanes.id FROM people CROSS JOIN lanes ON lanes.id = people.id
             WHERE identifier = ?1 AND due_at IS NOT NULL AND class BETWEEN ?2 + 1 AND 2",
        )?
        .query_row(params![record::column(identifier), rank], |row| row.get(0))
        .optional()?;
    let Some(lane) = lane else { return Ok(()) };
    connection
        .prepare_cached(
            "UPDATE deliveries SET class = ?2 WHERE id IN (
                 SELECT id FROM deliveries INDEXED BY deliveries_pending
                 WHERE lane = ?1 AND state = 0 AND class > ?2 ORDER BY seq LIMIT ?3
             )",
        )?
        .execute([lane, rank, RAISED])?;
    connection
        .prepare_cached("UPDATE lanes SET class = ?2 WHERE id = ?1")?
        .execute([lane, rank])?;
    Ok(())
}
