//! GrowSurf's webhooks: their signatures, and what they say.
//!
//! What belongs here: the structs of GrowSurf's webhooks, and their notifications. What doesn't:
//! rows of the REST API (`growsurf_api`), what a notification leads to, people's merged state,
//! answering HTTP.
//!
//! Two dialects arrive at one endpoint and are distinguished by shape, never by setting:
//! [`Dialect::Webhook`] and [`Dialect::Guide`].

pub(super) mod affiliate;
mod envelope;
mod guide;
pub mod json;
pub(super) mod moment;
pub(super) mod participant;
pub(super) mod referrer;
pub(super) mod reward;
pub mod signature;
pub(super) mod webhook;

#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

pub use self::participant::Participant;

use self::envelope::{ENDED, Envelope};
use super::lenient;
use crate::domain::{Campaign, Notification, Time};

/// The longest event type that is kept; the longest known one has 31 characters, and a longer
/// one would only fill lists and logs.
const EVENT_CHARS: usize = 100;

/// The event types of both shapes.
const KNOWN: [&str; 11] = [
    "NEW_PARTICIPANT_ADDED",
    "PARTICIPANT_REACHED_A_GOAL",
    "PARTICIPANT_FRAUD_STATUS_UPDATED",
    "NEW_COMMISSION_ADDED",
    "COMMISSION_ADJUSTED",
    "NEW_PAYOUT_ISSUED",
    "CAMPAIGN_ENDED",
    "PARTICIPANT_CREATED",
    "PARTICIPANT_REFERRED",
    "CAMPAIGN_REFERRAL_CONVERTED",
    "PARTICIPANT_REACHED_REWARD",
];

/// The shapes of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// GrowSurf's real webhooks, `{event, createdAt, data}`:
    /// <https://docs.growsurf.com/developer-tools/webhooks/events-reference>.
    Webhook,
    /// The shape of GrowSurf's published Customer.io guide, `{event, participant, referrer}`;
    /// custom set-ups send it.
    Guide,
}

/// A body that is a JSON object, as far as it could be understood.
#[derive(Clone, PartialEq, Debug)]
pub struct Decoded {
    /// The event type it names, cut to a length fit for lists.
    pub event: Option<String>,
    /// The id of the campaign it names; where it names several, of one that isn't its owner. Present
    /// even where the rest can't be read, because a campaign's own secret vouches for that campaign only.
    pub campaign: Option<String>,
    /// The shape it has, if any.
    pub dialect: Option<Dialect>,
    /// The notification, or the reason why there is none, which names the field.
    pub reading: Result<Notification, String>,
}

/// Reasons why a body isn't even kept. They are fit to be shown to the sender: nothing of the body
/// is repeated.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum DecodeError {
    /// The body isn't JSON.
    #[error("the body is not JSON: {what} at line {line} column {column}")]
    NotJson {
        /// The line of the fault, from one.
        line: usize,
        /// The column of the fault, from one.
        column: usize,
        /// The fault.
        what: String,
    },
    /// The body is beyond what the relay reads, and may be JSON.
    #[error("the body can't be read: {limit} at line {line} column {column}")]
    Beyond {
        /// The line of the fault, from one.
        line: usize,
        /// The column of the fault, from one.
        column: usize,
        /// The limit that it exceeds.
        limit: &'static str,
    },
    /// The body is JSON of another kind.
    #[error("the body is JSON but not an object")]
    NotAnObject,
}

/// Reads a body that was first received at `received_at`, and that may be of any campaign.
///
/// # Errors
/// As [`decode_of`].
pub fn decode(body: &[u8], received_at: Time) -> Result<Decoded, DecodeError> {
    decode_of(None, body, received_at)
}

/// Reads a body that was first received at `received_at`. One that is verified to be of the campaign
/// `owner` belongs to it, if it names none.
///
/// Reading is lenient: fields that are missing, null, blank or of a wrong type are absent, and
/// unknown ones are ignored. Only what a webhook can't be understood without parks it.
///
/// # Errors
/// When the body isn't JSON, is beyond what the relay reads, or is no object.
pub fn decode_of(
    owner: Option<&str>,
    body: &[u8],
    received_at: Time,
) -> Result<Decoded, DecodeError> {
    let value = json::parse(body)?;
    let body = value.as_object().ok_or(DecodeError::NotAnObject)?;
    let envelope: Envelope<'_> = lenient::read(body);
    let event = envelope.event.map(|event| {
        let event: String = event.chars().take(EVENT_CHARS).collect();
        event.replace('\0', "\u{fffd}")
    });
    let data = body.get("data").and_then(Value::as_object);
    let ended = data.filter(|_| event.as_deref() == Some(ENDED)).map(lenient::read);
    let campaigns = envelope.campaigns(ended.as_ref());
    let within = |name: Option<&str>| {
        let id = campaigns.first().copied().or(owner).map(str::to_owned);
        Campaign { id, name: name.map(str::to_owned) }
    };

    let (dialect, reading) = if let (Some(data), Some(place)) = (data, &envelope.data) {
        let campaign = ended.as_ref().unwrap_or(&place.campaign.object);
        let within = within(campaign.name);
        let reading = named(event.as_deref()).and_then(|event| {
            webhook::read(event, within, envelope.created_at, (campaign, data), received_at)
        });
        (Some(Dialect::Webhook), reading)
    } else if envelope.participant.is_some() {
        let within = within(guide::campaign_name(&envelope));
        let reading =
            named(event.as_deref()).and_then(|event| guide::read(event, within, &envelope, body));
        (Some(Dialect::Guide), reading)
    } else {
        let reason = match event.as_deref() {
            Some(event) if !KNOWN.contains(&event) => unknown(event),
            _ => "data is missing, and so is participant: one of them must be an object".to_owned(),
        };
        (None, Err(reason))
    };
    let another = owner.and_then(|owner| campaigns.iter().find(|named| **named != owner));
    let reading = match another {
        Some(_) => Err("it names another campaign than the one whose secret signed it".to_owned()),
        None => reading,
    };
    let campaign = another.or(campaigns.first()).map(|id| (*id).to_owned());
    Ok(Decoded { event, campaign, dialect, reading })
}

fn named(event: Option<&str>) -> Result<&str, String> {
    event.ok_or_else(|| "event is missing".to_owned())
}

/// Returns the reason to park an event type that no dialect knows. Reasons are logged, so one that
/// isn't a plain word, and may hold an address, isn't repeated.
fn unknown(event: &str) -> String {
    if !event.chars().all(|it| it.is_ascii_alphanumeric() || "_-.:".contains(it)) {
        return "event is not known, and no plain word".to_owned();
    }
    format!("event {event:?} is not known")
}

/// Returns the reason to park a webhook without a field it can't be understood without.
pub(super) fn missing(field: &str) -> String {
    format!("{field} is missing")
}
