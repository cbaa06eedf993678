//! Errors of the API, as the documentation shows them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::answer::Answer;

/// Where every error sends the reader.
const SUPPORT_URL: &str = "https://docs.growsurf.com/developer-tools/rest-api";

/// Why a request isn't done.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    name: &'static str,
    code: &'static str,
    message: String,
}

impl Refusal {
    /// The request makes no sense, or nobody has this id or address.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status: StatusCode::BAD_REQUEST,
            name: "BadRequest",
            code: "VALIDATION_ERROR",
            message,
        }
    }

    /// No participant has this id or address; the API says 400 to this, not 404.
    pub(super) fn nobody(id_or_email: &str) -> Self {
        Self::bad(format!("There is no participant {id_or_email}."))
    }

    /// There is no such thing at this path.
    pub(super) fn not_found(what: &str) -> Self {
        let message = format!("{what} was not found.");
        Self { status: StatusCode::NOT_FOUND, name: "NotFound", code: "NOT_FOUND", message }
    }

    /// The key is missing or unknown, or may not do this: GrowSurf says the same to all.
    pub(super) fn forbidden() -> Self {
        let message = "You do not have access to this resource.".to_owned();
        Self { status: StatusCode::FORBIDDEN, name: "Forbidden", code: "FORBIDDEN", message }
    }

    /// The program is of the other type.
    pub(super) fn wrong_kind(needed: &str) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            name: "UnprocessableEntity",
            code: "INVALID_PROGRAM_TYPE",
            message: format!("This request needs {needed}."),
        }
    }

    /// Returns what a scripted fault answers with this status, if the script has no body.
    pub(super) fn scripted(status: StatusCode) -> Self {
        let (name, code) = match status.as_u16() {
            409 => ("Conflict", "DUPLICATE_REQUEST_ERROR"),
            423 => ("Locked", "LOCKED"),
            429 => ("RateLimit", "RATE_LIMIT"),
            _ => ("Error", "SCRIPTED_FAULT"),
        };
        Self { status, name, code, message: "This fault is scripted.".to_owned() }
    }

    /// Beyond a limit.
    pub(super) fn limited(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            name: "RateLimit",
            code: "RATE_LIMIT",
            message: message.into(),
        }
    }

    /// The answer, with further keys in the body.
    pub(super) fn answer(&self, further: &[(&str, Value)]) -> Answer {
        let mut body = json!({
            "name": self.name, "code": self.code, "message": self.message,
            "status": self.status.as_u16(), "supportUrl": SUPPORT_URL,
        });
        for (key, value) in further {
            body[*key] = value.clone();
        }
        Answer::json(self.status, &body)
    }
}
