//! A loop's sign of life, which health is judged by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::Time;

/// When a loop last went round. Clones show the same loop.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<AtomicI64>);

impl Pulse {
    /// The loop is alive at `now`.
    pub fn beat(&self, now: Time) {
        self.0.store(now.micros(), Ordering::Relaxed);
    }

    /// When it was last seen alive.
    pub fn last(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::Relaxed))
    }
}
