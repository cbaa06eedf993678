//! Bodies of the inbox: whose each is, and how it is read again.
//!
//! What belongs here: the form in which other sources' bodies are kept beside GrowSurf's webhooks,
//! which are kept as they came. What doesn't: what a body says.
//!
//! A report of Customer.io's is kept as `{"from": "customerio_reporting", "body": ...}`, with the
//! body's very bytes in it. That alone proves nothing, since GrowSurf could send such a thing: what
//! counts is the event's name in the inbox, which begins with [`growsurf::OTHERS`].

use serde_json::Value;

use crate::customerio::reporting;
use crate::domain::{News, Time, Webhook};
use crate::growsurf::{self, DecodeError, json};

/// What stands around a kept report.
const BEFORE: &[u8] = br#"{"from":"customerio_reporting","body":"#;
const BEHIND: &[u8] = b"}";

/// A body that was read, as it is kept.
pub(super) struct Read {
    /// The event's name in the inbox.
    pub(super) event: Option<String>,
    /// What it says.
    pub(super) reading: Result<News, String>,
    /// What is kept.
    pub(super) body: Vec<u8>,
}

/// Reads a report of Customer.io's as it came.
///
/// # Errors
/// When it isn't a JSON object.
pub(super) fn report(body: &[u8], received_at: Time) -> Result<Read, DecodeError> {
    let value = json::parse(body)?;
    if !value.is_object() {
        return Err(DecodeError::NotAnObject);
    }
    let name = reporting::event(&value).unwrap_or_else(|| "report".to_owned());
    let event = Some(format!("{}{name}", growsurf::OTHERS));
    let reading = reporting::read(&value, received_at).map(News::of);
    Ok(Read { event, reading, body: [BEFORE, body, BEHIND].concat() })
}

/// Reads a body of the inbox again.
pub(super) fn read(webhook: &Webhook) -> Result<News, String> {
    let Webhook { received_at, event, body, .. } = webhook;
    if event.as_deref().is_some_and(|event| event.starts_with(growsurf::OTHERS)) {
        let kept = json::parse(body).map_err(|error| error.to_string())?;
        let report = kept.get("body").unwrap_or(&Value::Null);
        return reporting::read(report, *received_at).map(News::of);
    }
    let decoded = growsurf::decode_kept(body, *received_at);
    decoded.map_or_else(|error| Err(error.to_string()), |decoded| decoded.reading)
}
