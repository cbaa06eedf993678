//! Track API v1: a path and a JSON object become an operation.
//!
//! The path is split before it is decoded, so that an encoded slash stays in its identifier.

use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{
    activity::Kind,
    answer::{Answer, Problem, Style},
    body,
    identifier::{self, Identifier},
    limits,
    operation::{Note, Operation, Reading},
    others,
};

/// The workspace that the sandbox says it is.
const ENVIRONMENT_ID: u32 = 1;

/// Reads a request to `/api/v1/{path}`, which may end with a query.
pub(super) fn read(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Reading {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let segments: Vec<&str> = path.split('/').collect();
    let mut notes = Vec::new();
    let mut style = Style::V1;

    let item = match (method.as_str(), segments.as_slice()) {
        ("GET", ["accounts", "region"]) => return Reading::Fixed(region(headers)),
        ("PUT", ["customers", who]) => identify(who, body, &mut notes),
        ("POST", ["customers", who, "events"]) => track(who, body, &mut notes),
        ("POST", ["events"]) => track_anonymous(body, &mut notes),
        ("POST", ["merge_customers"]) => {
            style = Style::Merge;
            body::object("body", body).and_then(|body| body::merge(&body))
        }
        ("DELETE", ["customers", who]) => named(who, &mut notes).map(Operation::Delete),
        ("POST", ["customers", who, "suppress"]) => named(who, &mut notes).map(Operation::Suppress),
        ("POST", ["customers", who, "unsuppress"]) => {
            named(who, &mut notes).map(Operation::Unsuppress)
        }
        ("PUT", ["customers", who, "devices"]) => add_device(who, body, &mut notes),
        ("DELETE", ["customers", who, "devices", _]) => named(who, &mut notes)
            .map(|who| Operation::Record(Kind::Device, Some(who), "deleted".to_owned())),
        ("POST", ["segments", segment, change @ ("add_customers" | "remove_customers")]) => {
            others::segment(segment, change, query, body)
        }
        ("POST", ["forms", form, "submit"]) => others::form(form, body, &mut notes),
        ("POST", ["metrics"]) => others::metric(body),
        ("POST", ["push", "events"]) => others::push(body),
        (_, ["segments", _, "add_customers" | "remove_customers"] | ["forms", _, "submit"])
        | (_, ["metrics"] | ["push", "events"])
        | (_, ["accounts", "region"] | ["events"] | ["merge_customers"] | ["customers", _])
        | (_, ["customers", _, "events" | "suppress" | "unsuppress" | "devices"])
        | (_, ["customers", _, "devices", _]) => {
            let answer = Answer::error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            return Reading::Fixed(answer);
        }
        _ => return Reading::Fixed(Answer::error(StatusCode::NOT_FOUND, "not found")),
    };
    Reading::one(style, item, notes)
}

/// Names the sandbox itself, so that a client which follows `url` stays in it.
fn region(headers: &HeaderMap) -> Answer {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let body = json!({
        "url": format!("http://{host}"),
        "region": "us",
        "environment_id": ENVIRONMENT_ID,
    });
    Answer::json(StatusCode::OK, &body)
}

fn named(segment: &str, notes: &mut Vec<Note>) -> Result<Identifier, Problem> {
    let identifier = Identifier::from_path(segment)?;
    if identifier::is_unencoded(segment) {
        notes.push(Note::of(Kind::UnencodedPath, &identifier, segment));
    }
    Ok(identifier)
}

fn identify(who: &str, body: &[u8], notes: &mut Vec<Note>) -> Result<Operation, Problem> {
    let target = named(who, notes)?;
    let mut attributes = body::object("body", body)?;
    let timestamp = attributes.remove("_timestamp");
    let timestamp = limits::timestamp("_timestamp", timestamp.as_ref())?;
    body::identify(target, attributes, timestamp, notes).map(Operation::Identify)
}

fn track(who: &str, body: &[u8], notes: &mut Vec<Note>) -> Result<Operation, Problem> {
    let target = named(who, notes)?;
    let body = body::object("body", body)?;
    body::event_of(target, kind(&body)?, "data", &body, notes)
}

fn track_anonymous(body: &[u8], notes: &mut Vec<Note>) -> Result<Operation, Problem> {
    let body = body::object("body", body)?;
    let anonymous_id = match body.get("anonymous_id") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()).filter(|id| !id.trim().is_empty()),
        Some(_) => {
            let message = "anonymous_id must be a string";
            return Err(Problem::invalid("anonymous_id", message));
        }
    };
    let event = body::event(kind(&body)?, "data", &body, anonymous_id.as_deref(), notes)?;
    Ok(Operation::AnonymousEvent(anonymous_id, event))
}

fn kind(body: &Map<String, Value>) -> Result<&'static str, Problem> {
    match body.get("type").map(Value::as_str) {
        None | Some(Some("event")) => Ok("event"),
        Some(Some("page")) => Ok("page"),
        Some(Some("screen")) => Ok("screen"),
        Some(_) => Err(Problem::invalid("type", "type must be event, page or screen")),
    }
}

fn add_device(who: &str, body: &[u8], notes: &mut Vec<Note>) -> Result<Operation, Problem> {
    let target = named(who, notes)?;
    let body = body::object("body", body)?;
    if !body.get("device").is_some_and(Value::is_object) {
        return Err(Problem::required("device"));
    }
    Ok(Operation::Record(Kind::Device, Some(target), "added".to_owned()))
}
