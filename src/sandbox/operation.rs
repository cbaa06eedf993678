//! The operation of one request, or one of a batch, after it was read and checked.
//!
//! `v1` and `v2` make operations from JSON, `workspace` applies them. Checks that need no state
//! are behind us here.

use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    activity::Kind,
    answer::{Answer, Problem, Style},
    identifier::Identifier,
};

/// One thing to do.
#[derive(Debug)]
pub(super) enum Operation {
    Identify(Identify),
    /// An event of a person that is named.
    Event(Identifier, Event),
    /// An event of a browser; without an anonymous id it is an invite event.
    AnonymousEvent(Option<String>, Event),
    Merge {
        primary: Identifier,
        secondary: Identifier,
    },
    Delete(Identifier),
    Suppress(Identifier),
    Unsuppress(Identifier),
    /// Accepted and written to the activity, nothing more.
    Record(Kind, Option<Identifier>, String),
}

/// An attribute update.
#[derive(Debug)]
pub(super) struct Identify {
    /// From the path (v1) or `identifiers` (v2).
    pub(super) target: Identifier,
    /// Identifiers among the attributes.
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
    pub(super) anonymous_id: Option<String>,
    /// Without the identifiers and the keys that steer the update.
    pub(super) attributes: Map<String, Value>,
    /// `_update: true`: don't create.
    pub(super) only_update: bool,
    /// The time of the update in Unix seconds; without it, the time of receipt counts.
    pub(super) timestamp: Option<i64>,
}

/// An event of a person or a visitor.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: Option<EventId>,
    /// `event`, `page` or `screen`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) timestamp: Option<i64>,
    pub(super) data: Box<RawValue>,
}

/// A ULID, as sent and as the number that identifies repeats.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct EventId {
    pub(super) text: String,
    #[serde(skip)]
    pub(super) number: u128,
}

/// Something remarkable in a request that isn't refused.
#[derive(Debug, Serialize)]
pub(super) struct Note {
    pub(super) kind: Kind,
    pub(super) identifier: Option<String>,
    pub(super) detail: String,
}

impl Note {
    pub(super) fn of(kind: Kind, identifier: impl ToString, detail: impl Into<String>) -> Self {
        Self { kind, identifier: Some(identifier.to_string()), detail: detail.into() }
    }
}

/// A request, read.
#[derive(Debug)]
pub(super) enum Reading {
    /// The answer doesn't depend on any state.
    Fixed(Answer),
    /// To be applied in order. Only a batch has other than one item.
    Operations { style: Style, items: Vec<Result<Operation, Problem>>, notes: Vec<Note> },
}

impl Operation {
    /// Returns the person's identifier or anonymous id, which faults and batches compare.
    pub(super) fn subject(&self) -> Option<&str> {
        match self {
            Self::Identify(identify) => Some(identify.target.value()),
            Self::Event(target, _)
            | Self::Delete(target)
            | Self::Suppress(target)
            | Self::Unsuppress(target)
            | Self::Merge { primary: target, .. } => Some(target.value()),
            Self::AnonymousEvent(anonymous_id, _) => anonymous_id.as_deref(),
            Self::Record(_, target, _) => target.as_ref().map(Identifier::value),
        }
    }
}

impl Reading {
    /// Returns a request that can only be refused.
    pub(super) fn refused(style: Style, problem: &Problem) -> Self {
        Self::Fixed(Answer::refused(style, problem))
    }

    /// Returns a request with one operation.
    pub(super) fn one(style: Style, item: Result<Operation, Problem>, notes: Vec<Note>) -> Self {
        Self::Operations { style, items: vec![item], notes }
    }

    /// Returns true if the request is about this identifier or anonymous id.
    pub(super) fn is_about(&self, subject: &str) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Operations { items, .. } => {
                items.iter().flatten().any(|operation| operation.subject() == Some(subject))
            }
        }
    }
}
