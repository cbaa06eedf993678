//! Time and randomness, as values.

use std::time::Instant;

use super::Time;

pub trait Clock: Send + Sync {
    /// Returns the present time.
    fn now(&self) -> Time;

    /// Returns the present moment of a clock that nobody sets, for durations.
    fn steady(&self) -> Instant;
}

/// A source of random numbers for ids and jitter, never for secrets.
pub trait Random: Send + Sync {
    /// Returns 64 random bits.
    fn next(&self) -> u64;
}
