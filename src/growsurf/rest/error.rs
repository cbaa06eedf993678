//! Errors: what went wrong with a request, and with it what to do.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;

use crate::domain::InvalidSegment;

/// Why a request came to nothing.
#[derive(Debug, Error)]
pub enum RestError {
    /// There is none of this id. GrowSurf answers 400 for a participant it doesn't know, as for any
    /// other request that it finds wrong, and 404 elsewhere.
    #[error("growsurf answered {status} ({code}): {message}; it may know no {what}")]
    Unknown {
        /// The thing that was asked for.
        what: &'static str,
        /// 400 or 404.
        status: u16,
        /// GrowSurf's word for it.
        code: String,
        /// GrowSurf's message.
        message: String,
    },
    /// An id in the request would lead to another path. Definite.
    #[error("an id can't be sent to growsurf")]
    Segment(#[from] InvalidSegment),
    /// The key is missing, revoked or lacks a scope, or the plan doesn't include the API. GrowSurf
    /// answers 403 even where no key was sent. Definite.
    #[error(
        "growsurf answered {status} ({code}): {message}; check growsurf.api_key, its scopes, its list \
         of programs and the plan"
    )]
    Forbidden {
        /// 401, 402 or 403.
        status: u16,
        /// GrowSurf's word for it.
        code: String,
        /// What GrowSurf says.
        message: String,
    },
    /// GrowSurf understands the request and won't do it. Definite.
    #[error("growsurf answered {status} ({code}): {message}")]
    Refused {
        /// The status.
        status: u16,
        /// GrowSurf's word for it.
        code: String,
        /// What GrowSurf says.
        message: String,
    },
    /// It would have begun too late to be sure of its end.
    #[error("the request wasn't sent, because its time was over")]
    Late,
    /// Over a limit, for longer than this use waits.
    #[error("growsurf's limit of requests is reached; it asks to wait {0:?}")]
    Limited(Duration),
    /// GrowSurf can't answer now, or the same request is under way.
    #[error("growsurf answered {status} ({code}): {message}")]
    Unavailable {
        /// 408, 409, 423 or 5xx.
        status: u16,
        /// GrowSurf's word for it.
        code: String,
        /// GrowSurf's message.
        message: String,
    },
    /// No whole answer came. A write may have been done all the same.
    #[error("growsurf can't be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// Something answers there, but not as GrowSurf's API.
    #[error("growsurf's answer can't be read: {0}")]
    Unreadable(String),
    /// The budget of requests, which is kept in the store, can't be asked.
    #[error("the budget of requests can't be kept")]
    Budget(#[source] Box<dyn Error + Send + Sync>),
    /// The client can't be made.
    #[error("the client of growsurf can't be set up")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
}

impl RestError {
    /// True if it is about what this one request named: others may succeed.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. } | Self::Segment(_) | Self::Refused { .. } | Self::Unreadable(_)
        )
    }

    /// Whether asking again later may lead to something else.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Late
                | Self::Limited(_)
                | Self::Unavailable { .. }
                | Self::Unreachable(_)
                | Self::Budget(_)
        )
    }
}
