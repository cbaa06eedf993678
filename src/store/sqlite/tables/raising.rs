//! Lanes that become more urgent, with their calls.

use rusqlite::{Connection, params};

use crate::store::rows::LaneRaise;
use crate::store::sqlite::fault::Fault;

use super::{change, find, first};

/// Makes visitors' pending calls more urgent.
pub(super) fn write(connection: &Connection, raised: &[LaneRaise]) -> Result<(), Fault> {
    for LaneRaise { identifier, class } in raised {
        let sql = "SELECT lanes.id FROM people CROSS JOIN lanes ON lanes.id = people.id
             WHERE identifier = ?1 AND due_at IS NOT NULL AND class BETWEEN ?2 + 1 AND 2";
        let lane: Option<i64> = find(connection, sql, params![identifier, class], first)?;
        let Some(lane) = lane else { continue };
        let sql = "UPDATE deliveries SET class = ?2 WHERE id IN (
                 SELECT id FROM deliveries INDEXED BY deliveries_pending
                 WHERE lane = ?1 AND state = 0 AND class > ?2 ORDER BY seq LIMIT ?3
             )";
        change(connection, sql, params![lane, class, LaneRaise::RAISED])?;
        change(connection, "UPDATE lanes SET class = ?2 WHERE id = ?1", params![lane, class])?;
    }
    Ok(())
}
