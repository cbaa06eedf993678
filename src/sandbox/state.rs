//! The shared state: workspace, requests and faults behind one lock, and the clock.
//!
//! The lock is held for as long as one request takes effect; parsing and writing bodies happen
//! outside it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use http::StatusCode;

use super::{
    answer::{Answer, Problem},
    faults::{Fault, Faults, Subject},
    growsurf::Growsurf,
    operation::Reading,
    requests::{Logged, Requests},
    workspace::{Receipt, Workspace},
};

/// People have no oldest that could go, so beyond this the sandbox says that it is full.
const MAX_PEOPLE: usize = 1_000_000;

/// A source of Unix milliseconds.
pub(super) type Clock = fn() -> i64;

/// Reads the clock outside tests.
#[expect(clippy::disallowed_methods, reason = "the sandbox owns its own clock, here")]
pub(super) fn system_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The state and the clock, which all handlers share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

/// Everything that the sandbox remembers.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) workspace: Workspace,
    pub(super) requests: Requests,
    /// Made up when it is first asked for, because most tests never do.
    growsurf: Option<Growsurf>,
    pub(super) faults: Faults,
}

impl Shared {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default() }
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Locks the state, even after a panic elsewhere: a witness must go on.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Logs a request, decides its fault and lets it take effect. Returns its number, and its true answer: a
    /// success if the fault lets the request have no effect.
    pub(super) fn receive(
        &mut self,
        request: Logged,
        reading: Reading,
        is_authorized: bool,
    ) -> (u64, Option<Arc<Fault>>, Answer) {
        let fault = self.faults.decide(&Subject {
            method: request.method.as_str(),
            path: &request.path,
            is_about: &|identifier| reading.is_about(identifier),
        });
        let at_ms = request.received_at;
        let seq = self.requests.log(Logged { faulted: fault.is_some(), ..request });
        let receipt = Receipt { at_ms, request: seq };

        let has_effect = fault.as_ref().is_none_or(|fault| fault.has_effect());
        let answer = if !has_effect {
            Answer::success()
        } else if is_authorized {
            let item_errors = fault.as_ref().map_or(&[][..], |fault| &fault.item_errors);
            self.take_effect(receipt, reading, item_errors)
        } else {
            Answer::error(StatusCode::UNAUTHORIZED, "Unauthorized request")
        };
        (seq, fault, answer)
    }

    /// Returns the stand-in GrowSurf.
    pub(super) fn growsurf(&mut self, now: i64) -> &mut Growsurf {
        self.growsurf.get_or_insert_with(|| Growsurf::new(now))
    }

    /// Forgets everything; only the requests' numbers go on.
    pub(super) fn reset(&mut self) {
        let mut requests = std::mem::take(&mut self.requests);
        requests.entries.clear();
        requests.received = 0;
        *self = Self { requests, ..Self::default() };
    }

    fn take_effect(&mut self, receipt: Receipt, reading: Reading, item_errors: &[usize]) -> Answer {
        let (style, items, notes) = match reading {
            Reading::Fixed(answer) => return answer,
            Reading::Operations { style, items, notes } => (style, items, notes),
        };
        if self.workspace.people.len() >= MAX_PEOPLE {
            let message = "the sandbox is full of people: POST /sandbox/reset";
            return Answer::error(StatusCode::INSUFFICIENT_STORAGE, message);
        }

        for note in notes {
            self.workspace.note(receipt, note);
        }
        let number = items.len();
        let mut problems = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let outcome = if item_errors.contains(&index) {
                Err(Problem::invalid("batch", "a scripted fault"))
            } else {
                item.and_then(|operation| self.workspace.apply(receipt, operation))
            };
            if let Err(problem) = outcome {
                problems.push((index, problem));
            }
        }

        self.requests.applied(receipt.request, problems.len() < number);
        Answer::outcome(style, &problems)
    }
}
