//! What the stand-in GrowSurf remembers, behind one lock, and the clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::keys::Keys;
use super::limiter::{Limiter, Limits};
use super::program::Program;
use super::signals::Signals;
use super::world::World;
use crate::sandbox::faults::Faults;
use crate::sandbox::ring::Ring;
use crate::sandbox::state::Clock;

const MAX_REQUESTS: usize = 1_000;
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// The stand-in, as its handlers share it.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Growsurf {
    clock: Clock,
    born_at: i64,
    in_flight: Arc<AtomicUsize>,
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
}

/// The requests to the API.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) total: u64,
    /// Refused by a limit.
    pub(super) refused: u64,
    pub(super) most_in_flight: usize,
    log: Ring<Request>,
}

#[derive(Debug)]
struct Request {
    method: String,
    path: String,
    status: Option<u16>,
}

/// A request that isn't answered yet; it no longer counts once this is dropped.
#[derive(Debug)]
pub(super) struct Flight {
    /// How many there are, with this one.
    pub(super) number: usize,
    in_flight: Arc<AtomicUsize>,
}

impl Growsurf {
    /// The standard program, and nothing has happened.
    pub(in crate::sandbox) fn new(clock: Clock) -> Self {
        let born_at = clock();
        let state = Arc::new(Mutex::new(State::new(born_at)));
        Self { clock, born_at, in_flight: Arc::default(), state }
    }

    /// Forgets everything, the program too.
    pub(in crate::sandbox) fn reset(&self) {
        *self.lock() = State::new(self.born_at);
    }

    /// In Unix milliseconds.
    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// When the sandbox was started, which the standard program is about.
    pub(super) fn born_at(&self) -> i64 {
        self.born_at
    }

    /// Counts a request as being in flight.
    pub(super) fn depart(&self) -> Flight {
        let number = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        Flight { number, in_flight: self.in_flight.clone() }
    }

    /// The state; even after a panic elsewhere, because a witness should keep talking.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(born_at: i64) -> Self {
        Self {
            world: World::new(Program::standard(born_at)),
            limiter: Limiter::new(Limits::default()),
            faults: Faults::default(),
            keys: Keys::default(),
            signals: Signals::default(),
            requests: Requests::new(),
        }
    }
}

impl Requests {
    /// None yet.
    pub(super) fn new() -> Self {
        let log = Ring::new(MAX_REQUESTS, MAX_REQUEST_BYTES);
        Self { total: 0, refused: 0, most_in_flight: 0, log }
    }

    /// Logs a request and returns its number.
    pub(super) fn log(&mut self, method: &str, path: &str) -> u64 {
        let request = Request { method: method.to_owned(), path: path.to_owned(), status: None };
        let seq = self.log.push(request, path.len());
        while self.log.overflow().is_some() {}
        self.total += 1;
        seq
    }

    /// Logs the status that a request is answered with.
    pub(super) fn answered(&mut self, seq: u64, status: u16) {
        if let Some(request) = self.log.get_mut(seq) {
            request.status = Some(status);
        }
    }

    /// Forgets them; only their numbers go on.
    pub(super) fn clear(&mut self) {
        self.log.clear();
        (self.total, self.refused, self.most_in_flight) = (0, 0, 0);
    }

    /// The requests as they are shown.
    pub(super) fn to_json(&self) -> Value {
        let shown = self.log.after(0).map(|(seq, request)| {
            let Request { method, path, status } = request;
            json!({"seq": seq, "method": method, "path": path, "status": status})
        });
        json!({
            "total": self.total, "refused": self.refused, "most_in_flight": self.most_in_flight,
            "requests": shown.collect::<Vec<_>>(),
        })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
