//! Taking somebody out of a body: what is left still tells of the others, or nothing is left.
//!
//! What belongs here: where a body of each source tells of a participant. What doesn't: who is to
//! be forgotten. It looks everywhere and not only where the events known today have people, since
//! parked webhooks have other fields.

use std::borrow::Cow;

use serde_json::Value;

use super::lenient::{self, Object};
use super::rest::rows::{Kind, Row};
use super::{decode_of, json};
use crate::domain::{Email, ErasureSubject, Notification, Redaction, Source, Time, Webhook};

/// The places in bodies of one source.
struct Places {
    /// Whom an event is about.
    subjects: &'static [&'static str],
    /// Where a body names whom an event is about by an id or an address alone.
    subject_names: &'static [&'static str],
    /// What can't lose a part: an action would ask for something else, as to remove what it was to
    /// set, or for the same as another.
    indivisible: &'static [&'static str],
    /// Where a body names its campaign.
    campaign: Option<&'static str>,
}

impl Places {
    fn of(source: Source) -> Self {
        let none = Self { subjects: &[], subject_names: &[], indivisible: &[], campaign: None };
        match source {
            Source::Growsurf => {
                Self { subjects: &["/data", "/data/participant", "/participant"], ..none }
            }
            Source::GrowsurfApi => Self { subjects: &["/row"], ..none },
            Source::CustomerioReport => Self {
                subjects: &["/data/identifiers"],
                subject_names: &["/data/recipient"],
                ..none
            },
            Source::CustomerioAction => Self {
                subjects: &[""],
                subject_names: &["/participant"],
                indivisible: &["/metadata", "/dedupe_key"],
                campaign: Some("/campaign"),
            },
            Source::Server => Self {
                subjects: &[""],
                subject_names: &["/participant_id"],
                campaign: Some("/campaign"),
                ..none
            },
            Source::Page => {
                Self { subject_names: &["/participant"], campaign: Some("/campaign"), ..none }
            }
        }
    }
}

/// Fields beside a participant's own that hold a participant id, which may be a bare number.
const REFERENCES: [&str; 4] = ["referredBy", "referrerId", "referredId", "participantId"];

/// The body without whoever is forgotten.
///
/// Their part becomes `{}`, which is how GrowSurf writes nobody, an element of a list is taken out,
/// and texts elsewhere that name them become `null`. If the event is about them, or without them
/// can't be read any more, nothing is left.
pub fn redact(webhook: &Webhook, forgotten: &ErasureSubject) -> Redaction {
    let Ok(before) = json::parse(&webhook.body) else {
        return unread(webhook, forgotten);
    };
    let places = Places::of(webhook.source);
    let (told, reading) = read(webhook, &webhook.body);
    let named = places.campaign.and_then(|place| before.pointer(place)?.as_str());
    let campaign = webhook.owner.as_deref().or(told.as_deref()).or(named);
    let theirs = Theirs { forgotten, campaign };
    let at = |place: &&str| before.pointer(place);
    if places.subjects.iter().filter_map(at).any(|it| theirs.is(it))
        || places.subject_names.iter().filter_map(at).any(|it| theirs.names("", it))
    {
        return Redaction::Nothing;
    }
    if theirs.names("", &before) {
        return Redaction::Nothing;
    }
    let mut after = before.clone();
    theirs.cut(&mut after);
    if after == before {
        return Redaction::Untouched;
    }
    if places.indivisible.iter().any(|place| before.pointer(place) != after.pointer(place)) {
        return Redaction::Nothing;
    }
    let after = after.to_string().into_bytes();
    if reading.is_ok() && read(webhook, &after).1.is_err() {
        return Redaction::Nothing;
    }
    Redaction::Body(after)
}

/// What is left of a body that isn't JSON as it came: nothing, if it holds them.
fn unread(webhook: &Webhook, forgotten: &ErasureSubject) -> Redaction {
    let campaign = webhook.owner.as_deref();
    let text = text(&webhook.body);
    let value = json::parse(text.as_bytes());
    let theirs = Theirs { forgotten, campaign };
    // An escaped `@` is plain enough.
    let is_in_plain = || forgotten.is_in_plain(campaign, &text.replace("\\u0040", "@"));
    match value {
        Ok(value) if theirs.are_in(&value) => Redaction::Nothing,
        Ok(_) => Redaction::Untouched,
        Err(_) if is_in_plain() => Redaction::Nothing,
        Err(_) => Redaction::Unreadable,
    }
}

/// Returns the text of a body, in the encoding that its byte order mark says, or else in UTF-8.
fn text(body: &[u8]) -> Cow<'_, str> {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|it| unit([it[0], it[1]])).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        body => String::from_utf8_lossy(body),
    }
}

/// Reads a body of GrowSurf's, whatever its time: the campaign that it names, and what it says. What
/// others send isn't read here, and counts as unreadable.
fn read(webhook: &Webhook, body: &[u8]) -> (Option<String>, Result<Notification, String>) {
    let Webhook { owner, event, .. } = webhook;
    let owner = owner.as_deref();
    match webhook.source {
        Source::Growsurf => match decode_of(owner, body, Time::from_micros(i64::MAX)) {
            Ok(decoded) => (decoded.campaign, decoded.reading),
            Err(error) => (None, Err(error.to_string())),
        },
        Source::GrowsurfApi => {
            let kind = event.as_deref().and_then(Kind::from_label);
            let row = kind.zip(owner).ok_or_else(String::new);
            let row = row.and_then(|(kind, campaign)| Row::read(kind, campaign, body));
            (None, row.and_then(|row| row.news()))
        }
        _ => (None, Err(String::new())),
    }
}

/// What is theirs in a body of a campaign.
struct Theirs<'a> {
    forgotten: &'a ErasureSubject,
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

    /// True if a value holds them anywhere.
    fn are_in(&self, value: &Value) -> bool {
        let mut after = value.clone();
        self.cut(&mut after);
        self.is(value) || self.names("", value) || after != *value
    }

    /// True if a text is JSON itself, and that holds them.
    fn are_within(&self, text: &str) -> bool {
        text.trim_start().starts_with(['{', '[', '"'])
            && json::parse(text.as_bytes()).is_ok_and(|value| self.are_in(&value))
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
                    || self.are_within(text)
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
