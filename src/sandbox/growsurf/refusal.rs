//! Errors of the API, as the documentation shows them.

use http::{StatusCode, header};
use serde_json::json;

use crate::sandbox::answer::Answer;

/// The answer to a refused request.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Box<Answer>);

/// A request that makes no sense.
impl<T: AsRef<str>> From<T> for Refusal {
    fn from(message: T) -> Self {
        Self::of(400, message.as_ref())
    }
}

impl Refusal {
    pub(super) fn of(status: u16, message: &str) -> Self {
        let (name, code) = match status {
            400 => ("BadRequest", "VALIDATION_ERROR"),
            403 => ("Forbidden", "FORBIDDEN"),
            404 => ("NotFound", "NOT_FOUND"),
            409 => ("Conflict", "DUPLICATE_REQUEST_ERROR"),
            422 => ("UnprocessableEntity", "INVALID_PROGRAM_TYPE"),
            429 => ("RateLimit", "RATE_LIMIT"),
            _ => ("Error", "ERROR"),
        };
        let body = json!({
            "name": name, "code": code, "message": message, "status": status,
            "supportUrl": "https://docs.growsurf.com/developer-tools/rest-api",
        });
        let status = StatusCode::from_u16(status).expect("it is one of HTTP's");
        Self(Box::new(Answer::json(status, &body)))
    }

    /// Returns the refusal of a path that leads to nothing.
    pub(super) fn not_found(what: &str) -> Self {
        Self::of(404, &format!("{what} was not found."))
    }

    /// Returns the refusal of a request beyond a limit.
    pub(super) fn limited(policy: &str, seconds: i64) -> Self {
        let mut refusal = Self::of(429, &format!("You have reached your {policy} limit."));
        refusal.0.headers.insert(header::RETRY_AFTER, seconds.into());
        refusal
    }
}
