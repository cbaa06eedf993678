//! Bodies of the inbox: whose each is, and how it is read again.
//!
//! What belongs here: the form in which other sources' bodies are kept beside GrowSurf's webhooks,
//! which are kept as they came. What doesn't: what a body says.
//!
//! They are kept as `{"from": ..., "body": ...}`, with the body's very bytes in it if they are JSON.
//! That alone proves nothing, since GrowSurf could send such a thing: what counts is the event's name
//! in the inbox, see [`growsurf::OTHERS`].

use std::borrow::Cow;

use serde_json::Value;

use super::Refusal;
use crate::customerio::{action, reporting};
use crate::domain::{Deed, News, Time, Webhook};
use crate::growsurf::{self, ASK, DecodeError, PAGE, REPORT, SHOP, json};
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

/// Reads a report of Customer.io's as it came. One that is no JSON is kept as a text, for a refusal
/// would block all that Customer.io has to send behind it.
pub(super) fn report(body: &[u8], received_at: Time) -> Read {
    let parsed = json::parse(body).map_err(|error| error.to_string());
    let name = parsed.as_ref().ok().and_then(reporting::event);
    let event = Some(format!("{REPORT}{}", name.as_deref().unwrap_or("report")));
    let as_text = || Value::from(String::from_utf8_lossy(body)).to_string().into_bytes();
    let kept = if parsed.is_ok() { Cow::Borrowed(body) } else { Cow::Owned(as_text()) };
    let reading = parsed.and_then(|value| reporting::read(&value, received_at)).map(News::of);
    Read { event, reading, body: wrapped("customerio_reporting", &kept) }
}

/// Reads what a campaign at Customer.io asks for, as it came.
///
/// # Errors
/// When it can't be understood.
pub(super) fn ask(body: &[u8], received_at: Time) -> Result<Read, Refusal> {
    let value = object(body).map_err(Refusal::Template)?;
    let feedback = action::read(&value, received_at).map_err(Refusal::Invalid)?;
    let event = match &feedback.deed {
        Deed::Asked(ask) => Some(format!("{ASK}{}", ask.what.word())),
        _ => None,
    };
    let body = wrapped("customerio_action", body);
    Ok(Read { event, reading: Ok(News::of(feedback)), body })
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
    if is_of(ASK) {
        return action::read(&inner()?, *received_at).map(News::of);
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
