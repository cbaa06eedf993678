//! The destination as everybody in the process sees it: its gate, and a bell to ring.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::breaker::{Admission, CircuitBreaker, DestinationState};
use crate::domain::{Destination, LaneId, Outcome, Time};
use crate::store::{Outage, PeerStatus};

/// A destination's state, shared by whoever sends, watches or mends. Clones are the same one.
#[derive(Clone)]
pub struct GuardedDestination {
    name: &'static str,
    breaker: Arc<Mutex<CircuitBreaker>>,
    notify: Arc<Notify>,
}

impl GuardedDestination {
    /// The destination at the end of a way, behind this gate; `bell` wakes its dispatcher.
    pub fn new(way: Destination, gate: CircuitBreaker, bell: Arc<Notify>) -> Self {
        Self { name: way.as_str(), breaker: Arc::new(Mutex::new(gate)), notify: bell }
    }

    /// There may be something new to send.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until somebody rings. A ring before the wait isn't lost.
    pub(super) async fn notified(&self) {
        self.notify.notified().await;
    }

    pub(super) fn admit(&self, now: Time) -> Admission {
        self.breaker().admit(now)
    }

    pub(super) fn nothing_to_probe(&self, now: Time) {
        self.breaker().nothing_to_probe(now);
    }

    /// Takes in what an attempt meant, and says so when the state changes by it.
    pub(super) fn observe(&self, lane: LaneId, outcome: &Outcome, now: Time) {
        let (before, after, reason) = {
            let mut gate = self.breaker();
            let before = gate.state(now);
            gate.observe(lane, outcome, now);
            (before, gate.state(now), gate.halted_by().map(str::to_owned))
        };
        if before == after {
            return;
        }
        let (from, to, destination) = (before.as_str(), after.as_str(), self.name);
        match after {
            DestinationState::Running => {
                tracing::info!(destination, from, to, "the destination takes calls again");
            }
            DestinationState::Halted => {
                let reason = reason.as_deref();
                tracing::error!(
                    destination,
                    from,
                    to,
                    reason,
                    "the destination is halted; nothing is lost"
                );
            }
            DestinationState::Paused | DestinationState::Broken => {
                let reason = outcome.reason();
                tracing::warn!(destination, from, to, reason, "the destination rests");
            }
        }
    }

    /// The clock was set back by so much: what waits by it waits no longer for that.
    pub(super) fn clock_jumped_back(&self, by: Duration) {
        self.breaker().clock_jumped_back(by);
    }

    /// What other relays are told: how often it recovered, and why nothing is sent.
    pub(super) fn outage(&self, now: Time) -> (i64, Option<Outage>) {
        let gate = self.breaker();
        (gate.recoveries(), gate.outage(now))
    }

    /// Takes in what other relays tell.
    pub(super) fn apply_peers(&self, others: &[PeerStatus], now: Time) {
        let (before, after) = {
            let mut gate = self.breaker();
            let before = gate.state(now);
            gate.apply_peers(others, now);
            (before, gate.state(now))
        };
        if before != after {
            let (from, to) = (before.as_str(), after.as_str());
            tracing::warn!(from, to, "another relay found the destination to be so");
            self.wake();
        }
    }

    /// Stops everything until an operator mends it.
    pub(super) fn block(&self, reason: String) {
        let destination = self.name;
        tracing::error!(destination, reason, "the destination is halted; nothing is lost");
        self.breaker().block(reason);
    }

    /// The accepting clock.
    pub(super) fn available_for(&self) -> Duration {
        self.breaker().available_for()
    }

    /// Whether calls that are under way already may go on.
    pub(super) fn accepts_calls(&self, now: Time) -> bool {
        self.state(now) == DestinationState::Running
    }

    /// The state, for operators.
    pub fn state(&self, now: Time) -> DestinationState {
        self.breaker().state(now)
    }

    /// Why it is halted, if it is.
    pub fn halted_by(&self) -> Option<String> {
        self.breaker().halted_by().map(str::to_owned)
    }

    fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.breaker.lock().expect("nothing panics while it holds the gate")
    }
}
