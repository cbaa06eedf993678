//! The log of requests, as both stand-ins keep it.

use http::request::Parts;
use http::{Method, StatusCode};
use serde::Serialize;

use super::ring::Ring;

const MAX_REQUESTS: usize = 100_000;
const MAX_REQUEST_BYTES: usize = 256 << 20;
/// Counts for the fixed part of a request.
const REQUEST_BYTES: usize = 256;

/// A request as received.
#[derive(Debug, Serialize)]
pub(super) struct Logged {
    pub(super) received_at: i64,
    #[serde(skip)]
    pub(super) method: Method,
    /// Raw, with the query.
    pub(super) path: Box<str>,
    #[serde(skip)]
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

/// The requests since the last reset, and the newest of them.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) received: u64,
    entries: Ring<Logged>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { received: 0, entries: Ring::new(MAX_REQUESTS, MAX_REQUEST_BYTES) }
    }
}

impl Requests {
    /// Logs a request and returns its number.
    pub(super) fn log(&mut self, request: Logged) -> u64 {
        let bytes = REQUEST_BYTES + request.path.len() + request.body.len();
        self.received += 1;
        self.entries.keep(request, bytes)
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

    pub(super) fn entries(&self) -> &Ring<Logged> {
        &self.entries
    }

    /// Drops the requests; their numbers go on.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}
