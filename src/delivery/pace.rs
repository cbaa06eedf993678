//! The destination's pace: a token bucket.

use std::time::Duration;

use crate::domain::Time;

/// The calls that an idle relay saves up, as a time. Short, because Customer.io drops bursts silently.
const SAVED_UP: Duration = Duration::from_millis(100);

/// A token bucket of calls a second, however they are batched.
#[derive(Debug)]
pub struct Pace {
    per_second: f64,
    most: f64,
    tokens: f64,
    refilled_at: Time,
}

impl Pace {
    /// Returns a full bucket.
    pub fn new(calls_per_second: f64, now: Time) -> Self {
        let per_second = calls_per_second;
        let most = (per_second * SAVED_UP.as_secs_f64()).max(1.0);
        Self { per_second, most, tokens: most, refilled_at: now }
    }

    /// Divides the pace by the number of relays.
    pub fn shared_by(&mut self, relays: u32, calls_per_second: f64) {
        let per_second = calls_per_second / f64::from(relays.max(1));
        self.per_second = per_second;
        self.most = (per_second * SAVED_UP.as_secs_f64()).max(1.0);
        self.tokens = self.tokens.min(self.most);
    }

    /// Returns the calls that may be sent now.
    pub fn available(&mut self, now: Time) -> usize {
        self.refill(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between zero and the bucket's size, which is within a u32"
        )]
        let whole = self.tokens.max(0.0) as usize;
        whole
    }

    /// Takes sent calls. A batch may overdraw the bucket.
    pub fn take(&mut self, calls: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52 calls")]
        let calls = calls as f64;
        self.tokens -= calls;
    }

    /// Returns the time until one call may be sent.
    pub fn wait(&mut self, now: Time) -> Duration {
        self.refill(now);
        let missing = (1.0 - self.tokens).max(0.0);
        Duration::from_secs_f64(missing / self.per_second)
    }

    fn refill(&mut self, now: Time) {
        // A clock that was set back refills nothing until it has caught up with itself here.
        let passed = now.since(self.refilled_at);
        self.refilled_at = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * self.per_second).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_than_the_pace_and_what_was_saved_up() {
        let mut pace = Pace::new(500.0, Time::from_seconds(0));
        let mut sent = 0;
        for milli in 0..1_000 {
            let now = Time::from_millis(milli);
            let calls = pace.available(now);
            pace.take(calls);
            sent += calls;
        }
        assert!((540..=550).contains(&sent), "{sent}");
    }

    #[test]
    fn a_debt_is_waited_off() {
        let mut pace = Pace::new(10.0, Time::from_seconds(0));
        pace.take(11);
        assert_eq!(pace.available(Time::from_seconds(0)), 0);
        let wait = pace.wait(Time::from_seconds(0));
        assert!((wait.as_secs_f64() - 1.1).abs() < 0.001, "{wait:?}");
        assert_eq!(pace.available(Time::from_millis(1_101)), 1);
    }

    #[test]
    fn a_clock_that_jumps_back_stops_nothing_for_good() {
        let mut pace = Pace::new(10.0, Time::from_seconds(7_200));
        pace.take(1);
        assert_eq!(pace.available(Time::from_seconds(3_600)), 0);
        assert_eq!(pace.available(Time::from_seconds(3_601)), 1);
    }

    #[test]
    fn relays_that_share_the_pace_send_it_together() {
        let mut relays: Vec<Pace> =
            (0..3).map(|_| Pace::new(90.0, Time::from_seconds(0))).collect();
        let mut sent = 0;
        for millis in 0..10_000 {
            for pace in &mut relays {
                pace.shared_by(3, 90.0);
                let calls = pace.available(Time::from_millis(millis));
                pace.take(calls);
                sent += calls;
            }
        }
        assert!((890..=909).contains(&sent), "{sent}");
    }
}
