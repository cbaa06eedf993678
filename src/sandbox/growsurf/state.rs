//! What the stand-in GrowSurf remembers, behind one lock, and the clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::keys::Keys;
use super::limiter::{Limiter, Limits};
use super::signals::Signals;
use super::world::{Program, World};
use crate::sandbox::faults::Faults;
use crate::sandbox::ring::Ring;
use crate::sandbox::state::Clock;

const MAX_REQUESTS: usize = 1_000;
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// The stand-in, as its handlers share it.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Growsurf {
    clock: Clock,
    /// When the sandbox was started, in Unix milliseconds.
    pub(super) born_at: i64,
    state: Arc<Mutex<State>>,
}

/// Everything that it remembers.
#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) limiter: Limiter,
    pub(super) faults: Faults,
    pub(super) keys: Keys,
    pub(super) signals: Signals,
    pub(super) requests: Requests,
    /// Shared with each request that isn't answered yet.
    pub(super) flights: Arc<()>,
}

/// The requests to the API.
#[derive(Debug)]
pub(super) struct Requests {
    total: u64,
    /// Refused by a limit.
    pub(super) refused: u64,
    pub(super) most_in_flight: usize,
    log: Ring<Value>,
}

impl Growsurf {
    /// Returns the stand-in with the usual program.
    pub(in crate::sandbox) fn new(clock: Clock) -> Self {
        let born_at = clock();
        Self { clock, born_at, state: Arc::new(Mutex::new(State::new(born_at))) }
    }

    /// Drops everything, the program too.
    pub(in crate::sandbox) fn reset(&self) {
        *self.lock() = State::new(self.born_at);
    }

    /// Returns Unix milliseconds.
    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Returns the state; even after a panic elsewhere, because a witness should keep talking.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(born_at: i64) -> Self {
        let program = Program::with(Map::new(), born_at);
        let log = Ring::new(MAX_REQUESTS, MAX_REQUEST_BYTES);
        Self {
            world: World::new(program.expect("the usual program makes sense")),
            limiter: Limiter::new(Limits::default()),
            faults: Faults::default(),
            keys: Keys::default(),
            signals: Signals::default(),
            requests: Requests { total: 0, refused: 0, most_in_flight: 0, log },
            flights: Arc::new(()),
        }
    }
}

impl Requests {
    /// Logs a request and returns its number.
    pub(super) fn log(&mut self, method: &str, path: &str) -> u64 {
        let request = json!({"method": method, "path": path, "status": null});
        let seq = self.log.push(request, path.len());
        while self.log.overflow().is_some() {}
        self.total += 1;
        seq
    }

    /// Logs the status that a request is answered with.
    pub(super) fn answered(&mut self, seq: u64, status: u16) {
        if let Some(request) = self.log.get_mut(seq) {
            request["status"] = json!(status);
        }
    }

    /// Drops all requests; their numbers go on.
    pub(super) fn clear(&mut self) {
        self.log.clear();
        (self.total, self.refused, self.most_in_flight) = (0, 0, 0);
    }

    /// Returns the requests as they are shown.
    pub(super) fn to_json(&self) -> Value {
        let shown = self.log.after(0).map(|(seq, request)| {
            let mut shown = request.clone();
            shown["seq"] = json!(seq);
            shown
        });
        json!({
            "total": self.total, "refused": self.refused, "most_in_flight": self.most_in_flight,
            "requests": shown.collect::<Vec<_>>(),
        })
    }
}
