//! Track API v2: entities and batches become operations.
//!
//! Sizes are those of the JSON as sent. Who shares a batch with whom is noted here, because only
//! here the batch is seen as a whole.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    activity::Kind,
    answer::{Answer, Problem, Style},
    body,
    identifier::Identifier,
    limits,
    operation::{Note, Operation, Reading},
};

const OBJECT_ACTIONS: [&str; 5] =
    ["identify", "identify_anonymous", "add_relationships", "delete_relationships", "delete"];

/// Reads a request to `/api/v2/{path}`.
pub(super) fn read(method: &Method, path: &str, body: &[u8]) -> Reading {
    match (method, path) {
        (&Method::POST, "entity") => {
            let mut notes = Vec::new();
            let item = operation(body, &mut notes);
            Reading::one(Style::Entity, item, notes)
        }
        (&Method::POST, "batch") => match batch(body) {
            Ok(reading) => reading,
            Err(problem) => Reading::refused(Style::Batch, &problem),
        },
        (_, "entity" | "batch") => {
            Reading::Fixed(Answer::error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"))
        }
        _ => Reading::Fixed(Answer::error(StatusCode::NOT_FOUND, "not found")),
    }
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    batch: Vec<&'a RawValue>,
}

fn batch(body: &[u8]) -> Result<Reading, Problem> {
    if body.len() > limits::BATCH_BYTES {
        let message = format!("batch cannot be longer than {} bytes", limits::BATCH_BYTES);
        return Err(Problem::invalid("batch", message));
    }
    let Batch { batch } = serde_json::from_slice(body)
        .map_err(|error| Problem::invalid("batch", format!("body is not a batch: {error}")))?;
    if batch.is_empty() {
        return Err(Problem::required("batch"));
    }

    let mut notes = Vec::new();
    let items: Vec<_> =
        batch.iter().map(|raw| operation(raw.get().as_bytes(), &mut notes)).collect();
    note_shared(&items, &mut notes);
    Ok(Reading::Operations { style: Style::Batch, items, notes })
}

/// Notes the people on whose operations the order within the batch has an influence.
fn note_shared(items: &[Result<Operation, Problem>], notes: &mut Vec<Note>) {
    let mut seen: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for operation in items.iter().flatten() {
        let Some(subject) = operation.subject() else {
            continue;
        };
        let (number, only_events) = seen.entry(subject).or_insert((0, true));
        *number += 1;
        *only_events &= matches!(operation, Operation::Event(..));
    }

    let shared = seen.into_iter().filter(|(_, (number, only_events))| *number > 1 && !only_events);
    notes.extend(shared.map(|(subject, (number, _))| {
        Note::of(Kind::BatchOrderUnspecified, subject, format!("{number} operations"))
    }));
}

fn operation(json: &[u8], notes: &mut Vec<Note>) -> Result<Operation, Problem> {
    if json.len() > limits::OPERATION_BYTES {
        let limit = limits::OPERATION_BYTES;
        let message = format!("operation cannot be longer than {limit} bytes");
        return Err(Problem::invalid("batch", message));
    }
    let mut body = body::object("entity", json)?;
    let kind = text(&body, "type")?;
    let action = text(&body, "action");
    let record = |kind, detail| Ok(Operation::Record(kind, None, detail));
    match kind {
        "person" => {}
        "object" => {
            let action = known(action?, &OBJECT_ACTIONS, "an object")?;
            if !body.get("identifiers").is_some_and(Value::is_object) {
                return Err(Problem::required("identifiers"));
            }
            return record(Kind::Object, action);
        }
        "delivery" => return record(Kind::Delivery, known(action?, &["event"], "a delivery")?),
        _ => {
            return Err(Problem::invalid("type", "type must be person, object or delivery"));
        }
    }

    let action = action?.to_owned();
    if action == "merge" {
        return body::merge(&body);
    }
    let target = Identifier::from_object("identifiers", body.get("identifiers"))?;
    match action.as_str() {
        "identify" => identify(target, body, notes),
        "event" => body::event_of(target, "event", "attributes", &body, notes),
        "page" => body::event_of(target, "page", "attributes", &body, notes),
        "screen" => body::event_of(target, "screen", "attributes", &body, notes),
        "suppress" => Ok(Operation::Suppress(target)),
        "unsuppress" => Ok(Operation::Unsuppress(target)),
        "delete" => Ok(Operation::Delete(target)),
        "add_device" | "delete_device" => {
            let device = body.remove("device");
            if device.and_then(|device| Some(device.get("token")?.is_string())) != Some(true) {
                return Err(Problem::required("device.token"));
            }
            Ok(Operation::Record(Kind::Device, Some(target), action))
        }
        "add_relationships" | "delete_relationships" => {
            if !body.get("cio_relationships").is_some_and(Value::is_array) {
                return Err(Problem::required("cio_relationships"));
            }
            Ok(Operation::Record(Kind::Relationships, Some(target), action))
        }
        _ => Err(Problem::invalid("action", format!("{action} is no action of a person"))),
    }
}

/// Returns an action that a kind of entity has.
fn known(action: &str, actions: &[&str], entity: &str) -> Result<String, Problem> {
    if actions.contains(&action) {
        return Ok(action.to_owned());
    }
    Err(Problem::invalid("action", format!("{action} is no action of {entity}")))
}

fn text<'a>(body: &'a Map<String, Value>, field: &str) -> Result<&'a str, Problem> {
    match body.get(field) {
        None => Err(Problem::required(field)),
        Some(value) => value
            .as_str()
            .ok_or_else(|| Problem::invalid(field, format!("{field} must be a string"))),
    }
}

fn identify(
    target: Identifier,
    mut body: Map<String, Value>,
    notes: &mut Vec<Note>,
) -> Result<Operation, Problem> {
    let timestamp = limits::timestamp("timestamp", body.get("timestamp"))?;
    let attributes = match body.remove("attributes") {
        None => Map::new(),
        Some(Value::Object(attributes)) => attributes,
        Some(_) => {
            return Err(Problem::invalid("attributes", "attributes must be an object"));
        }
    };
    if body.contains_key("cio_relationships") {
        notes.push(Note::of(Kind::Relationships, &target, "with an identify"));
    }
    body::identify(target, attributes, timestamp, notes).map(Operation::Identify)
}
