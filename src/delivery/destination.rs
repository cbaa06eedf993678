//! The destination as everybody in the process sees it: its breaker, and a bell to ring.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::breaker::CircuitBreaker;
use crate::domain::{Destination, DestinationState, Labelled, LaneId, Outcome, Time};
use crate::store::PeerStatus;

/// A destination's state, shared by whoever sends, watches or mends. Clones are the same one.
#[derive(Clone)]
pub struct GuardedDestination {
    name: &'static str,
    breaker: Arc<Mutex<CircuitBreaker>>,
    notify: Arc<Notify>,
}

impl GuardedDestination {
    /// The destination at the end of a way, behind this breaker; `bell` wakes its dispatcher.
    pub fn new(way: Destination, breaker: CircuitBreaker, bell: Arc<Notify>) -> Self {
        Self { name: way.label(), breaker: Arc::new(Mutex::new(breaker)), notify: bell }
    }

    /// There may be something new to send.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until somebody rings. A ring before the wait isn't lost.
    pub(super) async fn notified(&self) {
        self.notify.notified().await;
    }

    /// The breaker, for a moment: nobody else gets at it meanwhile.
    pub fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.breaker.lock().expect("nothing panics while it holds the breaker")
    }

    /// Takes in what an attempt meant, and logs a change of the state.
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

    /// Takes in what other relays tell, and logs a change of the state.
    pub(super) fn apply_peers(&self, others: &[PeerStatus], now: Time) {
        let change = self.change(now, |breaker| breaker.apply_peers(others, now));
        if let Some((from, to)) = change {
            let to = to.label();
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
