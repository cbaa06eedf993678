//! The meaning of an answer's status.

use serde_json::Value;

use super::error::{Refusal, RestError};
use crate::domain::{is_field_name, quote};
use crate::sources::growsurf::json::parse;
use crate::sources::lenient::{self, Text};

/// The longest repeated message.
const MESSAGE_CHARS: usize = 200;

/// The thing that a request's id names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// A campaign or one of its settings: a missing one is 404, and a 400 is about the request.
    Campaign,
    /// A participant: a missing one is 400.
    Participant,
    /// The participant or row that a page begins with: a missing one is 400.
    Cursor,
}

impl Named {
    fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign of this id",
            Self::Participant => "participant of this id or address",
            Self::Cursor => "row with which the page begins",
        }
    }
}

/// Returns the body of a success (`null` for an empty one), or the error.
pub(super) fn read(status: u16, body: &[u8], named: Option<Named>) -> Result<Value, RestError> {
    if (200..=299).contains(&status) {
        // Deletes may answer 202.
        if body.trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        return parse(body).map_err(|error| RestError::Unreadable(error.to_string()));
    }
    let refusal = refusal(status, body);
    Err(match (status, named) {
        // A read that meets a lock, or a request of its kind, succeeds later.
        (408 | 409 | 423 | 500..=599, _) => RestError::Unavailable(refusal),
        (404, Some(named)) | (400, Some(named @ (Named::Participant | Named::Cursor))) => {
            RestError::Unknown(refusal, named.as_str())
        }
        (401..=403, _) => RestError::Forbidden(refusal),
        _ => RestError::Refused(refusal),
    })
}

/// Reads GrowSurf's `code` and `message`. Another server may have answered, so both may be missing.
fn refusal(status: u16, body: &[u8]) -> Refusal {
    let value = parse(body).unwrap_or_default();
    let text = |name| lenient::of::<Text>(&value[name]).map(masked);
    let code = text("code").filter(|code| is_field_name(code)).unwrap_or("none".to_owned());
    Refusal { status, code, message: text("message").map_or("none".to_owned(), |it| quote(&it)) }
}

/// Returns GrowSurf's words for logs: short and without addresses.
pub(super) fn masked(words: &str) -> String {
    let words = words.chars().take(MESSAGE_CHARS).collect::<String>();
    let words = words.split_whitespace().map(|it| if it.contains('@') { "***" } else { it });
    words.collect::<Vec<_>>().join(" ")
}
