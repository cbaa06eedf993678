//! The destination shared in the process: its breaker, and a signal for its dispatcher.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::breaker::CircuitBreaker;
use crate::domain::{Destination, DestinationState, Labelled, LaneId, Outcome, Time};
use crate::store::PeerStatus;

/// A destination's state. Clones share it.
#[derive(Clone)]
pub struct GuardedDestination {
    name: &'static str,
    breaker: Arc<Mutex<CircuitBreaker>>,
    notify: Arc<Notify>,
}

impl GuardedDestination {
    /// Returns the destination behind a breaker; `notify` wakes its dispatcher.
    pub fn new(way: Destination, breaker: CircuitBreaker, bell: Arc<Notify>) -> Self {
        Self { name: way.label(), breaker: Arc::new(Mutex::new(breaker)), notify: bell }
    }

    /// Wakes the dispatcher: there may be something to send.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits for [`GuardedDestination::wake`]. An earlier one isn't lost.
    pub(super) async fn notified(&self) {
        self.notify.notified().await;
    }

    /// Locks the breaker.
    pub fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.breaker.lock().expect("nothing panics while it holds the breaker")
    }

    /// Notes the outcome of an attempt, and logs a change of the state.
    pub(super) fn observe(&self, lane: LaneId, outcome: &Outcome, now: Time) {
        let Some((from, state)) = self.change(now, |breaker| breaker.observe(lane, outcome, now))
        else {
            return;
        };
        let (to, destination) = (state.label(), self.name);
        match state {
            DestinationState::Running => {
                tracing::info!(destination, from, to, "the destination takes calls again");
            }
            DestinationState::Halted => {
                let reason = self.breaker().halted_by().map(str::to_owned);
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

    /// Applies other relays' statuses, and logs a change of the state.
    pub(super) fn apply_peers(&self, others: &[PeerStatus], now: Time) {
        let change = self.change(now, |breaker| breaker.apply_peers(others, now));
        if let Some((from, to)) = change {
            let to = to.label();
            tracing::warn!(from, to, "another relay found the destination to be so");
            self.wake();
        }
    }

    /// Stops everything until an operator fixes it.
    pub(super) fn block(&self, reason: String) {
        let destination = self.name;
        tracing::error!(destination, reason, "the destination is halted; nothing is lost");
        self.breaker().block(reason);
    }

    /// Changes the breaker; returns the states before and after if they differ.
    fn change(
        &self,
        now: Time,
        change: impl FnOnce(&mut CircuitBreaker),
    ) -> Option<(&'static str, DestinationState)> {
        let mut breaker = self.breaker();
        let before = breaker.state(now);
        change(&mut breaker);
        let after = breaker.state(now);
        (before != after).then_some((before.label(), after))
    }
}
