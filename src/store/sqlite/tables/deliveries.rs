//! The table `deliveries`: calls, put at the ends of lanes, and what becomes of them.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::domain::LaneId;
use crate::store::rows::{LaneAppend, LaneRaise, NewRow, PENDING, RowState};
use crate::store::sqlite::fault::Fault;

use super::{change, find};

/// Returns the states of those of some rows that are a lane's.
pub fn states(connection: &Connection, lane: LaneId, ids: &[i64]) -> Result<Vec<RowState>, Fault> {
    let sql = "SELECT id, lane, state, class, attempts, failing_since, delivered_at,
             identify IS NOT NULL, identify_dead
         FROM deliveries WHERE id = ?1 AND lane = ?2";
    let states = ids.iter().map(|id| find(connection, sql, [*id, lane.0]));
    states.filter_map(Result::transpose).collect()
}

/// Writes rows as they are from now on.
pub fn write(connection: &Connection, rows: &[RowState]) -> Result<(), Fault> {
    for row in rows {
        let RowState { id, state, attempts, failing_since, delivered_at, .. } = row;
        // One that stays pending stays in its place in the indexes.
        let sql = match *state {
            PENDING => {
                "UPDATE deliveries SET attempts = ?3, failing_since = ?4, delivered_at = ?5,
                     identify = CASE ?6 WHEN 1 THEN identify END, identify_dead = ?7
                 WHERE id = ?1 AND ?2 = 0"
            }
            _ => {
                "UPDATE deliveries SET state = ?2, attempts = ?3, failing_since = ?4,
                     delivered_at = ?5, identify = CASE ?6 WHEN 1 THEN identify END,
                     identify_dead = ?7
                 WHERE id = ?1"
            }
        };
        let values = params![
            id,
            state,
            attempts,
            failing_since,
            delivered_at,
            row.has_identify,
            row.identify_dead
        ];
        change(connection, sql, values)?;
    }
    Ok(())
}

/// Writes calls that changed.
pub fn rewrite(
    connection: &Connection,
    calls: &[(i64, String, Option<String>)],
) -> Result<(), Fault> {
    for (id, call, identify) in calls {
        let sql = "UPDATE deliveries SET call = ?2, identify = ?3 WHERE id = ?1";
        change(connection, sql, params![id, call, identify])?;
    }
    Ok(())
}

/// Removes rows with their attempts.
pub fn remove(connection: &Connection, ids: &[i64]) -> Result<(), Fault> {
    for id in ids {
        let attempts = "DELETE FROM attempts WHERE delivery BETWEEN 2 * ?1 AND 2 * ?1 + 1";
        change(connection, attempts, [id])?;
        change(connection, "DELETE FROM deliveries WHERE id = ?1", [id])?;
    }
    Ok(())
}

/// Puts rows at the ends of lanes.
pub fn append(connection: &Connection, lanes: &BTreeMap<LaneId, LaneAppend>) -> Result<(), Fault> {
    for (lane, LaneAppend { class, due_at, rows }) in lanes {
        let first = extend(connection, lane.0, *class, rows.len(), *due_at)?;
        for (seq, row) in (first..).zip(rows) {
            let NewRow { webhook, class, planned_at, event_at, identify, call } = row;
            let (lane, webhook) = (lane.0, webhook.map(|id| id.0));
            let sql = "INSERT INTO deliveries
                     (lane, seq, webhook, planned_at, event_at, call, identify, class)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let values = params![lane, seq, webhook, planned_at, event_at, call, identify, class];
            change(connection, sql, values)?;
        }
    }
    Ok(())
}

/// Makes room for `more` rows at a lane's end. Returns the first new place.
fn extend(
    connection: &Connection,
    lane: i64,
    class: i16,
    more: usize,
    due_at: i64,
) -> Result<i64, Fault> {
    // No upsert: for an insert that may turn into an update SQLite looks for children of the new
    // row, and there is no index of all deliveries by lane. And no RETURNING: SQLite would make and
    // drop a table in memory for it, which costs more than the update.
    let next = "SELECT next_seq FROM lanes WHERE id = ?1";
    let next: Option<i64> = find(connection, next, [lane])?;
    let first = next.unwrap_or(0);
    let after = first.saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
    let statement = match next {
        Some(_) => {
            "UPDATE lanes SET class = MIN(class, ?2), due_at = COALESCE(due_at, ?3), next_seq = ?4
             WHERE id = ?1"
        }
        None => "INSERT INTO lanes (id, class, due_at, next_seq) VALUES (?1, ?2, ?3, ?4)",
    };
    change(connection, statement, params![lane, class, due_at, after])?;
    Ok(first)
}

/// Makes visitors' pending calls more urgent.
pub fn raise(connection: &Connection, raised: &[LaneRaise]) -> Result<(), Fault> {
    for LaneRaise { identifier, class } in raised {
        let sql = "SELECT lanes.id FROM people CROSS JOIN lanes ON lanes.id = people.id
             WHERE identifier = ?1 AND due_at IS NOT NULL AND class BETWEEN ?2 + 1 AND 2";
        let lane: Option<i64> = find(connection, sql, params![identifier, class])?;
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
