//! Detection of a clock that was set back.

use std::time::{Duration, Instant};

use crate::domain::Time;

/// The least jump that is reported.
const NOTICED: Duration = Duration::from_secs(1);

/// A comparison of the wall clock with the steady one.
#[derive(Debug)]
pub struct ClockJumpDetector {
    time: Time,
    steady: Instant,
}

impl ClockJumpDetector {
    /// Returns a detector that compares from now on.
    pub fn new(time: Time, steady: Instant) -> Self {
        Self { time, steady }
    }

    /// Returns the time by which the clock was set back since the last call; zero if it wasn't.
    pub fn jumped_back_by(&mut self, time: Time, steady: Instant) -> Duration {
        let expected = self.time.plus(steady.saturating_duration_since(self.steady));
        *self = Self { time, steady };
        let back = expected.since(time);
        if back < NOTICED { Duration::ZERO } else { back }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_clock_is_reported_once_with_its_size() {
        const HOUR: Duration = Duration::from_secs(3_600);
        let start = Instant::now();
        let later = |seconds: u64| start + Duration::from_secs(seconds);
        let at = |second: i64| Time::from_seconds(7_200 + second);
        let mut detector = ClockJumpDetector::new(at(0), start);
        assert_eq!(detector.jumped_back_by(at(1), later(1)), Duration::ZERO);
        assert_eq!(detector.jumped_back_by(at(2 - 3_600), later(2)), HOUR);
        assert_eq!(detector.jumped_back_by(at(3 - 3_600), later(3)), Duration::ZERO);
        assert_eq!(
            detector.jumped_back_by(at(4), later(4)),
            Duration::ZERO,
            "forward is another matter"
        );
        assert_eq!(detector.jumped_back_by(at(4), later(4) + NOTICED / 2), Duration::ZERO);
        // A machine that was asleep: the steady clock stood still.
        assert_eq!(detector.jumped_back_by(at(9_999), later(5)), Duration::ZERO);
    }
}
