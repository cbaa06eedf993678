//! GrowSurf, the source: its signatures, and what its webhooks say.
//!
//! What belongs here: everything that knows how GrowSurf writes things down, up to the point
//! where it is news in the relay's own words. What doesn't: what news lead to, people's merged
//! state, answering HTTP. Nothing here but the client in `rest` does input or output.
//!
//! Two dialects arrive at one endpoint and are told apart by shape, never by setting:
//! [`Dialect::Webhook`] and [`Dialect::Guide`].

mod affiliate;
mod campaign;
mod draft;
mod guide;
pub mod json;
mod lenient;
mod moment;
mod participant;
pub mod rest;
mod reward;
pub mod signature;
mod webhook;

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::domain::{Campaign, Notification, Time};

use lenient::Object;

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

/// Which of the shapes a body has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// What GrowSurf really sends, `{event, createdAt, data}`:
    /// <https://docs.growsurf.com/developer-tools/webhooks/events-reference>.
    Webhook,
    /// What GrowSurf's published Customer.io guide describes, `{event, participant, referrer}`;
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
    /// What it says, or why it leads to nothing known, naming the field.
    pub reading: Result<Notification, String>,
}

/// Why a body isn't even kept. Fit to be shown to the sender: nothing of the body is repeated.
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
        /// What is beyond a limit.
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
    let body = Object::of(&value).ok_or(DecodeError::NotAnObject)?;
    let event = body.text("event").map(|event| {
        let event: String = event.chars().take(EVENT_CHARS).collect();
        event.replace('\0', "\u{fffd}")
    });
    let campaigns = campaign::named(event.as_deref(), body);
    let within = |name: Option<String>| {
        let id = campaigns.first().map(String::as_str).or(owner).map(str::to_owned);
        Campaign { id, name }
    };

    let (dialect, reading) = if let Some(data) = body.object("data") {
        let within = within(webhook::campaign_name(event.as_deref(), data));
        let reading = named(event.as_deref())
            .and_then(|event| webhook::read(event, within, body, data, received_at));
        (Some(Dialect::Webhook), reading)
    } else if let Some(participant) = body.object("participant") {
        let within = within(guide::campaign_name(body, participant));
        let reading =
            named(event.as_deref()).and_then(|event| guide::read(event, within, body, participant));
        (Some(Dialect::Guide), reading)
    } else {
        let reason = match event.as_deref() {
            Some(event) if !KNOWN.contains(&event) => unknown(event),
            _ => "data is missing, and so is participant: one of them must be an object".to_owned(),
        };
        (None, Err(reason))
    };
    let another = owner.and_then(|owner| campaigns.iter().find(|named| *named != owner));
    let reading = match another {
        Some(_) => Err("it names another campaign than the one whose secret signed it".to_owned()),
        None => reading,
    };
    let campaign = another.or(campaigns.first()).cloned();
    Ok(Decoded { event, campaign, dialect, reading })
}

fn named(event: Option<&str>) -> Result<&str, String> {
    event.ok_or_else(|| "event is missing".to_owned())
}

/// The reason to park an event type that no dialect knows. Reasons are logged, so one that isn't
/// a plain word, and may hold an address, isn't repeated.
fn unknown(event: &str) -> String {
    if !event.chars().all(|it| it.is_ascii_alphanumeric() || "_-.:".contains(it)) {
        return "event is not known, and no plain word".to_owned();
    }
    format!("event {event:?} is not known")
}

/// The reason to park a webhook without a field it can't be understood without.
fn missing(field: &str) -> String {
    format!("{field} is missing")
}
