//! What came back of a request: an answer, or why there is none.
//!
//! What belongs here: the two plain types that stand between the client, which makes them, and
//! `response`, which reads them. What doesn't: what they mean.

use std::error::Error;

use bytes::Bytes;
use thiserror::Error;

/// The parts of an HTTP answer that mean something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as it stands there.
    pub retry_after: Option<String>,
    /// The header `Location`, as it stands there.
    pub location: Option<String>,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Whether `body` is all of it; the client stops reading at a bound.
    pub complete: bool,
}

/// What lies below a [`SendError`].
pub type Source = Box<dyn Error + Send + Sync>;

/// Why there is no answer. The request may have been taken nevertheless, unless it is `Connect`.
///
/// No variant tells the request's path, which holds the person's address.
#[derive(Debug, Error)]
pub enum SendError {
    /// No connection came about: no such host, refused, or no trust in the other side.
    #[error("no connection to customer.io")]
    Connect(#[source] Source),
    /// No answer came in time.
    #[error("no answer from customer.io in time")]
    Timeout(#[source] Source),
    /// The connection broke off before the answer was whole.
    #[error("the connection to customer.io broke off")]
    Interrupted(#[source] Source),
}

impl SendError {
    /// The innermost cause, which is the one that tells something: `connection refused`.
    pub fn cause(&self) -> &(dyn Error + 'static) {
        let mut cause: &(dyn Error + 'static) = self;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause
    }
}
