//! Heartbeats of loops, from which health is judged.
//!
//! Lateness is measured by the steady clock. The tolerated lateness is `http`'s.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// A loop's deadline for its next heartbeat. Clones share it.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    name: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The deadline.
    Expected(Instant),
    /// The loop has ended, or waits for something that is monitored separately.
    Suspended,
    /// The loop panicked.
    Panicked,
}

/// The lateness of a loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lateness {
    /// The time since the deadline; zero if it isn't late.
    For(Duration),
    /// The loop will never return.
    Forever,
}

impl Heartbeat {
    /// Returns the heartbeat of a loop that is alive at `now`.
    pub fn new(name: &'static str, now: Instant) -> Self {
        Self { name, state: Arc::new(Mutex::new(State::Expected(now))) }
    }

    /// Returns the loop's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Notes that the loop is alive at `now`, and expects the next beat at once.
    pub fn beat(&self, now: Instant) {
        self.expect_within(now, Duration::ZERO);
    }

    /// Notes that the loop is alive at `now`, and expects the next beat within `at_most`.
    pub fn expect_within(&self, now: Instant, at_most: Duration) {
        // A deadline beyond the clock's range is none.
        let state = now.checked_add(at_most).map_or(State::Suspended, State::Expected);
        *self.state() = state;
    }

    /// Sleeps for a time, or until `shutdown`; the next beat is expected then.
    pub async fn sleep(&self, now: Instant, time: Duration, shutdown: &CancellationToken) {
        self.expect_within(now, time);
        shutdown.run_until_cancelled(tokio::time::sleep(time)).await;
    }

    /// Suspends monitoring until the next beat: the loop has ended, or waits for something that is monitored
    /// separately.
    pub fn suspend(&self) {
        *self.state() = State::Suspended;
    }

    /// Returns a guard that reports a panic of the loop.
    pub fn guard(&self) -> HeartbeatGuard {
        HeartbeatGuard(self.clone())
    }

    pub fn lateness(&self, now: Instant) -> Lateness {
        match *self.state() {
            State::Expected(by) => Lateness::For(now.saturating_duration_since(by)),
            State::Suspended => Lateness::For(Duration::ZERO),
            State::Panicked => Lateness::Forever,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard that reports a panic of its loop.
#[derive(Debug)]
pub struct HeartbeatGuard(Heartbeat);

impl Drop for HeartbeatGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            *self.0.state() = State::Panicked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> (Heartbeat, Instant) {
        let now = Instant::now();
        (Heartbeat::new("test", now), now)
    }

    #[test]
    fn a_loop_is_late_from_when_it_said_it_would_be_back() {
        let (heartbeat, now) = started();
        let after = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(heartbeat.lateness(after(5)), Lateness::For(Duration::from_secs(5)));
        heartbeat.expect_within(after(5), Duration::from_secs(60));
        assert_eq!(heartbeat.lateness(after(65)), Lateness::For(Duration::ZERO));
        assert_eq!(heartbeat.lateness(after(66)), Lateness::For(Duration::from_secs(1)));
        heartbeat.suspend();
        assert_eq!(heartbeat.lateness(after(1_000)), Lateness::For(Duration::ZERO));
        heartbeat.beat(after(1_000));
        assert_eq!(heartbeat.lateness(after(1_001)), Lateness::For(Duration::from_secs(1)));
        heartbeat.expect_within(after(1_001), Duration::MAX);
        assert_eq!(heartbeat.lateness(after(9_999)), Lateness::For(Duration::ZERO));
    }

    #[test]
    fn a_loop_that_panics_is_silent_for_ever() {
        let (heartbeat, now) = started();
        let guard = heartbeat.guard();
        let panicked = thread::spawn(move || {
            let _held = guard;
            panic!("on purpose");
        });
        panicked.join().unwrap_err();
        assert_eq!(heartbeat.lateness(now), Lateness::Forever);
        drop(started().0.guard());
    }
}
