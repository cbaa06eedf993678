//! The destination as everybody in the process sees it: its gate, and a bell to ring.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::gate::{Admission, Gate, Standing};
use crate::domain::{LaneId, Outcome, Time, Way};
use crate::store::{Rest, Told};

/// A destination's state, shared by whoever sends, watches or mends. Clones are the same one.
#[derive(Clone)]
pub struct Destination {
    name: &'static str,
    gate: Arc<Mutex<Gate>>,
    bell: Arc<Notify>,
}

impl Destination {
    /// The destination at the end of a way, behind this gate; `bell` wakes its dispatcher.
    pub fn new(way: Way, gate: Gate, bell: Arc<Notify>) -> Self {
        Self { name: way.destination(), gate: Arc::new(Mutex::new(gate)), bell }
    }

    /// There may be something new to send.
    pub fn wake(&self) {
        self.bell.notify_one();
    }

    /// Waits until somebody rings. A ring before the wait isn't lost.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    pub(super) fn admit(&self, now: Time) -> Admission {
        self.gate().admit(now)
    }

    pub(super) fn nothing_to_probe(&self, now: Time) {
        self.gate().nothing_to_probe(now);
    }

    /// Takes in what an attempt meant, and says so when the state changes by it.
    pub(super) fn observe(&self, lane: LaneId, outcome: &Outcome, now: Time) {
        let (before, after, reason) = {
            let mut gate = self.gate();
            let before = gate.standing(now);
            gate.observe(lane, outcome, now);
            (before, gate.standing(now), gate.halted_by().map(str::to_owned))
        };
        if before == after {
            return;
        }
        let (from, to, destination) = (before.word(), after.word(), self.name);
        match after {
            Standing::Running => {
                tracing::info!(destination, from, to, "the destination takes calls again");
            }
            Standing::Halted => {
                let reason = reason.as_deref();
                tracing::error!(
                    destination,
                    from,
                    to,
                    reason,
                    "the destination is halted; nothing is lost"
                );
            }
            Standing::Paused | Standing::Broken => {
                let reason = outcome.reason();
                tracing::warn!(destination, from, to, reason, "the destination rests");
            }
        }
    }

    /// The clock was set back by so much: what waits by it waits no longer for that.
    pub(super) fn set_back(&self, by: Duration) {
        self.gate().set_back(by);
    }

    /// What other relays are told: how often it recovered, and why nothing is sent.
    pub(super) fn rest(&self, now: Time) -> (i64, Option<Rest>) {
        let gate = self.gate();
        (gate.recoveries(), gate.rest(now))
    }

    /// Takes in what other relays tell.
    pub(super) fn hear(&self, others: &[Told], now: Time) {
        let (before, after) = {
            let mut gate = self.gate();
            let before = gate.standing(now);
            gate.hear(others, now);
            (before, gate.standing(now))
        };
        if before != after {
            let (from, to) = (before.word(), after.word());
            tracing::warn!(from, to, "another relay found the destination to be so");
            self.wake();
        }
    }

    /// Stops everything until an operator mends it.
    pub(super) fn bar(&self, reason: String) {
        let destination = self.name;
        tracing::error!(destination, reason, "the destination is halted; nothing is lost");
        self.gate().bar(reason);
    }

    /// The accepting clock.
    pub(super) fn accepting(&self) -> Duration {
        self.gate().accepting()
    }

    /// Whether calls that are under way already may go on.
    pub(super) fn takes_calls(&self, now: Time) -> bool {
        self.standing(now) == Standing::Running
    }

    /// The state, for operators.
    pub fn standing(&self, now: Time) -> Standing {
        self.gate().standing(now)
    }

    /// Why it is halted, if it is.
    pub fn halted_by(&self) -> Option<String> {
        self.gate().halted_by().map(str::to_owned)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().expect("nothing panics while it holds the gate")
    }
}
