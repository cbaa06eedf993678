//! Errors of the API, as the documentation shows them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::answer::Answer;

const SUPPORT_URL: &str = "https://docs.growsurf.com/developer-tools/rest-api";

/// A refused request: the status, and the name, code and message of the body.
#[derive(Clone, Debug)]
pub(super) struct Refusal(StatusCode, &'static str, &'static str, String);

/// A request that makes no sense.
impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self(StatusCode::BAD_REQUEST, "BadRequest", "VALIDATION_ERROR", message)
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl Refusal {
    /// Returns the refusal of a path below which there is nothing.
    pub(super) fn not_found(what: &str) -> Self {
        let message = format!("{what} was not found.");
        Self(StatusCode::NOT_FOUND, "NotFound", "NOT_FOUND", message)
    }

    /// Returns the refusal of a key that is missing, unknown or not allowed to do this.
    pub(super) fn forbidden() -> Self {
        let message = "You do not have access to this resource.".to_owned();
        Self(StatusCode::FORBIDDEN, "Forbidden", "FORBIDDEN", message)
    }

    /// Returns the refusal of a request that a program of the other type takes.
    pub(super) fn wrong_type(needed: &str) -> Self {
        let (name, code) = ("UnprocessableEntity", "INVALID_PROGRAM_TYPE");
        let message = format!("This request needs {needed}.");
        Self(StatusCode::UNPROCESSABLE_ENTITY, name, code, message)
    }

    /// Returns the refusal of a request beyond a limit.
    pub(super) fn limited(message: String) -> Self {
        Self(StatusCode::TOO_MANY_REQUESTS, "RateLimit", "RATE_LIMIT", message)
    }

    /// Returns the refusal by a scripted fault without a body.
    pub(super) fn scripted(status: StatusCode) -> Self {
        let (name, code) = match status.as_u16() {
            409 => ("Conflict", "DUPLICATE_REQUEST_ERROR"),
            423 => ("Locked", "LOCKED"),
            429 => ("RateLimit", "RATE_LIMIT"),
            _ => ("Error", "SCRIPTED_FAULT"),
        };
        Self(status, name, code, "This fault is scripted.".to_owned())
    }

    /// Returns the answer, with further keys in the body.
    pub(super) fn answer(&self, further: &[(&str, Value)]) -> Answer {
        let Self(status, name, code, message) = self;
        let mut body = json!({
            "name": name, "code": code, "message": message, "status": status.as_u16(),
            "supportUrl": SUPPORT_URL,
        });
        for (key, value) in further {
            body[*key] = value.clone();
        }
        Answer::json(*status, &body)
    }
}
