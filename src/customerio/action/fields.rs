//! The fields of a webhook action, read strictly.
//!
//! What belongs here: texts, numbers and flags as templates write them, and sentences that a
//! marketer understands when they aren't. What doesn't: which fields there are.
//!
//! No sentence repeats a value, since most are somebody's; the one exception is a piece of the
//! template itself.

use serde_json::{Map, Value};

use crate::domain::{is_too_long, too_long};

/// The longest text that a field may hold, in characters, as the schema counts them.
pub(super) const LONGEST: usize = 200;

/// The fields that hold ids.
pub(super) const IDS: [&str; 4] = ["campaign", "dedupe_key", "id", "participant"];

/// The longest id of GrowSurf's.
pub(super) const LONGEST_ID: usize = 64;

/// The longest piece of a template that is repeated, in bytes.
const LONGEST_PIECE: usize = 80;

/// What to do about something optional that a template left empty.
pub(super) const OPTIONAL: &str = "the person has no such attribute; give it a default, as in \
    {{customer.x | default: 'none'}}, or leave the line out, with {% if customer.x %} before it \
    and {% endif %} behind it";

/// What to do about something that stands in the template itself.
pub(super) const FIXED: &str = "write it into the template, or leave the line out";

/// The fields of a webhook action.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The fields of a body whose template was rendered.
    pub(super) fn of(body: &'a Value) -> Result<Self, String> {
        let fields = body.as_object().ok_or("the body is no JSON object, {...}")?;
        is_rendered("", body)?;
        Ok(Self(fields))
    }

    /// Whether there is nothing beside these; a misspelt one would be lost without a word.
    pub(super) fn are_among(&self, kind: &str, known: &[&str]) -> Result<(), String> {
        let Some(unknown) = self.0.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let what = match is_plain(unknown) {
            true => format!("{unknown} is no field of {kind}"),
            false => format!("a field's name is no plain word, and none of {kind}"),
        };
        Err(format!("{what}; it has {}", known.join(", ")))
    }

    /// A field that isn't `null`, which is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text, or a whole number, which a template without quotes makes of an id. `mend` says what
    /// to do if it is empty.
    pub(super) fn text(&self, name: &str, mend: &str) -> Result<Option<String>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = match value {
            Value::String(text) if IDS.contains(&name) && is_too_long(text) => {
                return Err(too_long(name));
            }
            Value::String(text) if text.chars().nth(LONGEST).is_some() => {
                return Err(format!("{name} is longer than {LONGEST} characters"));
            }
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            Value::Number(_) => return Err(format!("{name} is no whole number; put it in quotes")),
            _ => return Err(format!("{name} is no text; put it in quotes")),
        };
        if text.is_empty() {
            return Err(format!("{name} is empty: {mend}"));
        }
        if text.chars().any(char::is_control) {
            return Err(format!(
                "{name} holds a line break or another character that can't be seen"
            ));
        }
        Ok(Some(text))
    }

    /// An id of GrowSurf's.
    pub(super) fn word(&self, name: &str, mend: &str) -> Result<Option<String>, String> {
        let Some(text) = self.text(name, mend)? else { return Ok(None) };
        if is_id(&text) {
            return Ok(Some(text));
        }
        Err(format!("{name} is no id of GrowSurf's, which has letters and digits only"))
    }

    /// A whole number in a range, or such a number as a text.
    pub(super) fn whole(&self, name: &str, least: u8, most: u8) -> Result<Option<u8>, String> {
        let Some(text) = self.text(name, OPTIONAL)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| format!("{name} is no whole number from {least} to {most}"))
    }

    /// `true` or `false`, or one of them as a text.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        if let Some(Value::Bool(flag)) = self.get(name) {
            return Ok(Some(*flag));
        }
        match self.text(name, OPTIONAL)?.map(|text| text.to_ascii_lowercase()).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(format!("{name} is neither true nor false")),
        }
    }
}

/// Whether a text could be an id of GrowSurf's.
pub(super) fn is_id(text: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "_-".contains(it);
    (1..=LONGEST_ID).contains(&text.len()) && text.chars().all(is_part)
}

/// Whether a name can be repeated: a word, and nobody's address.
pub(super) fn is_plain(name: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "_- ".contains(it);
    (1..=40).contains(&name.len()) && name.chars().all(is_part)
}

/// Whether no name and no text under `place` is a piece of a template still.
fn is_rendered(place: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => match liquid(text) {
            None => Ok(()),
            Some(piece) => Err(format!(
                "{place} {piece}: Customer.io's \"Test response\" sends templates unrendered, so \
                 try it with a person in the campaign; if it was one, look for a mistyped \
                 {{{{...}}}}"
            )),
        },
        Value::Array(items) => items.iter().try_for_each(|item| is_rendered(place, item)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let place = match (place, is_plain(name)) {
                (_, false) => "a field whose name is no plain word".to_owned(),
                ("", true) => name.clone(),
                (place, true) => format!("{place}.{name}"),
            };
            // Names need no look of their own: those that are no plain words are refused anyway.
            is_rendered(&place, value)
        }),
        _ => Ok(()),
    }
}

/// What a text holds of a template, if it does. It is repeated only if it is nothing else.
fn liquid(text: &str) -> Option<String> {
    if !["{{", "{%"].into_iter().any(|it| text.contains(it)) {
        return None;
    }
    let inner = text.trim().strip_prefix("{{").and_then(|it| it.strip_suffix("}}"));
    let is_part = |it: char| it.is_ascii_alphanumeric() || "_. |:'\"-".contains(it);
    let is_repeatable = text.len() <= LONGEST_PIECE
        && inner.is_some_and(|it| it.contains('.') && it.chars().all(is_part));
    Some(match is_repeatable {
        true => format!("is {} as it stands in the template", text.trim()),
        false => "holds {{ or {% as it stands in the template".to_owned(),
    })
}
