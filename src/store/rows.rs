//! Rows: the tables' rows as values, the same for every backend, and what a transaction changes.
//!
//! What belongs here: one struct a table, as far as use cases look into it, and [`Changes`]. What doesn't:
//! SQL and column types, which each backend chooses, and rules, which are in `work`.
//!
//! Times are microseconds since the epoch. Those of lanes go by the clock of lanes, see
//! [`UnitBase::clock_skew`](super::unit::UnitBase::clock_skew).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{LaneId, WebhookId};

use super::meta::Meta;

/// Everything that a transaction writes. Empty lists cost nothing.
///
/// Rows are absolute, but for counters and appended deliveries. Those are relative, because many
/// transactions change them at once and none needs to read them.
#[derive(Default)]
pub(super) struct Changes {
    /// Changes of the kept numbers.
    pub(super) counters: Counters,
    /// Single values with their new texts; `None` forgets one.
    pub(super) metas: Vec<(Meta, Option<String>)>,
    /// Notes with their new texts.
    pub(super) notes: Vec<(String, String)>,
    /// Rows at the ends of lanes.
    pub(super) appended: BTreeMap<LaneId, LaneAppend>,
    /// Visitors who are waited for.
    pub(super) raised: Vec<LaneRaise>,
}

/// New rows at the end of a lane: a relative change. A lane that isn't there is made.
pub(super) struct LaneAppend {
    /// The lane's class from now on, unless it is more urgent already.
    pub(super) class: i16,
    /// When it is due from now on, unless it is due already, waits or is leased.
    pub(super) due_at: i64,
    /// The rows, in order. Their places are the lane's next ones.
    pub(super) rows: Vec<NewRow>,
}

/// A new row of deliveries that are pending.
pub(super) struct NewRow {
    pub(super) webhook: Option<WebhookId>,
    pub(super) class: i16,
    pub(super) planned_at: i64,
    /// The call's own time; `None` of an identify.
    pub(super) event_at: Option<i64>,
    /// The identify that goes before the call.
    pub(super) identify: Option<String>,
    pub(super) call: String,
}

/// A visitor whose lane becomes as urgent as a class, unless it is more urgent already or nothing is pending: a
/// relative change. So do its first [`RAISED`](Self::RAISED) pending calls.
pub(super) struct LaneRaise {
    /// The visitor, as the table of people has it.
    pub(super) identifier: String,
    pub(super) class: i16,
}

impl LaneRaise {
    /// Calls that one raise reaches at most.
    pub(super) const RAISED: i64 = 1_000;
}

/// Changes of the numbers that operators watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counters {
    /// Deliveries that wait or are leased.
    pub(super) pending: i64,
    /// Dead letters.
    pub(super) dead: i64,
    /// Webhooks that are parked.
    pub(super) parked: i64,
}

/// Returns a duration as a column holds it, in microseconds.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Returns a duration as a column held it.
pub(super) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Returns a count as a column holds it.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
