//! The table `lanes`: who is next, and what is pending for whom.

use std::collections::BTreeMap;

use crate::domain::LaneId;
use crate::store::LaneStatus;
use crate::store::columns::FromColumns;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, boxed, columns, number, rows};
use crate::store::rows::{Changes, DeliveryRow, LaneRow, RowState};
use crate::store::unit::{HeldLane, LaneRows};

use super::Writes;

impl LaneRows for Transaction {
    const LANES: usize = usize::MAX;
    const FEW: usize = 12;

    async fn due_lanes(
        &mut self,
        classes: &'static [i16],
        now: i64,
        limit: usize,
    ) -> Result<Vec<(LaneRow, String)>, Fault> {
        // Class by class, and no more rows than are taken, because each is locked.
        let sql = "SELECT it.* FROM unnest($1::smallint[]) AS own (class)
             CROSS JOIN LATERAL (
                 SELECT lanes.id, lanes.class, due_at, token, leased, people.identifier
                 FROM lanes JOIN people ON people.id = lanes.id
                 WHERE lanes.class = own.class AND due_at <= $2
                 ORDER BY due_at LIMIT $3 FOR UPDATE OF lanes SKIP LOCKED
             ) AS it LIMIT $3";
        self.read(sql, &[&classes.to_vec(), &now, &number(limit)]).await
    }

    async fn free_lane(&mut self, id: LaneId) -> Result<Option<(LaneRow, String)>, Fault> {
        let sql = "SELECT lanes.id, class, due_at, token, leased, people.identifier
             FROM lanes JOIN people ON people.id = lanes.id
             WHERE lanes.id = $1 FOR UPDATE OF lanes SKIP LOCKED";
        Ok(self.read(sql, &[&id.0]).await?.pop())
    }

    async fn pending_rows(
        &mut self,
        lanes: &[LaneId],
        each: usize,
    ) -> Result<Vec<DeliveryRow>, Fault> {
        let sql = "SELECT it.id, it.lane, state, class, attempts, failing_since, delivered_at,
                 identify IS NOT NULL, identify_dead, webhook, planned_at, event_at, call, identify
             FROM unnest($1::bigint[]) AS wanted (lane)
             CROSS JOIN LATERAL (
                 SELECT * FROM deliveries WHERE deliveries.lane = wanted.lane AND state = 0
                 ORDER BY seq LIMIT $2
             ) AS it";
        self.read(sql, &[columns!(lanes, it => it.0)[0], &number(each)]).await
    }

    async fn hold_lanes(&mut self, lanes: &[(LaneId, Vec<i64>)]) -> Result<Vec<HeldLane>, Fault> {
        let ids: Vec<i64> = lanes.iter().map(|(lane, _)| lane.0).collect();
        let asked: Vec<i64> = lanes.iter().flat_map(|(_, rows)| rows).copied().collect();
        // Which of those rows are each lane's, counted from 1.
        let ends = lanes.iter().scan(0, |end, (_, rows)| {
            *end += number(rows.len());
            Some(*end)
        });
        let ends: Vec<i64> = ends.collect();
        let starts: Vec<i64> =
            [0].into_iter().chain(ends.iter().copied()).map(|it| it + 1).collect();
        let starts = starts[..ids.len()].to_vec();
        let hold = "SELECT id, class, due_at, token, leased FROM lanes
             WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
        let states = "SELECT id, lane, state, class, attempts, failing_since, delivered_at,
                 identify IS NOT NULL, identify_dead
             FROM deliveries WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
        let rest = "SELECT own.lane, COALESCE(
                 (SELECT class FROM deliveries WHERE lane = own.lane AND state = 0
                  AND class <= lanes.class AND id <> ALL (($2::bigint[])[own.first:own.last]) LIMIT 1),
                 (SELECT MIN(class) FROM deliveries WHERE lane = own.lane AND state = 0
                  AND id <> ALL (($2::bigint[])[own.first:own.last])))
             FROM unnest($1::bigint[], $3::bigint[], $4::bigint[]) AS own (lane, first, last)
             JOIN lanes ON lanes.id = own.lane";
        // The lanes first: what is read behind them stays true.
        let [held, states, rest] = self
            .rows_in_order([
                (hold, &[&ids]),
                (states, &[&asked]),
                (rest, &[&ids, &asked, &starts, &ends]),
            ])
            .await?;
        let mut rows: BTreeMap<LaneId, Vec<_>> = BTreeMap::new();
        for row in &states {
            let state = RowState::read(row)?;
            rows.entry(state.lane).or_default().push(state);
        }
        let mut rests: BTreeMap<i64, Option<i16>> = BTreeMap::new();
        for row in &rest {
            rests.insert(row.try_get(0)?, row.try_get(1)?);
        }
        let held = held.iter().map(|row| {
            let lane = LaneRow::read(row)?;
            let rest = rests.remove(&lane.id.0).flatten();
            Ok(HeldLane { rows: rows.remove(&lane.id).unwrap_or_default(), lane, rest })
        });
        held.collect()
    }

    async fn hold_all_lanes(
        &mut self,
        classes: &'static [i16],
        leased: bool,
    ) -> Result<Vec<LaneRow>, Fault> {
        let sql = "SELECT id, class, due_at, token, leased FROM lanes
             WHERE class = ANY($1) AND leased = $2 AND due_at IS NOT NULL ORDER BY id FOR UPDATE";
        self.read(sql, &[&classes.to_vec(), &leased]).await
    }

    async fn next_due(&mut self, classes: &'static [i16]) -> Result<Option<i64>, Fault> {
        // One look into each part of the index; a minimum over several would read all of it.
        let sql = "SELECT MIN(due_at) FROM unnest($1::smallint[]) AS own (class)
             CROSS JOIN LATERAL (
                 SELECT MIN(due_at) AS due_at FROM lanes
                 WHERE lanes.class = own.class AND due_at IS NOT NULL
             ) AS it";
        let due: Vec<Option<i64>> = self.read(sql, &[&classes.to_vec()]).await?;
        Ok(due.into_iter().flatten().next())
    }

    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Fault> {
        let sql = "SELECT id, due_at, leased,
                 (SELECT planned_at FROM deliveries
                  WHERE lane = lanes.id AND state = 0 ORDER BY seq LIMIT 1),
                 (SELECT COUNT(*) FROM (
                     SELECT FROM deliveries WHERE lane = lanes.id AND state = 0 LIMIT $2
                 ) AS pending)
             FROM lanes WHERE id = ANY ($1) ORDER BY id";
        self.read(sql, &[columns!(lanes, it => it.0)[0], &count_to]).await
    }
}

/// Writes lanes as they are from now on.
pub fn write<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "UPDATE lanes
         SET class = it.class, due_at = it.due_at, token = it.token, leased = it.leased
         FROM unnest($1, $2, $3, $4, $5) AS it (id, class, due_at, token, leased)
         WHERE lanes.id = it.id";
    let lanes = rows!(changes.lanes, it => it.id.0, it.class, it.due_at, it.token, it.leased);
    writes.add(sql, lanes);
}
