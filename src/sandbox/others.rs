//! Track API v1 beside people and events: manual segments, forms and metrics.
//!
//! Checked by the published schema. A form changes its person as an identify does; segments and
//! metrics are written to the activity only.

use serde_json::{Map, Value};

use super::{
    activity::Kind,
    answer::Problem,
    body,
    identifier::Identifier,
    limits,
    operation::{Note, Operation},
};

/// The most people in one request to a segment.
const SEGMENT_PEOPLE: usize = 1_000;
/// The kinds of identifiers that a segment's people are named by.
const ID_TYPES: [&str; 3] = ["id", "email", "cio_id"];
/// The fields of a form that Customer.io ignores.
const FORM_KEYS: [&str; 5] = ["form_id", "form_name", "form_type", "form_url", "form_url_param"];
/// The metrics of all channels.
const METRICS: [&str; 8] =
    ["bounced", "clicked", "converted", "deferred", "delivered", "dropped", "opened", "spammed"];
/// The metrics of a device.
const PUSH_METRICS: [&str; 3] = ["opened", "converted", "delivered"];

/// Reads a change of a manual segment's people, `add_customers` or `remove_customers`.
pub(super) fn segment(
    segment: &str,
    change: &str,
    query: &str,
    body: &[u8],
) -> Result<Operation, Problem> {
    if segment.is_empty() || !segment.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::invalid("segment_id", "segment_id must be an integer"));
    }
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    for (name, value) in pairs {
        if name == "id_type" && !ID_TYPES.contains(&value.as_ref()) {
            return Err(Problem::invalid("id_type", "id_type must be id, email or cio_id"));
        }
    }
    let body = body::object("body", body)?;
    let ids = match body.get("ids") {
        None => return Err(Problem::required("ids")),
        Some(Value::Array(ids)) if (1..=SEGMENT_PEOPLE).contains(&ids.len()) => ids,
        Some(_) => {
            let message = format!("ids must be an array of 1 to {SEGMENT_PEOPLE} strings");
            return Err(Problem::invalid("ids", message));
        }
    };
    // Values of another kind are ignored.
    let people = ids.iter().filter(|id| id.is_string()).count();
    let detail = format!("{change} {segment}: {people}");
    Ok(Operation::Record(Kind::Segment, None, detail))
}

/// Reads a form's answers, which are attributes of the one person whom they name.
pub(super) fn form(form: &str, body: &[u8], notes: &mut Vec<Note>) -> Result<Operation, Problem> {
    let mut body = body::object("body", body)?;
    let Some(Value::Object(mut data)) = body.remove("data") else {
        return Err(Problem::required("data"));
    };
    data.retain(|name, _| !FORM_KEYS.contains(&name.as_str()));
    if let Some((name, _)) = data.iter().find(|(_, value)| !value.is_string()) {
        let message = format!("the value of {name} must be a string");
        return Err(Problem::invalid(format!("data.{name}"), message));
    }
    let named: Map<String, Value> = ["id", "email"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), data.remove(name)?)))
        .collect();
    let target = Identifier::from_object("data", Some(&Value::Object(named)))?;
    notes.push(Note::of(Kind::Form, &target, form));
    body::identify(target, data, None, notes).map(Operation::Identify)
}

/// Reads a metric of a message of any channel.
pub(super) fn metric(body: &[u8]) -> Result<Operation, Problem> {
    let body = body::object("body", body)?;
    reported(&body, "metric", &METRICS)
}

/// Reads a metric of a push notification.
pub(super) fn push(body: &[u8]) -> Result<Operation, Problem> {
    let body = body::object("body", body)?;
    reported(&body, "event", &PUSH_METRICS)
}

/// Reads an unsubscription by a message's id. The stand-in sends no messages, so it is nobody's.
pub(super) fn unsubscribe(delivery: &str, body: &[u8]) -> Result<Operation, Problem> {
    let body = body::object("body", body)?;
    match body.get("unsubscribe") {
        Some(Value::Bool(unsubscribe)) => {
            let detail = format!("unsubscribe {unsubscribe}: {delivery}");
            Ok(Operation::Record(Kind::Delivery, None, detail))
        }
        _ => Err(Problem::invalid("unsubscribe", "unsubscribe must be a boolean")),
    }
}

fn reported(
    body: &Map<String, Value>,
    field: &'static str,
    known: &[&str],
) -> Result<Operation, Problem> {
    let delivery = body.get("delivery_id").and_then(Value::as_str).unwrap_or_default();
    if delivery.trim().is_empty() {
        return Err(Problem::required("delivery_id"));
    }
    limits::timestamp("timestamp", body.get("timestamp"))?;
    let metric = body.get(field).and_then(Value::as_str).unwrap_or_default();
    if !known.contains(&metric) {
        let message = format!("{field} must be one of {}", known.join(", "));
        return Err(Problem::invalid(field, message));
    }
    Ok(Operation::Record(Kind::Delivery, None, format!("{metric}: {delivery}")))
}
