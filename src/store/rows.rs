//! Rows: the tables' rows as values, the same for every backend, and what a transaction changes.
//!
//! What belongs here: one struct a table, as far as use cases look into it, and [`Changes`]. What doesn't:
//! SQL and column types, which each backend chooses, and rules, which are in `work`.
//!
//! Times are microseconds since the epoch.

use std::time::Duration;

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
