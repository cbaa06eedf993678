//! The two ambient things the relay needs, as values: the time and randomness.

use std::time::Instant;

use super::Time;

/// Tells the time. Tests pass one that they move by hand.
pub trait Clock: Send + Sync {
    /// The present time of the machine (or of the test).
    fn now(&self) -> Time;

    /// The present moment by a clock that nobody sets: for how long something took, or is late.
    fn steady(&self) -> Instant;
}

/// Gives random numbers: for ids and jitter, never for secrets.
pub trait Random: Send + Sync {
    /// The next random number, all 64 bits of it.
    fn next(&self) -> u64;
}
