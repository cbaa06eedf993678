//! Customer.io's documented limits, and fitting calls to them.
//!
//! What belongs here: the figures with their source, and [`fit`], which every call passes. The docs don't say
//! if one long attribute costs the whole identify, so nothing over a limit is sent. What doesn't: the form of
//! a request (`request`).
//! Unless said otherwise, the source is <https://docs.customer.io/integrations/api/track/>, "Limits".

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use super::text;
use crate::domain::{Attributes, Call, Identifier, LaneKey, Outcome, Scalar};

/// The longest id of a person. Another page says characters; bytes satisfy both.
pub const ID_BYTES: usize = 150;

/// The longest name of an attribute.
pub const ATTRIBUTE_NAME_BYTES: usize = 150;

/// The longest text of an attribute's value. v2 applies it to event data as well.
pub const ATTRIBUTE_VALUE_BYTES: usize = 1_000;

/// The most attributes of one identify.
pub const ATTRIBUTES: usize = 300;

/// The longest name of an event.
pub const EVENT_NAME_BYTES: usize = 100;

/// The most data of an event, as JSON, over v1.
pub const EVENT_DATA_BYTES: usize = 100_000;

/// The longest operation of a v2 batch, as JSON. "32 kb" is read as the smaller of its meanings.
pub const OPERATION_BYTES: usize = 32_000;

/// A v2 batch must stay below this. "500 kb" is read as the smaller of its meanings.
pub const BATCH_BYTES: usize = 500_000;

/// Reserved attributes of a person, besides those that begin with `cio_` or `_`
/// (<https://docs.customer.io/journeys/reserved-attributes/>). `email` is reserved too; the relay sets it
/// itself.
const RESERVED_OF_PERSON: [&str; 5] = ["id", "anonymous_id", "phone", "created_at", "unsubscribed"];

/// Event data that would override a message's recipient and sender.
const RESERVED_OF_EVENT: [&str; 3] = ["recipient", "from_address", "reply_to"];

/// A call within every limit of v1. Only [`fit`] makes one.
#[derive(Clone, PartialEq, Debug)]
pub struct Fitted<'a> {
    key: &'a LaneKey,
    call: Cow<'a, Call>,
    warnings: Vec<Warning>,
}

impl Fitted<'_> {
    /// Returns the key of the call's lane: a person's, or a visitor's.
    pub fn key(&self) -> &LaneKey {
        self.key
    }

    /// Returns the call to send.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Returns the changes.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// A change of an attribute or event property. It shows the name, never the value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// The name, shortened if it is too long.
    pub attribute: String,
    pub change: Change,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.change {
            Change::Shortened => {
                write!(f, "`{}` is shortened to {ATTRIBUTE_VALUE_BYTES} bytes", self.attribute)
            }
            Change::LeftOut(reason) => write!(f, "`{}` is left out: {reason}", self.attribute),
        }
    }
}

/// A change of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The text was cut after a whole character.
    Shortened,
    /// Left out, with the reason.
    LeftOut(&'static str),
}

/// A call that can't be made to fit.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{field} {reason}")]
pub struct OverLimit {
    /// The part at fault, by its name in v1.
    pub field: &'static str,
    /// The fault.
    pub reason: String,
}

impl From<OverLimit> for Outcome {
    fn from(over: OverLimit) -> Self {
        Self::Rejected { reason: over.to_string(), field: Some(over.field.to_owned()) }
    }
}

/// Fits a call to the limits with the least change.
///
/// Long texts are cut. Long addresses, links, ids and codes are left out, because a cut would make another's
/// of them. Reserved names, long names and attributes beyond the 300th are left out.
///
/// # Errors
/// [`OverLimit`] for a call to GrowSurf, a blank or long id or event name, and too much event data.
pub fn fit<'a>(key: &'a LaneKey, call: &'a Call) -> Result<Fitted<'a>, OverLimit> {
    match key {
        LaneKey::Person(Identifier::Id(id)) => within("id", id, ID_BYTES)?,
        LaneKey::Person(Identifier::Email(_)) => {}
        LaneKey::Participant(_) => return Err(misdirected()),
        LaneKey::Visitor(id) => {
            // An event without one would be an invitation, which can send mail.
            within("anonymous_id", id.as_str(), ID_BYTES)?;
            if !matches!(call, Call::Track { .. }) {
                let reason = "belongs to a visitor, who has events and no profile";
                return Err(OverLimit { field: "anonymous_id", reason: reason.to_owned() });
            }
        }
    }
    let mut warnings = Vec::new();
    let call = match call {
        Call::Identify { attributes } => {
            let changed = fitting(attributes, person_reserves, ATTRIBUTES, &mut warnings);
            changed.map(|attributes| Call::Identify { attributes })
        }
        Call::Track { name, event_id, at, data } => {
            within("name", name, EVENT_NAME_BYTES)?;
            let changed = fitting(data, event_reserves, usize::MAX, &mut warnings);
            let bytes = json_bytes(changed.as_ref().unwrap_or(data));
            if bytes > EVENT_DATA_BYTES {
                let reason = format!("has {bytes} bytes, {EVENT_DATA_BYTES} are allowed");
                return Err(OverLimit { field: "data", reason });
            }
            let (name, event_id, at) = (name.clone(), *event_id, *at);
            changed.map(|data| Call::Track { name, event_id, at, data })
        }
        Call::Merge { from, .. } => {
            if let Identifier::Id(id) = from {
                within("secondary.id", id, ID_BYTES)?;
            }
            None
        }
        Call::Unsubscribe { .. } => None,
        Call::Join { anonymous_id, .. } => {
            within("anonymous_id", anonymous_id.as_str(), ID_BYTES)?;
            None
        }
        Call::UpdateParticipant { .. }
        | Call::TriggerReferral { .. }
        | Call::AddParticipant { .. } => return Err(misdirected()),
    }
    .map_or(Cow::Borrowed(call), Cow::Owned);
    Ok(Fitted { key, call, warnings })
}

