//! The state of a store's writer.

use std::time::Instant;

/// The state of the writer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// Nothing waits.
    Idle,
    /// A write is under way since this time. A store that is locked or fails gives one up after another; one
    /// that hangs stays at the same.
    Since(Instant),
    Ended,
}
