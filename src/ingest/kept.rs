//! Bodies of the inbox: whose each is, and how it is read again.
//!
//! What belongs here: the form in which other sources' bodies are kept beside GrowSurf's webhooks,
//! which are kept as they came. What doesn't: what a body says.
//!
//! They are kept as `{"from": ..., "body": ...}`, with the body's very bytes in it. That alone proves
//! nothing, since GrowSurf could send such a thing: what counts is the event's name in the inbox,
//! see [`growsurf::OTHERS`].

use serde_json::Value;

use crate::customerio::reporting;
use crate::domain::{News, Time, Webhook};
use crate::growsurf::{self, DecodeError, PAGE, REPORT, SHOP, json};
use crate::page;
use crate::shop;

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
    let value = object(body)?;
    let name = reporting::event(&value).unwrap_or_else(|| "report".to_owned());
    let reading = reporting::read(&value, received_at).map(News::of);
    let event = Some(format!("{REPORT}{name}"));
    Ok(Read { event, reading, body: wrapped("customerio_reporting", body) })
}

/// Reads an event that the user's own backend told, as it came.
///
/// # Errors
/// When it isn't a JSON object.
pub(super) fn told(body: &[u8], received_at: Time) -> Result<Read, DecodeError> {
    let reading = shop::read(&object(body)?, received_at);
    let event = Some(format!("{SHOP}event"));
    Ok(Read { event, reading, body: wrapped("server", body) })
}

/// Reads what is kept of a page's post.
///
/// # Errors
/// When it isn't a JSON object.
pub(super) fn seen(kind: page::Kind, kept: &[u8], received_at: Time) -> Result<Read, DecodeError> {
    let reading = page::read(&object(kept)?, received_at);
    let event = Some(format!("{PAGE}{}", kind.word()));
    Ok(Read { event, reading, body: wrapped("page", kept) })
}

fn object(body: &[u8]) -> Result<Value, DecodeError> {
    let value = json::parse(body)?;
    if value.is_object() { Ok(value) } else { Err(DecodeError::NotAnObject) }
}

fn wrapped(from: &str, body: &[u8]) -> Vec<u8> {
    [b"{\"from\":\"", from.as_bytes(), b"\",\"body\":", body, b"}"].concat()
}

/// Reads a body of the inbox again.
pub(super) fn read(webhook: &Webhook) -> Result<News, String> {
    let Webhook { received_at, event, body, .. } = webhook;
    let is_of = |prefix| event.as_deref().is_some_and(|event| event.starts_with(prefix));
    let inner = || {
        let kept = json::parse(body).map_err(|error| error.to_string())?;
        Ok::<_, String>(kept.get("body").cloned().unwrap_or(Value::Null))
    };
    if is_of(REPORT) {
        return reporting::read(&inner()?, *received_at).map(News::of);
    }
    if is_of(SHOP) {
        return shop::read(&inner()?, *received_at);
    }
    if is_of(PAGE) {
        return page::read(&inner()?, *received_at);
    }
    let decoded = growsurf::decode_kept(body, *received_at);
    decoded.map_or_else(|error| Err(error.to_string()), |decoded| decoded.reading)
}
