//! The destination shared in the process: its breaker, and a signal for its dispatcher.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::breaker::CircuitBreaker;
use crate::domain::{Destination, DestinationState, Labelled, LaneId, Outcome, Time};
use crate::store::PeerStatus;

/// A destination's state. Clones share it.
#[derive(Clone)]
pub struct GuardedDestination {
    destination: Destination,
    breaker: Arc<Mutex<CircuitBreaker>>,
    notify: Arc<Notify>,
}

impl GuardedDestination {
    /// Returns the destination behind a breaker; `notify` wakes its dispatcher.
    pub fn new(destination: Destination, breaker: CircuitBreaker, notify: Arc<Notify>) -> Self {
        Self { destination, breaker: Arc::new(Mutex::new(breaker)), notify }
    }

    pub fn kind(&self) -> Destination {
        self.destination
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
        let (to, destination) = (state.label(), self.destination.label());
        match state {
            DestinationState::Running => {
                tracing::info!(destination, from, to, "the destination accepts calls again");
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
                let reason = outcome.masked_reason();
                tracing::warn!(destination, from, to, reason, "the destination accepts no calls");
            }
        }
    }

    /// Applies other relays' statuses, and logs a change of the state.
    pub(super) fn apply_peers(&self, others: &[PeerStatus], now: Time) {
        let change = self.change(now, |breaker| breaker.apply_peers(others, now));
        if let Some((from, to)) = change {
            let to = to.label();
            let destination = self.destination.label();
            tracing::warn!(destination, from, to, "another relay reported the destination's state");
            self.wake();
        }
    }

    /// Stops everything until an operator fixes it.
    pub(super) fn block(&self, reason: String) {
        let destination = self.destination.label();
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
