//! A loop's signs of life, which health is judged by.
//!
//! What belongs here: when a loop is to be seen again, and whether it was. What doesn't: how much
//! silence is too much (`http`). Silence is measured by the steady clock: the other one may be set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// By when a loop is to be seen again. Clones show the same loop.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    name: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// It said that it would be back by then.
    Expected(Instant),
    /// It waits for something that is watched itself, or has come to its end.
    Excused,
    /// It panicked.
    Broken,
}

/// How late a loop is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lateness {
    /// It was to be seen so long ago; zero if it isn't late.
    For(Duration),
    /// It will never be seen again.
    Forever,
}

impl Heartbeat {
    /// The pulse of the loop of this name, alive at `now`.
    pub fn new(name: &'static str, now: Instant) -> Self {
        Self { name, state: Arc::new(Mutex::new(State::Expected(now))) }
    }

    /// The loop's name, for people.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The loop is alive at `now`, and comes round at once.
    pub fn beat(&self, now: Instant) {
        self.expect_within(now, Duration::ZERO);
    }

    /// The loop is alive at `now`, and is silent for so long at most.
    pub fn expect_within(&self, now: Instant, at_most: Duration) {
        // Beyond what the clock can count nobody waits for it.
        let state = now.checked_add(at_most).map_or(State::Excused, State::Expected);
        *self.state() = state;
    }

    /// The loop has ended; or, until it is seen again, its silence is another's: what it waits for
    /// is watched itself.
    pub fn suspend(&self) {
        *self.state() = State::Excused;
    }

    /// A guard for the loop to hold: should the loop panic, its silence is for ever.
    pub fn guard(&self) -> HeartbeatGuard {
        HeartbeatGuard(self.clone())
    }

    /// How late the loop is at `now`.
    pub fn lateness(&self, now: Instant) -> Lateness {
        match *self.state() {
            State::Expected(by) => Lateness::For(now.saturating_duration_since(by)),
            State::Excused => Lateness::For(Duration::ZERO),
            State::Broken => Lateness::Forever,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of a panic of the loop that holds it.
#[derive(Debug)]
pub struct HeartbeatGuard(Heartbeat);

impl Drop for HeartbeatGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            *self.0.state() = State::Broken;
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
        let (pulse, now) = started();
        let after = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(pulse.lateness(after(5)), Lateness::For(Duration::from_secs(5)));
        pulse.expect_within(after(5), Duration::from_secs(60));
        assert_eq!(pulse.lateness(after(65)), Lateness::For(Duration::ZERO));
        assert_eq!(pulse.lateness(after(66)), Lateness::For(Duration::from_secs(1)));
        pulse.suspend();
        assert_eq!(pulse.lateness(after(1_000)), Lateness::For(Duration::ZERO));
        pulse.beat(after(1_000));
        assert_eq!(pulse.lateness(after(1_001)), Lateness::For(Duration::from_secs(1)));
        pulse.expect_within(after(1_001), Duration::MAX);
        assert_eq!(pulse.lateness(after(9_999)), Lateness::For(Duration::ZERO));
    }

    #[test]
    fn a_loop_that_panics_is_silent_for_ever() {
        let (pulse, now) = started();
        let guard = pulse.guard();
        let panicked = thread::spawn(move || {
            let _held = guard;
            panic!("on purpose");
        });
        panicked.join().unwrap_err();
        assert_eq!(pulse.lateness(now), Lateness::Forever);
        drop(started().0.guard());
    }
}
