//! An answer: what its status means.
//!
//! What belongs here: that one decision, and what of its words may be repeated. What doesn't: trying again (`client`).

use serde_json::Value;

use super::error::RestError;
use crate::growsurf::lenient::Object;

/// The longest message that is repeated.
const MESSAGE_CHARS: usize = 200;

/// The body of a success, or what the failure means. `what` says what was asked for, where an id
/// that GrowSurf doesn't know is answered like a request that makes no sense.
pub(super) fn read(
    status: u16,
    body: &[u8],
    what: Option<&'static str>,
) -> Result<Value, RestError> {
    match (status, what) {
        // Deletes may answer 202.
        (200..=299, _) => serde_json::from_slice(body)
            .map_err(|error| RestError::Unreadable(format!("it is no JSON ({error})"))),
        (408 | 500..=599, _) => Err(RestError::Unavailable { status }),
        (400 | 404, Some(what)) => Err(RestError::Unknown { what }),
        (401..=403, _) => {
            let (code, message) = said(body);
            Err(RestError::Forbidden { status, code, message })
        }
        _ => {
            let (code, message) = said(body);
            Err(RestError::Refused { status, code, message })
        }
    }
}

/// GrowSurf's `code` and `message`. Others may answer in its place, so nothing is relied on.
fn said(body: &[u8]) -> (String, String) {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text =
        |name| masked(Object::of(&value).and_then(|object| object.text(name)).unwrap_or("none"));
    (text("code"), text("message"))
}

/// GrowSurf's words, fit to be logged and kept: they may name somebody, and go on for long.
pub(super) fn masked(words: &str) -> String {
    let words = words.chars().take(MESSAGE_CHARS).collect::<String>();
    let words = words.split_whitespace().map(|it| if it.contains('@') { "***" } else { it });
    words.collect::<Vec<_>>().join(" ")
}
