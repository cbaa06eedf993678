//! Requests of the Track API, v1 and v2.
//!
//! What belongs here: paths, encoding, bodies, and batches. v1 has one call in a request, and the identifier
//! in the path; v2 has many, with identifiers in the body. What doesn't: limits (`limits`), and headers
//! (`client`).
//!
//! Only events carry a time. Customer.io drops an update that looks older than another writer's, with a 200,
//! so updates count from their arrival.

mod wire;

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::limits::{BATCH_BYTES, Fitted, OPERATION_BYTES, OverLimit};
use crate::domain::{Call, Identifier, LaneKey, PathSegment};
use wire::{
    Identifiers, Joined, Merge, Unsubscribed, V1Anonymous, V1Event, V2Action, V2Merge, V2Operation,
};

/// One HTTP request, without host and credentials. `Display` shows it whole, for `explain`; `Debug` shows no
/// personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The path, percent-encoded, beginning with `/api/`.
    pub path: String,
    /// The body: JSON, UTF-8.
    pub body: Bytes,
    /// Earlier tries; sent as `X-Retry-Count` if there are any, as by Customer.io's Node library.
    pub retry: u32,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(body) => write!(f, "\n{body:#}"),
            Err(_) => write!(f, "\n{}", String::from_utf8_lossy(&self.body)),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Returns the request of one call: v1, or a v2 batch of one.
///
/// # Errors
/// [`OverLimit`] if the identifier can't go over v1 and the call is too long for v2.
pub fn alone(fitted: &Fitted<'_>) -> Result<Request, OverLimit> {
    if let Some(request) = v1(fitted) {
        return Ok(request);
    }
    let Some(operation) = short(fitted) else {
        let reason = format!(
            "can't stand in a v1 path, and the call is longer than the {OPERATION_BYTES} bytes of v2"
        );
        return Err(OverLimit { field: "identifier", reason });
    };
    Ok(joined(&[operation]))
}

/// Returns the request over v1, which has the identifier in its path and guesses its kind.
///
/// `None` for identifiers that would be misread: `.`, `..`, ids with an `@`, and anything that begins with
/// `cio_`.
pub fn v1(fitted: &Fitted<'_>) -> Option<Request> {
    let (method, path, body) = match (fitted.key(), fitted.call()) {
        (LaneKey::Visitor(anonymous_id), Call::Track { name, event_id, at, data }) => {
            let event = V1Event { name, id: *event_id, timestamp: at.seconds(), data };
            let body = json(&V1Anonymous { anonymous_id, event });
            (Method::POST, "/api/v1/events".to_owned(), body)
        }
        (LaneKey::Person(person), Call::Merge { from, .. }) => {
            let body = json(&Merge { primary: person.into(), secondary: from.into() });
            (Method::POST, "/api/v1/merge_customers".to_owned(), body)
        }
        (LaneKey::Person(person), Call::Identify { attributes }) => {
            (Method::PUT, v1_path(person)?, json(attributes))
        }
        (LaneKey::Person(person), Call::Track { name, event_id, at, data }) => {
            let body = json(&V1Event { name, id: *event_id, timestamp: at.seconds(), data });
            (Method::POST, v1_path(person)? + "/events", body)
        }
        (LaneKey::Person(person), Call::Unsubscribe { .. }) => {
            (Method::PUT, v1_path(person)?, json(&Unsubscribed::NOW))
        }
        (LaneKey::Person(person), Call::Join { anonymous_id, .. }) => {
            (Method::PUT, v1_path(person)?, json(&Joined::by(anonymous_id)))
        }
        _ => return None,
    };
    Some(Request { method, path, body: body.into(), retry: 0 })
}

/// Returns the path of a person over v1, see [`v1`].
pub(super) fn v1_path(identifier: &Identifier) -> Option<String> {
    let value = identifier.value();
    let is_mistaken =
        matches!(identifier, Identifier::Id(id) if id.contains('@')) || value.starts_with("cio_");
    let segment = PathSegment::new(value).ok().filter(|_| !is_mistaken)?;
    Some(format!("/api/v1/customers/{segment}"))
}

/// One operation of a v2 batch, as JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Operation(Vec<u8>);

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operation({} bytes)", self.0.len())
    }
}

/// Returns the operation of a call; `None` if it has more than 32,000 bytes, or an anonymous id, which v2
/// doesn't specify for people.
pub fn operation(fitted: &Fitted<'_>) -> Option<Operation> {
    if matches!(fitted.call(), Call::Join { .. }) { None } else { short(fitted) }
}

/// Returns the operation, if it is short enough.
fn short(fitted: &Fitted<'_>) -> Option<Operation> {
    let bytes = written(fitted)?;
    (bytes.len() <= OPERATION_BYTES).then_some(Operation(bytes))
}

/// Returns the operation's JSON; `None` for a call to GrowSurf or of a visitor.
fn written(fitted: &Fitted<'_>) -> Option<Vec<u8>> {
    let identifiers = Identifiers::from(fitted.key().identifier()?);
    let action = match fitted.call() {
        Call::Identify { attributes } => V2Action::Identify { attributes },
        Call::Track { name, event_id, at, data } => {
            V2Action::Event { name, id: *event_id, timestamp: at.seconds(), attributes: data }
        }
        Call::Unsubscribe { .. } => {
            V2Action::Unsubscribe { action: "identify", attributes: Unsubscribed::NOW }
        }
        Call::Join { anonymous_id, .. } => {
            V2Action::Join { action: "identify", attributes: Joined::by(anonymous_id) }
        }
        Call::UpdateParticipant { .. }
        | Call::TriggerReferral { .. }
        | Call::AddParticipant { .. } => return None,
        Call::Merge { from, .. } => {
            let people = Merge { primary: identifiers, secondary: from.into() };
            return Some(json(&V2Merge { kind: "person", action: "merge", people }));
        }
    };
    Some(json(&V2Operation { kind: "person", identifiers, action }))
}

/// A v2 request. Its `batch_index` n is operation `operations.start + n` of [`batches`]'s slice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    pub request: Request,
    /// The indexes of its operations.
    pub operations: Range<usize>,
}

/// Puts operations, in order, into as few requests as possible: each below 500,000 bytes, with at most `most`
/// operations.
pub fn batches(operations: &[Operation], most: usize) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut start = 0;
    while start < operations.len() {
        let mut bytes = OPEN.len() + CLOSE.len();
        let mut end = start;
        while let Some(Operation(next)) = operations.get(end) {
            bytes += next.len() + usize::from(end > start);
            if end > start && (bytes >= BATCH_BYTES || end - start >= most) {
                break;
            }
            end += 1;
        }
        let request = joined(&operations[start..end]);
        batches.push(Batch { request, operations: start..end });
        start = end;
    }
    batches
}

const OPEN: &[u8] = br#"{"batch":["#;
const CLOSE: &[u8] = b"]}";

fn joined(operations: &[Operation]) -> Request {
    let bytes = operations.iter().map(|operation| operation.0.len() + 1).sum::<usize>();
    let mut body = Vec::with_capacity(OPEN.len() + bytes + CLOSE.len());
    body.extend_from_slice(OPEN);
    for (place, operation) in operations.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&operation.0);
    }
    body.extend_from_slice(CLOSE);
    let path = "/api/v2/batch".to_owned();
    Request { method: Method::POST, path, body: body.into(), retry: 0 }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("texts and scalars by name are JSON")
}

#[cfg(test)]
mod tests;
