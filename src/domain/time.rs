//! Points in time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, in microseconds since the Unix epoch.
///
/// GrowSurf uses milliseconds, Customer.io seconds, stores integers. One type keeps the units apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// Returns the time `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the time `millis` milliseconds after the epoch. Saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Returns the time `seconds` seconds after the epoch. Saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Returns microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns whole milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Returns whole seconds since the epoch, rounded down, as Customer.io expects.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the number of the UTC day.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400 * 1_000_000)
    }

    /// Returns the time `duration` later. Saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros_of(duration)))
    }

    /// Returns the time `duration` earlier. Saturates.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros_of(duration)))
    }

    /// Returns the time passed since `earlier`; zero if there is none.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0).max(0);
        Duration::from_micros(u64::try_from(micros).expect("a maximum with zero is not negative"))
    }
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Time {
    /// Writes RFC 3339 in UTC, or the number if no calendar reaches it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_round_down_and_read_as_rfc_3339() {
        let time = Time::from_millis(1_558_345_215_720);
        assert_eq!(time.seconds(), 1_558_345_215);
        assert_eq!(time.millis(), 1_558_345_215_720);
        assert_eq!(time.to_string(), "2019-05-20T09:40:15.720Z");
        assert_eq!(Time::from_micros(-1).seconds(), -1);
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Time::from_millis(i64::MAX).plus(Duration::MAX).micros(), i64::MAX);
        assert_eq!(Time::from_seconds(1).since(Time::from_seconds(2)), Duration::ZERO);
    }
}
