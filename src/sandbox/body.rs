//! The parts of a body that v1 and v2 share: an identify's attributes, an event.
//!
//! Reads and checks, by the published schema; nothing here knows the workspace.

use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use super::{
    activity::Kind,
    answer::Problem,
    identifier::Identifier,
    limits,
    operation::{Event, EventId, Identify, Note, Operation},
};

/// The prefix of documented attributes among the names in `cio_`, which are Customer.io's own.
const DOCUMENTED_PREFIX: &str = "cio_subscription_preferences";
/// Event data that overrides what a campaign says.
const RESERVED_DATA_KEYS: [&str; 3] = ["recipient", "from_address", "reply_to"];

/// Reads a JSON object; a problem names it as `what`.
pub(super) fn object(what: &str, bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::invalid(what, format!("{what} is not a JSON object: {error}")))
}

/// Reads an identify of `target`. The caller has taken the update's time out of `attributes`.
pub(super) fn identify(
    target: Identifier,
    mut attributes: Map<String, Value>,
    timestamp: Option<i64>,
    notes: &mut Vec<Note>,
) -> Result<Identify, Problem> {
    let mut note = |kind, detail: &str| notes.push(Note::of(kind, &target, detail));

    let only_update = match attributes.remove("_update") {
        None => false,
        Some(Value::Bool(only_update)) => only_update,
        Some(_) => {
            return Err(Problem::invalid("attributes._update", "_update must be a boolean"));
        }
    };
    if attributes.remove("cio_relationships").is_some() {
        note(Kind::Relationships, "with an identify");
    }
    if attributes.remove("cio_id").is_some() {
        note(Kind::ReservedAttribute, "cio_id");
    }
    let anonymous_id = text(&mut attributes, "anonymous_id")?;

    limits::attributes(&attributes)?;
    let id = text(&mut attributes, "id")?;
    if let Some(id) = &id {
        limits::id("attributes.id", id)?;
    }
    let email = text(&mut attributes, "email")?.map(|email| email.to_lowercase());
    if let Some(email) = &email {
        limits::email("attributes.email", email)?;
    }
    if attributes.get("created_at").is_some_and(is_no_time) {
        let message = "created_at must be an integer";
        return Err(Problem::invalid("attributes.created_at", message));
    }
    for name in attributes.keys() {
        let reserved = name.starts_with('_') || name.starts_with("cio_");
        if reserved && !name.starts_with(DOCUMENTED_PREFIX) {
            note(Kind::ReservedAttribute, name);
        }
    }

    Ok(Identify { target, id, email, anonymous_id, attributes, only_update, timestamp })
}

/// Takes a text out. Null and blank stand for absent.
fn text(attributes: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    match attributes.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Some(_) => {
            Err(Problem::invalid(format!("attributes.{name}"), format!("{name} must be a string")))
        }
    }
}

fn is_no_time(value: &Value) -> bool {
    !value.is_null() && value != "" && !value.is_i64()
}

/// Reads an event of a person.
pub(super) fn event_of(
    target: Identifier,
    kind: &'static str,
    data_field: &str,
    body: &Map<String, Value>,
    notes: &mut Vec<Note>,
) -> Result<Operation, Problem> {
    let event = event(kind, data_field, body, Some(&target.to_string()), notes)?;
    Ok(Operation::Event(target, event))
}

/// Reads a merge.
pub(super) fn merge(body: &Map<String, Value>) -> Result<Operation, Problem> {
    Ok(Operation::Merge {
        primary: Identifier::from_object("primary", body.get("primary"))?,
        secondary: Identifier::from_object("secondary", body.get("secondary"))?,
    })
}

/// Reads an event of this kind, whose data is at `data_field`.
pub(super) fn event(
    kind: &'static str,
    data_field: &str,
    body: &Map<String, Value>,
    subject: Option<&str>,
    notes: &mut Vec<Note>,
) -> Result<Event, Problem> {
    let name = limits::event_name(body.get("name"))?;
    let id = limits::ulid(body.get("id"))?
        .map(|number| EventId { text: body["id"].as_str().unwrap_or_default().to_owned(), number });
    let timestamp = limits::timestamp("timestamp", body.get("timestamp"))?;
    let data = data(data_field, body.get(data_field), subject, notes)?;

    Ok(Event { id, kind, name, timestamp, data })
}

fn data(
    field: &str,
    value: Option<&Value>,
    subject: Option<&str>,
    notes: &mut Vec<Note>,
) -> Result<Box<RawValue>, Problem> {
    let empty = Map::new();
    let object = match value {
        None => &empty,
        Some(Value::Object(object)) => object,
        Some(_) => {
            return Err(Problem::invalid(field, format!("{field} must be an object")));
        }
    };
    for key in RESERVED_DATA_KEYS {
        if object.contains_key(key) {
            notes.push(Note {
                kind: Kind::ReservedDataKey,
                identifier: subject.map(str::to_owned),
                detail: key.to_owned(),
            });
        }
    }

    let data = to_raw_value(object).expect("a JSON object can be written as JSON");
    if data.get().len() > limits::EVENT_DATA_BYTES {
        let limit = limits::EVENT_DATA_BYTES;
        let message = format!("event data cannot be longer than {limit} bytes");
        return Err(Problem::invalid(field, message));
    }
    Ok(data)
}
