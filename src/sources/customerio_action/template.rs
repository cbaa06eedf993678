//! Templates: the pieces that Customer.io sent without rendering them, as its "Test response" does, and
//! the fix for each field.

use serde_json::Value;

use crate::sources::contract::{FAULTS, Faults, is_plain};

/// The longest piece of a template that is repeated, in bytes.
const LONGEST_PIECE: usize = 80;

/// The fault of an update that changes nothing.
pub(super) const NOTHING: &str = "it changes nothing; give at least one of metadata, unsubscribed, \
    first_name and last_name";

/// The fault of an action that names no person.
pub(super) const NOBODY: &str = "no person is named; name one by email, id or participant, for example \
    \"email\": \"{{customer.email}}\"";

/// The fix for an optional field that a template left empty.
pub(super) const OPTIONAL: &str = "the person has no such attribute; give it a default, as in \
    {{customer.x | default: 'none'}}, or leave the line out, with {% if customer.x %} before it \
    and {% endif %} behind it";

/// Returns the fix for a field of this kind of action that is missing or empty.
pub(super) fn fix(kind: &str, field: &str) -> &'static str {
    match (kind, field) {
        ("add_participant", "email") => {
            "it names the new participant; admit only people with an address to the campaign"
        }
        (_, "type") => {
            "it is one of update_participant, trigger_referral, record_share and add_participant"
        }
        (_, "campaign") => "write it into the template, or leave the line out",
        (_, "dedupe_key") => {
            "without it a retry could repeat the action; build it from a value that is always present, \
             such as {{campaign.id}} or {{delivery_id}}"
        }
        (_, "email" | "id" | "participant") => {
            "the person has no such attribute; leave the line out and name the person by another of \
             email, id and participant, or admit only people who have it to the campaign"
        }
        (_, "channel") => "name the channel of the share in the template, for example \"whatsapp\"",
        _ => OPTIONAL,
    }
}

/// Returns the texts of a body that are pieces of a template, as faults of their fields.
pub(super) fn unrendered(body: &Value) -> Faults {
    let mut faults = Faults::default();
    find("", body, &mut faults);
    faults.explain_last(
        ": Customer.io's \"Test response\" sends templates unrendered, so try it with a person in the \
         campaign; if it was one, look for a mistyped {{...}}",
    );
    faults
}

fn find(place: &str, value: &Value, faults: &mut Faults) {
    match value {
        _ if faults.len() == FAULTS => {}
        Value::String(text) => {
            if let Some(fault) = liquid(text).filter(|_| !faults.has(place)) {
                faults.push(place, format!("{place} {fault}"));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find(place, item, faults)),
        // Names need no check of their own: those that are no plain words are refused anyway.
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = match (place, is_plain(name)) {
                    (_, false) => "a field whose name is no plain word".to_owned(),
                    ("", true) => name.clone(),
                    (place, true) => format!("{place}.{name}"),
                };
                find(&place, value, faults);
            }
        }
        _ => {}
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
