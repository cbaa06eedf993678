//! Lanes: their due times, and lanes that become more urgent.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::domain::{Class, Destination, LaneId, LaneKey, Time};
use crate::store::record;
use crate::store::rows::{Changes, DeliveryRow, LaneRow, micros};
use crate::store::unit::{Deliveries, Hold, PlanKeys, Unit, Work};

use super::append::raise;
use super::classes::{ALL, ranks};

/// See [`Store::next_due`](crate::store::Store::next_due).
pub(in crate::store) struct NextDue {
    pub(in crate::store) way: Destination,
    pub(in crate::store) page: bool,
    pub(in crate::store) now: Time,
}

impl Work for NextDue {
    type Output = Option<Time>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<Time>, U::Fault> {
        let due = unit.next_due(ranks(self.way, self.page)).await?;
        let ahead = unit.clock_skew(self.now);
        Ok(due.map(|due| Time::from_micros(due.saturating_sub(ahead))))
    }
}

/// Makes every leased lane due; the caller knows that nobody delivers. See
/// [`Store::take_over`](crate::store::Store::take_over).
pub(in crate::store) struct ReleaseLanes(pub(in crate::store) Time);

impl Work for ReleaseLanes {
    type Output = usize;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<usize, U::Fault> {
        let due_at = Some(unit.by_lanes(self.0, self.0));
        let mut lanes = unit.hold_all_lanes(ALL, true).await?;
        for lane in &mut lanes {
            (lane.leased, lane.due_at) = (false, due_at);
        }
        let released = lanes.len();
        unit.write(Changes { lanes, ..Changes::default() }).await?;
        Ok(released)
    }
}

/// Makes a lane due. See [`Store::release_wait`](crate::store::Store::release_wait).
pub(in crate::store) struct ReleaseWait {
    pub(in crate::store) lane: LaneId,
    pub(in crate::store) now: Time,
}

impl Work for ReleaseWait {
    type Output = bool;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<bool, U::Fault> {
        let now = unit.by_lanes(self.now, self.now);
        let mut lanes: Vec<LaneRow> = unit
            .hold_lanes(&[(self.lane, Vec::new())])
            .await?
            .into_iter()
            .map(|it| it.lane)
            .collect();
        lanes.retain(|lane| !lane.leased && lane.due_at > Some(now));
        for lane in &mut lanes {
            lane.due_at = Some(now);
        }
        let is_released = !lanes.is_empty();
        unit.write(Changes { lanes, ..Changes::default() }).await?;
        Ok(is_released)
    }
}

/// See [`Store::shift_due_times`](crate::store::Store::shift_due_times).
pub(in crate::store) struct ShiftDueTimes {
    pub(in crate::store) way: Destination,
    pub(in crate::store) by: Duration,
    pub(in crate::store) now: Time,
}

impl Work for ShiftDueTimes {
    type Output = ();

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<(), U::Fault> {
        if unit.has_own_clock() {
            return Ok(());
        }
        let (by, now) = (micros(self.by), self.now.micros());
        let mut lanes = unit.hold_all_lanes(ranks(self.way, true), false).await?;
        lanes.retain(|lane| lane.due_at > Some(now));
        for lane in &mut lanes {
            lane.due_at = lane.due_at.map(|due_at| due_at.saturating_sub(by).max(now));
        }
        unit.write(Changes { lanes, ..Changes::default() }).await
    }
}

/// See [`Store::has_pending`](crate::store::Store::has_pending).
pub(in crate::store) struct HasPending(pub(in crate::store) LaneKey);

impl Work for HasPending {
    type Output = bool;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<bool, U::Fault> {
        let identifiers = [record::column(&self.0)].into();
        let found = unit.records(&PlanKeys { identifiers, ..PlanKeys::default() }).await?;
        let lanes: Vec<LaneId> = found.people.iter().map(|row| LaneId(row.id)).collect();
        Ok(!unit.pending_rows(&lanes, 1).await?.is_empty())
    }
}

/// See [`Store::raise`](crate::store::Store::raise).
pub(in crate::store) struct Raise {
    pub(in crate::store) visitor: LaneKey,
    pub(in crate::store) class: Class,
}

impl Work for Raise {
    type Output = ();

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<(), U::Fault> {
        let raised = vec![raise(&self.visitor, self.class)];
        unit.write(Changes { raised, ..Changes::default() }).await
    }
}

/// Returns the present keys of the lanes of some rows.
pub async fn keys<U: Unit>(
    unit: &mut U,
    rows: &[DeliveryRow],
) -> Result<HashMap<LaneId, LaneKey>, U::Fault> {
    let people: Vec<i64> = rows.iter().map(|row| row.state.lane.0).collect();
    let people = unit.people(&people, Hold::No).await?;
    let key = |id, identifier: &str| Ok((LaneId(id), record::lane_key(identifier)?));
    people.iter().map(|row| key(row.id, &row.identifier)).collect()
}

/// Returns rows of deliveries, and holds their lanes and then the rows.
pub async fn hold_deliveries<U: Unit>(
    unit: &mut U,
    which: Deliveries<'_>,
) -> Result<Vec<DeliveryRow>, U::Fault> {
    let found = unit.deliveries(which).await?;
    if U::READS_HOLD || found.is_empty() {
        return Ok(found);
    }
    let mut lanes: BTreeMap<LaneId, Vec<i64>> = BTreeMap::new();
    for row in &found {
        lanes.entry(row.state.lane).or_default().push(row.state.id);
    }
    let lanes: Vec<(LaneId, Vec<i64>)> = lanes.into_iter().collect();
    unit.hold_lanes(&lanes).await?;
    let rows: Vec<i64> = found.iter().map(|row| row.state.id).collect();
    unit.deliveries(Deliveries::Rows(&rows)).await
}
