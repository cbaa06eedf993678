//! The workspace: everything that operations change, and the function that applies them.
//!
//! Each operation's rules are in a file of their own (`identify`, `events`, `merge`,
//! `suppression`), as methods of [`Workspace`]. HTTP, faults and the clock stay outside: an
//! operation comes with its [`Receipt`].

use std::collections::HashMap;

use super::{
    activity::{Activity, Kind},
    answer::Problem,
    events::{Anonymous, EventLog},
    identifier::Identifier,
    operation::{Note, Operation},
    people::People,
    ring::Ring,
};

/// The time and the request of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    /// Unix milliseconds.
    pub(super) at_ms: i64,
    /// The request's number in the log of requests.
    pub(super) request: u64,
}

impl Receipt {
    pub(super) fn seconds(self) -> i64 {
        self.at_ms.div_euclid(1_000)
    }
}

/// People, events and activity.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) people: People,
    pub(super) events: EventLog,
    pub(super) anonymous: HashMap<String, Anonymous>,
    /// Each suppressed identifier, with those that were suppressed together with it.
    pub(super) suppressed: HashMap<Identifier, Vec<Identifier>>,
    /// The identifiers that went away in merges, and the primary's `cio_id`.
    pub(super) merged: HashMap<Identifier, String>,
    pub(super) activity: Ring<Activity>,
}

impl Workspace {
    /// Applies one operation. Customer.io answers 200 to `Ok`, even if nothing was done.
    pub(super) fn apply(&mut self, receipt: Receipt, operation: Operation) -> Result<(), Problem> {
        match operation {
            Operation::Identify(identify) => return self.identify(receipt, identify),
            Operation::Event(target, event) => self.track(receipt, target, event),
            Operation::AnonymousEvent(anonymous_id, event) => {
                self.track_anonymous(receipt, anonymous_id, event);
            }
            Operation::Merge { primary, secondary } => self.merge(receipt, &primary, &secondary),
            Operation::Delete(target) => self.delete(receipt, &target),
            Operation::Suppress(target) => self.suppress(receipt, &target),
            Operation::Unsuppress(target) => self.unsuppress(receipt, &target),
            Operation::Record(kind, target, detail) => {
                self.record(receipt, kind, target.as_ref(), detail);
            }
        }
        Ok(())
    }

    pub(super) fn note(&mut self, receipt: Receipt, note: Note) {
        let Receipt { at_ms: received_at, request } = receipt;
        self.activity.keep(Activity { received_at, request, note });
    }

    pub(super) fn record(
        &mut self,
        receipt: Receipt,
        kind: Kind,
        identifier: Option<&Identifier>,
        detail: impl Into<String>,
    ) {
        let note =
            Note { kind, identifier: identifier.map(Identifier::to_string), detail: detail.into() };
        self.note(receipt, note);
    }
}
