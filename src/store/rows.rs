//! Rows: the tables' rows as values, the same for every backend, and what a transaction changes.
//!
//! What belongs here: one struct a table, as far as use cases look into it, and [`Changes`]. What doesn't:
//! SQL and column types, which each backend chooses, and rules, which are in `work`.
//!
//! Times are microseconds since the epoch.

/// Everything that a transaction writes. Empty lists cost nothing.
///
/// Rows are absolute, but for counters and appended deliveries. Those are relative, because many
/// transactions change them at once and none needs to read them.
#[derive(Default)]
pub(super) struct Changes {
    /// Changes of the kept numbers.
    pub(super) counters: Counters,
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
