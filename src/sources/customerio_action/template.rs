//! Templates: the pieces that Customer.io sent without rendering them, as its "Test response" does, and
//! the fix for each field.

use serde_json::Value;

use crate::sources::contract::is_plain;

/// The longest piece of a template that is repeated, in bytes.
const LONGEST_PIECE: usize = 80;

/// The fault of an update that changes nothing.
pub(super) const NOTHING: &str = "nothing is to be changed; at least one of metadata, unsubscribed, \
    first_name and last_name must be there";

/// The fault of an action that names no person.
pub(super) const NOBODY: &str = "nobody is named; say by email, id or participant who it is, for example \
    \"email\": \"{{customer.email}}\"";

/// The fix for an optional field that a template left empty.
pub(super) const OPTIONAL: &str = "the person has no such attribute; give it a default, as in \
    {{customer.x | default: 'none'}}, or leave the line out, with {% if customer.x %} before it \
    and {% endif %} behind it";

/// Returns the fix for a field that is missing or empty.
pub(super) fn fix(field: &str) -> &'static str {
    match field {
        "type" => {
            "it is one of update_participant, trigger_referral, record_share and add_participant"
        }
        "campaign" => "write it into the template, or leave the line out",
        "dedupe_key" => {
            "the same action could be done again by a retry; build the key of what is always there, \
             such as {{campaign.id}} or {{delivery_id}}"
        }
        "email" | "id" | "participant" => {
            "the person has no such attribute; leave the line out and name the person by another of \
             email, id and participant, or let only people who have it into the campaign"
        }
        "channel" => {
            "write into the template by which channel the person shared, for example \"whatsapp\""
        }
        _ => OPTIONAL,
    }
}

/// Returns the fix for a field of an action that adds a participant.
pub(super) fn fix_of_addition(field: &str) -> &'static str {
    match field {
        "email" => {
            "it names who is to take part; let only people who have an address into the campaign"
        }
        _ => fix(field),
    }
}

/// Checks that no text of a body is a piece of a template. `place` is the body's own place.
///
/// # Errors
/// The field, and the piece if it holds nothing else.
pub(super) fn check_rendered(place: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => match liquid(text) {
            None => Ok(()),
            Some(piece) => Err(format!(
                "{place} {piece}: Customer.io's \"Test response\" sends templates unrendered, so \
                 try it with a person in the campaign; if it was one, look for a mistyped \
                 {{{{...}}}}"
            )),
        },
        Value::Array(items) => items.iter().try_for_each(|item| check_rendered(place, item)),
        // Names need no check of their own: those that are no plain words are refused anyway.
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let place = match (place, is_plain(name)) {
                (_, false) => "a field whose name is no plain word".to_owned(),
                ("", true) => name.clone(),
                (place, true) => format!("{place}.{name}"),
            };
            check_rendered(&place, value)
        }),
        _ => Ok(()),
    }
}

/// Returns the fault of a text that holds a piece of a template. The text is repeated only if it is
/// one variable.
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
