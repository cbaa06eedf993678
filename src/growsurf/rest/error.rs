//! Errors of requests.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;

use crate::domain::InvalidSegment;

/// An answer that isn't a success.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("growsurf answered {status} ({code}): {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// GrowSurf's code.
    pub code: String,
    /// GrowSurf's message.
    pub message: String,
}

/// Reason for a failed request.
#[derive(Debug, Error)]
pub enum RestError {
    /// Nothing has this id. GrowSurf answers 400 for an unknown participant, as for any faulty request, and 404
    /// elsewhere.
    #[error("{0}; it may know no {1}")]
    Unknown(Refusal, &'static str),
    /// An id would lead to another path. Definite.
    #[error("an id can't be sent to growsurf")]
    Segment(#[from] InvalidSegment),
    /// 401 to 403: the key is missing or revoked, lacks a scope, or the plan excludes the API. GrowSurf answers
    /// 403 even without a key. Definite.
    #[error("{0}; check growsurf.api_key, its scopes, its list of programs and the plan")]
    Forbidden(Refusal),
    /// GrowSurf refuses the request. Definite.
    #[error("{0}")]
    Refused(Refusal),
    /// 408, 409, 423 or 5xx: GrowSurf can't answer now, or the same request is under way.
    #[error("{0}")]
    Unavailable(Refusal),
    /// The request would have ended too late.
    #[error("the request wasn't sent, because its time was over")]
    Late,
    /// The limit is reached for longer than this use waits.
    #[error("growsurf's limit of requests is reached; it asks to wait {0:?}")]
    Limited(Duration),
    /// The answer is missing or incomplete. A write may have been done.
    #[error("growsurf can't be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// Another server answered.
    #[error("growsurf's answer can't be read: {0}")]
    Unreadable(String),
    /// The store can't keep the budget.
    #[error("the budget of requests can't be kept")]
    Budget(#[source] Box<dyn Error + Send + Sync>),
    /// The client can't be built.
    #[error("the client of growsurf can't be set up")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
}

impl RestError {
    /// True if the error concerns this request alone.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Unknown(..) | Self::Segment(_) | Self::Refused(_) | Self::Unreadable(_)
        )
    }

    /// True if a later repetition may succeed.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Late
                | Self::Limited(_)
                | Self::Unavailable(_)
                | Self::Unreachable(_)
                | Self::Budget(_)
        )
    }
}
