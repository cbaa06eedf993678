//! Taking somebody out of a body: what is left still tells of the others, or nothing is left.
//!
//! What belongs here: where a body of either shape tells of a participant. What doesn't: who is to
//! be forgotten. It looks everywhere and not only where the events known today have people, since
//! parked webhooks have other fields.

use serde_json::Value;

use super::lenient::{self, Object};
use super::{decode_kept, json};
use crate::domain::{Email, Forgotten, Redaction, Time};

/// Whom an event of either shape is about, and one that other sources told.
const SUBJECTS: [&str; 6] =
    ["/data", "/data/participant", "/participant", "/row", "/body", "/body/data/identifiers"];

/// Where other sources name whom an event is about by an id or an address alone.
const SUBJECT_NAMES: [&str; 3] =
    ["/body/participant_id", "/body/participant", "/body/data/recipient"];

/// What an ask can't lose a part of: it would ask for something else, as to remove what it was to
/// set, or for the same as another.
const INDIVISIBLE: [&str; 2] = ["/body/metadata", "/body/dedupe_key"];

/// Fields beside a participant's own that hold a participant id, which may be a bare number.
const REFERENCES: [&str; 4] = ["referredBy", "referrerId", "referredId", "participantId"];

/// The body without whoever is forgotten.
///
/// Their part becomes `{}`, which is how GrowSurf writes nobody, an element of a list is taken out,
/// and texts elsewhere that name them become `null`. If the event is about them, or without them
/// can't be read any more, nothing is left.
pub fn redact(body: &[u8], forgotten: &Forgotten) -> Redaction {
    let Ok(before) = json::parse(body) else { return Redaction::Untouched };
    let named = read(body).and_then(|decoded| decoded.campaign);
    let by_others = || before.pointer("/body/campaign")?.as_str();
    let theirs = Theirs { forgotten, campaign: named.as_deref().or_else(by_others) };
    let at = |place: &&str| before.pointer(place);
    if SUBJECTS.iter().filter_map(at).any(|it| theirs.is(it))
        || SUBJECT_NAMES.iter().filter_map(at).any(|it| theirs.names("", it))
    {
        return Redaction::Nothing;
    }
    let mut after = before.clone();
    theirs.cut(&mut after);
    if after == before {
        return Redaction::Untouched;
    }
    if INDIVISIBLE.iter().any(|place| before.pointer(place) != after.pointer(place)) {
        return Redaction::Nothing;
    }
    let after = after.to_string().into_bytes();
    let is_read = |body: &[u8]| read(body).is_some_and(|decoded| decoded.reading.is_ok());
    if is_read(body) && !is_read(&after) {
        return Redaction::Nothing;
    }
    Redaction::Body(after)
}

/// Reads a body whatever its time.
fn read(body: &[u8]) -> Option<super::Decoded> {
    decode_kept(body, Time::from_micros(i64::MAX)).ok()
}

/// What is theirs in a body of a campaign.
struct Theirs<'a> {
    forgotten: &'a Forgotten,
    campaign: Option<&'a str>,
}

impl Theirs<'_> {
    /// Whether it is them: by address, or by participant id.
    fn is(&self, value: &Value) -> bool {
        let Some(object) = Object::of(value) else { return false };
        let email = object.text("email").and_then(|text| Email::parse(text).ok());
        email.is_some_and(|email| self.forgotten.emails.contains(&email))
            || object.id("id").is_some_and(|id| self.forgotten.is_participant(self.campaign, &id))
    }

    fn cut(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    if self.is(value) {
                        *value = Value::Object(serde_json::Map::new());
                    } else if self.names(name, value) {
                        *value = Value::Null;
                    } else {
                        self.cut(value);
                    }
                }
                // A name may hold an address as well as a value.
                fields.retain(|name, _| !self.forgotten.is_addressed_in(name));
            }
            Value::Array(items) => {
                items.retain(|item| !self.is(item) && !self.names("", item));
                items.iter_mut().for_each(|item| self.cut(item));
            }
            _ => {}
        }
    }

    /// Whether a single value names them.
    fn names(&self, field: &str, value: &Value) -> bool {
        match value {
            Value::String(text) => {
                self.forgotten.is_addressed_in(text)
                    || self.forgotten.is_visitor(text)
                    || self.forgotten.is_linked_in(self.campaign, text)
                    || lenient::text(value)
                        .is_some_and(|id| self.forgotten.is_participant(self.campaign, id))
            }
            Value::Number(number) if REFERENCES.contains(&field) => {
                self.forgotten.is_participant(self.campaign, &number.to_string())
            }
            _ => false,
        }
    }
}