/// Returns the refusal of a call to GrowSurf.
fn misdirected() -> OverLimit {
    OverLimit { field: "call", reason: "is GrowSurf's, not Customer.io's".to_owned() }
}

fn within(field: &'static str, text: &str, max_bytes: usize) -> Result<(), OverLimit> {
    let reason = match text.len() {
        _ if text.trim().is_empty() => "is blank".to_owned(),
        bytes if bytes > max_bytes => format!("has {bytes} bytes, {max_bytes} are allowed"),
        _ => return Ok(()),
    };
    Err(OverLimit { field, reason })
}

/// Returns the changed attributes, or `None` if they fit.
fn fitting(
    attributes: &Attributes,
    reserves: fn(&str) -> bool,
    most: usize,
    warnings: &mut Vec<Warning>,
) -> Option<Attributes> {
    let mut warn = |name: &str, change| {
        let attribute = text::cut(name, ATTRIBUTE_NAME_BYTES).to_owned();
        warnings.push(Warning { attribute, change });
    };
    let changes = |(name, value): (&String, &Scalar)| change(name, value, reserves).is_some();
    if attributes.len() <= most && !attributes.iter().any(changes) {
        return None;
    }
    let mut kept = attributes.clone();
    for (name, value) in attributes {
        let Some(change) = change(name, value, reserves) else { continue };
        warn(name, change);
        kept.remove(name);
        if let (Change::Shortened, Scalar::Text(text)) = (change, value) {
            let text = text::cut(text, ATTRIBUTE_VALUE_BYTES);
            kept.insert(name.clone(), Scalar::from(text));
        }
    }
    while kept.len() > most {
        // The address stays: without it, no mail can be sent.
        let last = kept.keys().rev().find(|name| *name != "email").cloned();
        let name = last.expect("of several names at most one is `email`");
        kept.remove(&name);
        warn(&name, Change::LeftOut("there are more than 300"));
    }
    Some(kept)
}

fn change(name: &str, value: &Scalar, reserves: fn(&str) -> bool) -> Option<Change> {
    if name.is_empty() {
        return Some(Change::LeftOut("it has no name"));
    }
    if reserves(name) {
        return Some(Change::LeftOut("the name is reserved"));
    }
    if name.len() > ATTRIBUTE_NAME_BYTES {
        return Some(Change::LeftOut("the name is longer than 150 bytes"));
    }
    match value {
        Scalar::Reference(_) => Some(Change::LeftOut("it refers to a participant")),
        // JSON has no such number, and null in its place could remove what is there.
        Scalar::Decimal(decimal) if !decimal.is_finite() => {
            Some(Change::LeftOut("it is no finite number"))
        }
        Scalar::Text(text) if text.len() > ATTRIBUTE_VALUE_BYTES => {
            if names_something(name) || is_link(text) {
                return Some(Change::LeftOut("it is longer than 1000 bytes and can't be cut"));
            }
            Some(Change::Shortened)
        }
        _ => None,
    }
}

/// True if values of this name mean something only as a whole: addresses, ids and codes.
fn names_something(name: &str) -> bool {
    matches!(name, "email" | "referred_by")
        || ["_email", "_id", "_code"].iter().any(|ending| name.ends_with(ending))
}

fn is_link(text: &str) -> bool {
    let begins = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("http://") || begins("https://")
}

fn person_reserves(name: &str) -> bool {
    name.starts_with("cio_") || name.starts_with('_') || RESERVED_OF_PERSON.contains(&name)
}

fn event_reserves(name: &str) -> bool {
    RESERVED_OF_EVENT.contains(&name)
}

/// Returns the length of the data as JSON, or an upper bound that is below the limit.
fn json_bytes(data: &Attributes) -> usize {
    /// A byte becomes at most `\u00xx`.
    const ESCAPED: usize = 6;
    /// Two pairs of quotes, colon and comma, and the longest number.
    const AROUND: usize = 32;
    let bound = |(name, value): (&String, &Scalar)| {
        AROUND + ESCAPED * (name.len() + value.as_text().map_or(0, str::len))
    };
    let bound = data.iter().map(bound).sum::<usize>();
    if bound <= EVENT_DATA_BYTES {
        return bound;
    }
    serde_json::to_vec(data).expect("scalars by name are JSON").len()
}

#[cfg(test)]
mod tests;
