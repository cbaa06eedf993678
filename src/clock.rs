//! The machine's own clock and randomness: the only place that asks the machine for them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::{Clock, Random, Time};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the clock everybody else is given")]
        let now = SystemTime::now();
        let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Time::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    fn steady(&self) -> Instant {
        Instant::now()
    }
}

/// The machine's randomness: fast, seeded from the system, not for secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next(&self) -> u64 {
        fastrand::u64(..)
    }
}
