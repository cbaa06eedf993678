//! What a store's writing is at.

use std::time::Instant;

/// Whether writes are being written, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// Nothing waits.
    Idle,
    /// The write under way was begun then. A store that is locked or fails gives one up after
    /// another; one that hangs stays at the same.
    Since(Instant),
    /// Nothing will be written any more.
    Ended,
}
