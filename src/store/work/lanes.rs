//! Lanes: their due times, and lanes that become more urgent.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{Destination, LaneId, LaneKey, Time};
use crate::store::record;
use crate::store::rows::{Changes, DeliveryRow};
use crate::store::unit::{Deliveries, Hold, Unit, Work};

use super::classes::{ALL, ranks};

/// Implements [`Store::next_due`](crate::store::Store::next_due).
pub struct NextDue {
    pub destination: Destination,
    pub page: bool,
    pub now: Time,
}

impl Work for NextDue {
    type Output = Option<Time>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<Time>, U::Fault> {
        let due = unit.next_due(ranks(self.destination, self.page)).await?;
        let ahead = unit.clock_skew(self.now);
        Ok(due.map(|due| Time::from_micros(due.saturating_sub(ahead))))
    }
}

/// Makes every leased lane due; the caller knows that nobody delivers. See
/// [`Store::take_over`](crate::store::Store::take_over).
pub struct ReleaseLanes(pub Time);

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
