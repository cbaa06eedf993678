//! The log of requests, as both stand-ins keep it.

use http::request::Parts;
use http::{Method, StatusCode};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::ring::{Entry, Ring};

/// Counts for the fixed part of a request.
const REQUEST_BYTES: usize = 256;

/// A request as received.
#[derive(Debug, Serialize)]
pub(super) struct Logged {
    pub(super) received_at: i64,
    #[serde(serialize_with = "method")]
    pub(super) method: Method,
    /// Raw, with the query.
    pub(super) path: Box<str>,
    #[serde(serialize_with = "body")]
    pub(super) body: Box<[u8]>,
    pub(super) status: Option<u16>,
    pub(super) applied: bool,
    pub(super) faulted: bool,
}

impl Logged {
    /// Returns a request that isn't answered yet.
    pub(super) fn new(received_at: i64, parts: &Parts, body: &[u8]) -> Self {
        Self {
            received_at,
            method: parts.method.clone(),
            path: parts.uri.path_and_query().map_or("", |path| path.as_str()).into(),
            // A copy, because the original shares its memory with the connection's buffer.
            body: body.into(),
            status: None,
            applied: false,
            faulted: false,
        }
    }
}

impl Entry for Logged {
    const MOST: usize = 100_000;
    const MOST_BYTES: usize = 256 << 20;

    fn bytes(&self) -> usize {
        REQUEST_BYTES + self.path.len() + self.body.len()
    }
}

/// The requests since the last reset, and the newest of them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) received: u64,
    pub(super) entries: Ring<Logged>,
}

impl Requests {
    /// Logs a request and returns its number.
    pub(super) fn log(&mut self, request: Logged) -> u64 {
        self.received += 1;
        self.entries.keep(request)
    }

    /// Logs the status that a request is answered with.
    pub(super) fn answered(&mut self, seq: u64, status: StatusCode) {
        if let Some(request) = self.entries.get_mut(seq) {
            request.status = Some(status.as_u16());
        }
    }

    /// Logs that a request took effect, if it did.
    pub(super) fn applied(&mut self, seq: u64, applied: bool) {
        if let Some(request) = self.entries.get_mut(seq) {
            request.applied = applied;
        }
    }
}

fn method<S: Serializer>(method: &Method, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(method.as_str())
}

/// Writes a body as JSON if it is, else as text.
fn body<S: Serializer>(body: &[u8], to: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(json) => json.serialize(to),
        Err(_) if body.is_empty() => to.serialize_none(),
        Err(_) => to.serialize_str(&String::from_utf8_lossy(body)),
    }
}
