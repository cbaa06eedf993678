//! The table `lanes`: who is next, and what is pending for whom.

use rusqlite::{Connection, params};

use crate::domain::LaneId;
use crate::store::LaneStatus;
use crate::store::columns::FromColumns;
use crate::store::rows::{DeliveryRow, LaneRow, number};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::{HeldLane, LaneRows};

use super::{change, deliveries, find, read};

impl LaneRows for SqliteUnit<'_> {
    const LANES: usize = 1;
    const FEW: usize = 3;

    async fn due_lanes(
        &mut self,
        classes: &'static [i16],
        now: i64,
        limit: usize,
    ) -> Result<Vec<(LaneRow, String)>, Fault> {
        let mut due = Vec::new();
        for class in classes {
            let mut statement = self.connection.prepare_cached(
                "SELECT lanes.id, class, due_at, token, leased, people.identifier
                 FROM lanes INDEXED BY lanes_due CROSS JOIN people ON people.id = lanes.id
                 WHERE class = ?1 AND due_at <= ?2 ORDER BY due_at",
            )?;
            let lanes =
                statement.query_and_then(params![class, now], |row| FromColumns::read(row))?;
            for lane in lanes.take(limit - due.len()) {
                due.push(lane?);
            }
        }
        Ok(due)
    }

    async fn free_lane(&mut self, id: LaneId) -> Result<Option<(LaneRow, String)>, Fault> {
        let sql = "SELECT lanes.id, class, due_at, token, leased, people.identifier
             FROM lanes CROSS JOIN people ON people.id = lanes.id WHERE lanes.id = ?1";
        find(self.connection, sql, [id.0])
    }

    async fn pending_rows(
        &mut self,
        lanes: &[LaneId],
        each: usize,
    ) -> Result<Vec<DeliveryRow>, Fault> {
        let sql = "SELECT id, lane, state, class, attempts, failing_since, delivered_at,
                 identify IS NOT NULL, identify_dead, webhook, planned_at, event_at, call, identify
             FROM deliveries INDEXED BY deliveries_pending
             WHERE lane = ?1 AND state = 0 ORDER BY seq LIMIT ?2";
        let mut pending = Vec::new();
        for lane in lanes {
            let values = [lane.0, number(each)];
            pending.extend(read(self.connection, sql, values)?);
        }
        Ok(pending)
    }

    async fn hold_lanes(&mut self, lanes: &[(LaneId, Vec<i64>)]) -> Result<Vec<HeldLane>, Fault> {
        let mut held = Vec::with_capacity(lanes.len());
        for (id, asked) in lanes {
            let sql = "SELECT id, class, due_at, token, leased FROM lanes WHERE id = ?1";
            let lane = find(self.connection, sql, [id.0])?;
            let Some(lane) = lane else { continue };
            let rows = deliveries::states(self.connection, *id, asked)?;
            let rest = rest(self.connection, &lane, asked)?;
            held.push(HeldLane { lane, rows, rest });
        }
        Ok(held)
    }

    async fn hold_all_lanes(
        &mut self,
        classes: &'static [i16],
        leased: bool,
    ) -> Result<Vec<LaneRow>, Fault> {
        let sql = "SELECT id, class, due_at, token, leased FROM lanes INDEXED BY lanes_due
             WHERE class = ?1 AND due_at IS NOT NULL AND leased = ?2";
        let mut lanes = Vec::new();
        for class in classes {
            lanes.extend(read(self.connection, sql, params![class, leased])?);
        }
        Ok(lanes)
    }

    async fn next_due(&mut self, classes: &'static [i16]) -> Result<Option<i64>, Fault> {
        // One look into each part of the index; a minimum over several would read all of it.
        let mut first = None;
        for class in classes {
            let sql = "SELECT MIN(due_at) FROM lanes INDEXED BY lanes_due
                 WHERE class = ?1 AND due_at IS NOT NULL";
            let due: Option<Option<i64>> = find(self.connection, sql, [class])?;
            first = first.into_iter().chain(due.flatten()).min();
        }
        Ok(first)
    }

    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Fault> {
        let sql = "SELECT id, due_at, leased,
                 (SELECT planned_at FROM deliveries INDEXED BY deliveries_pending
                  WHERE lane = lanes.id AND state = 0 ORDER BY seq LIMIT 1), 0
             FROM lanes WHERE id = ?1";
        let pending = "SELECT id FROM deliveries INDEXED BY deliveries_pending
             WHERE lane = ?1 AND state = 0 LIMIT ?2";
        let mut found = Vec::new();
        for lane in lanes {
            let rows: Vec<i64> = read(self.connection, pending, [lane.0, count_to])?;
            let state: Option<LaneStatus> = find(self.connection, sql, [lane.0])?;
            found.extend(state.map(|state| LaneStatus { pending: number(rows.len()), ..state }));
        }
        Ok(found)
    }
}

/// Returns the most urgent class of a lane's pending rows other than these.
fn rest(connection: &Connection, lane: &LaneRow, others: &[i64]) -> Result<Option<i16>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, class FROM deliveries INDEXED BY deliveries_pending
         WHERE lane = ?1 AND state = 0 ORDER BY seq",
    )?;
    let mut rows = statement.query([lane.id.0])?;
    let mut rest: Option<i16> = None;
    while let Some(row) = rows.next()?
        && rest.is_none_or(|class| class > lane.class)
    {
        if !others.contains(&row.get(0)?) {
            rest = rest.into_iter().chain(Some(row.get(1)?)).min();
        }
    }
    Ok(rest)
}

/// Writes lanes as they are from now on.
pub fn write(connection: &Connection, lanes: &[LaneRow]) -> Result<(), Fault> {
    for LaneRow { id, class, due_at, token, leased } in lanes {
        let sql = "UPDATE lanes SET class = ?2, due_at = ?3, token = ?4, leased = ?5 WHERE id = ?1";
        change(connection, sql, params![id.0, class, due_at, token, leased])?;
    }
    Ok(())
}
