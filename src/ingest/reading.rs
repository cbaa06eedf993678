//! Reading: from the bytes of a source to what they say, the same at receipt and at replay.
//!
//! What belongs here: the reader of each source. What doesn't: what a body says (`growsurf`,
//! `sources`), and what is refused at receipt ([`Ingest`](super::Ingest)).
//!
//! The source alone selects the reader, never the shape of a body: a sender could imitate any.

use serde_json::Value;
use thiserror::Error;

use crate::domain::{FeedbackKind, Labelled, Notification, Source, Time, Webhook};
use crate::sources::customerio_action::CustomerioAction;
use crate::sources::customerio_report::CustomerioReport;
use crate::sources::growsurf::{self, DecodeError, Dialect, json};
use crate::sources::growsurf_api::{Kind, Row};
use crate::sources::page;
use crate::sources::server::ServerEvent;

/// A body as far as it could be read.
#[derive(Debug)]
pub struct Decoded {
    /// The event type it names; the kind of a REST row.
    pub event: Option<String>,
    /// The campaign it names, or that a REST row was fetched of.
    pub campaign: Option<String>,
    /// The shape of a webhook of GrowSurf's, if it has one.
    pub dialect: Option<Dialect>,
    pub reading: Result<Notification, UnreadableBody>,
}

/// Reasons why a body can't be read. They are fit to be shown: no text of an outsider is repeated
/// unescaped.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UnreadableBody {
    /// The bytes are no JSON object.
    #[error(transparent)]
    Bytes(#[from] DecodeError),
    /// The object isn't what its source's contract says; names the field.
    #[error("{0}")]
    Content(String),
}

impl Decoded {
    fn of(event: Option<String>, reading: Result<Notification, UnreadableBody>) -> Self {
        Self { event, campaign: None, dialect: None, reading }
    }

    fn unread(why: impl Into<UnreadableBody>) -> Self {
        Self::of(None, Err(why.into()))
    }
}

/// Reads a webhook of the inbox again.
///
/// # Errors
/// The reason to park it.
pub(super) fn decode_stored(webhook: &Webhook) -> Result<Notification, String> {
    let Webhook { source, owner, event, body, received_at, .. } = webhook;
    let decoded = decode(*source, owner.as_deref(), event.as_deref(), body, *received_at);
    decoded.reading.map_err(|why| why.to_string())
}

/// Reads a body of `source`, received at `received_at`.
///
/// `owner` is the campaign that is verified to have sent it; a webhook of GrowSurf's that names none
/// belongs to it. `event` selects the kind of a REST row and is of no matter for other sources.
pub fn decode(
    source: Source,
    owner: Option<&str>,
    event: Option<&str>,
    body: &[u8],
    received_at: Time,
) -> Decoded {
    let mut decoded = match source {
        Source::Growsurf => webhook(owner, body, received_at),
        Source::GrowsurfApi => row(owner, event, body),
        Source::CustomerioReport => report(body, received_at),
        Source::CustomerioAction => action(body, received_at),
        Source::Server => server(body, received_at),
        Source::Page => post(body, received_at),
    };
    if let Err(reason) = decoded.reading.as_ref().map_or(Ok(()), Notification::check_ids) {
        decoded.reading = Err(UnreadableBody::Content(reason));
    }
    decoded
}

fn webhook(owner: Option<&str>, body: &[u8], received_at: Time) -> Decoded {
    match growsurf::decode_of(owner, body, received_at) {
        Ok(growsurf::Decoded { event, campaign, dialect, reading }) => {
            Decoded { event, campaign, dialect, reading: reading.map_err(UnreadableBody::Content) }
        }
        Err(error) => Decoded::unread(error),
    }
}

fn row(owner: Option<&str>, event: Option<&str>, body: &[u8]) -> Decoded {
    let kind = event.and_then(|it| it.parse::<Kind>().ok());
    let read = kind.zip(owner).ok_or_else(|| "it has no kind or no campaign".to_owned());
    let row = read.and_then(|(kind, campaign)| Row::read(kind, campaign, body));
    Decoded {
        event: event.map(str::to_owned),
        campaign: owner.map(str::to_owned),
        dialect: None,
        reading: row.and_then(|row| row.notification()).map_err(UnreadableBody::Content),
    }
}

fn report(body: &[u8], received_at: Time) -> Decoded {
    let report = match object(body) {
        Ok(value) => CustomerioReport::read(&value),
        Err(error) => return Decoded::unread(error),
    };
    let event = report.event();
    Decoded::of(event, report.into_notification(received_at).map_err(UnreadableBody::Content))
}

fn action(body: &[u8], received_at: Time) -> Decoded {
    let reading = match object(body) {
        Ok(value) => CustomerioAction::read(value, received_at),
        Err(error) => return Decoded::unread(error),
    };
    let action = reading.as_ref().ok().and_then(|read| match read.feedback.as_ref()?.kind {
        FeedbackKind::Action(ref action) => Some(action),
        _ => None,
    });
    let event = action.map(|action| action.kind.label().to_owned());
    let campaign = action.and_then(|action| action.campaign.clone());
    Decoded { campaign, ..Decoded::of(event, reading.map_err(UnreadableBody::Content)) }
}

fn server(body: &[u8], received_at: Time) -> Decoded {
    let value = match object(body) {
        Ok(value) => value,
        Err(error) => return Decoded::unread(error),
    };
    let name = value.get("event").and_then(Value::as_str).map(str::to_owned);
    let reading = ServerEvent::read(value, received_at);
    // An event that could be read has a name of the contract's.
    let name = name.filter(|_| reading.is_ok());
    let campaign = reading.as_ref().ok().and_then(|notification| notification.campaign.id.clone());
    Decoded { campaign, ..Decoded::of(name, reading.map_err(UnreadableBody::Content)) }
}

fn post(body: &[u8], received_at: Time) -> Decoded {
    let value = match object(body) {
        Ok(value) => value,
        Err(error) => return Decoded::unread(error),
    };
    let kind = page::Kind::of_kept(&value).label().to_owned();
    let reading = page::read(&value, received_at).map_err(UnreadableBody::Content);
    let campaign = reading.as_ref().ok().and_then(|notification| notification.campaign.id.clone());
    Decoded { campaign, ..Decoded::of(Some(kind), reading) }
}

fn object(body: &[u8]) -> Result<Value, DecodeError> {
    let value = json::parse(body)?;
    if value.is_object() { Ok(value) } else { Err(DecodeError::NotAnObject) }
}
