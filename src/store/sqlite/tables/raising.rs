//! Lanes that become more urgent, with their calls.

use rusqlite::{Connection, OptionalExtension, params};

use crate::store::rows::LaneRaise;
use crate::store::sqlite::fault::Fault;

/// Makes visitors' pending calls more urgent.
pub(super) fn write(connection: &Connection, raised: &[LaneRaise]) -> Result<(), Fault> {
    for LaneRaise { identifier, class } in raised {
        let lane: Option<i64> = connection
            .prepare_cached(
                "SELECT lanes.id FROM people CROSS JOIN lanes ON lanes.id = people.id
                 WHERE identifier = ?1 AND due_at IS NOT NULL AND class BETWEEN ?2 + 1 AND 2",
            )?
            .query_row(params![identifier, class], |row| row.get(0))
            .optional()?;
        let Some(lane) = lane else { continue };
        connection
            .prepare_cached(
                "UPDATE deliveries SET class = ?2 WHERE id IN (
                     SELECT id FROM deliveries INDEXED BY deliveries_pending
                     WHERE lane = ?1 AND state = 0 AND class > ?2 ORDER BY seq LIMIT ?3
                 )",
            )?
            .execute(params![lane, class, LaneRaise::RAISED])?;
        connection
            .prepare_cached("UPDATE lanes SET class = ?2 WHERE id = ?1")?
            .execute(params![lane, class])?;
    }
    Ok(())
}
