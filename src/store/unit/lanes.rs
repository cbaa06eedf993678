//! Lanes and their deliveries.

use crate::domain::LaneId;
use crate::store::rows::{DeliveryRow, LaneRow, RowState};

use super::UnitBase;

/// A lane and some of its rows of deliveries, held.
pub(in crate::store) struct HeldLane {
    /// The lane.
    pub(in crate::store) lane: LaneRow,
    /// The rows that were asked for, as far as they are there.
    pub(in crate::store) rows: Vec<RowState>,
    /// The most urgent class of the lane's other pending rows; one as urgent as the lane ends the search.
    pub(in crate::store) rest: Option<i16>,
}

/// Reads of the tables `lanes` and `deliveries`.
pub(in crate::store) trait LaneRows: UnitBase {
    /// Lanes whose deliveries are best read at once.
    const LANES: usize;

    /// Rows that are best read of a lane at first. Few lanes hold more, and of most only the first go.
    const FEW: usize;

    /// Returns lanes of some classes that are due, with the identifiers of their people: class by class, the
    /// longest due first. Holds them, and passes over those that others hold.
    fn due_lanes(
        &mut self,
        classes: &'static [i16],
        now: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(LaneRow, String)>, Self::Fault>> + Send;

    /// Returns a lane and the identifier of its person, and holds it; nothing if another holds it.
    fn free_lane(
        &mut self,
        lane: LaneId,
    ) -> impl Future<Output = Result<Option<(LaneRow, String)>, Self::Fault>> + Send;

    /// Returns the first pending rows of lanes, so many of each, in their order. Whoever holds the lanes
    /// holds them.
    fn pending_rows(
        &mut self,
        lanes: &[LaneId],
        each: usize,
    ) -> impl Future<Output = Result<Vec<DeliveryRow>, Self::Fault>> + Send;

    /// Returns lanes with some of their rows of deliveries, and holds both.
    fn hold_lanes(
        &mut self,
        lanes: &[(LaneId, Vec<i64>)],
    ) -> impl Future<Output = Result<Vec<HeldLane>, Self::Fault>> + Send;

    /// Returns all lanes that are leased, and holds them.
    fn leased_lanes(&mut self) -> impl Future<Output = Result<Vec<LaneRow>, Self::Fault>> + Send;

    /// Returns when the first lane of some classes is due.
    fn next_due(
        &mut self,
        classes: &'static [i16],
    ) -> impl Future<Output = Result<Option<i64>, Self::Fault>> + Send;

    /// True if something is pending for the person of this identifier, as the table of people has it.
    fn has_pending(
        &mut self,
        identifier: &str,
    ) -> impl Future<Output = Result<bool, Self::Fault>> + Send;
}
