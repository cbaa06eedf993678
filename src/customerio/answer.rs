//! Answers to requests, and transport errors. `response` decides their meaning.

use std::error::Error;

use bytes::Bytes;
use thiserror::Error;

/// The meaningful parts of an HTTP answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Location`.
    pub location: Option<String>,
    /// The body, or its beginning.
    pub body: Bytes,
    /// True if `body` is whole; the client stops at a bound.
    pub complete: bool,
}

/// The cause of a [`SendError`].
pub type Source = Box<dyn Error + Send + Sync>;

/// Reason for a missing answer. Unless it is `Connect`, the request may have been accepted.
///
/// No variant shows the request's path, which holds the person's address.
#[derive(Debug, Error)]
pub enum SendError {
    /// No connection: unknown host, refused, or an untrusted certificate.
    #[error("no connection to customer.io")]
    Connect(#[source] Source),
    /// No answer came in time.
    #[error("no answer from customer.io in time")]
    Timeout(#[source] Source),
    /// The connection ended before the answer.
    #[error("the connection to customer.io broke off")]
    Interrupted(#[source] Source),
}

impl SendError {
    /// Returns the innermost cause, such as `connection refused`.
    pub fn cause(&self) -> &(dyn Error + 'static) {
        let mut cause: &(dyn Error + 'static) = self;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause
    }
}
