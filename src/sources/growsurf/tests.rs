//! Reading of bodies of every kind. The fixtures have the shapes of the documented samples.

mod customers;
mod events;
mod fixtures;
mod guide;
mod leniency;
mod limits;
mod rewards;
mod robustness;
mod selves;
mod signature;

use serde_json::Value;

use crate::domain::{Event, Notification, Scalar, Snapshot, Time};

use super::{Decoded, decode};

/// When the tests' webhooks are received: soon after the fixtures' `createdAt`.
const RECEIVED_AT: Time = Time::from_millis(fixtures::CREATED_AT + 1_500);

fn read(body: &Value) -> Decoded {
    decode(body.to_string().as_bytes(), RECEIVED_AT).unwrap()
}

fn notification(body: &Value) -> Notification {
    read(body).reading.unwrap()
}

fn reason(body: &Value) -> String {
    read(body).reading.unwrap_err()
}

fn events(notification: &Notification) -> Vec<&Event> {
    notification.events.iter().map(|timed| &timed.event).collect()
}

/// Returns the person reported at `field`.
fn at<'a>(notification: &'a Notification, field: &str) -> &'a Snapshot {
    notification.people.iter().find(|person| person.field == field).unwrap()
}

fn fact<'a>(person: &'a Snapshot, name: &str) -> Option<&'a Scalar> {
    person.facts.get(name)
}

fn text(person: &Snapshot, name: &str) -> Option<String> {
    fact(person, name).and_then(Scalar::as_text).map(str::to_owned)
}

/// Returns the body with the value at the pointer replaced; a null removes nothing, it stays a
/// null.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

/// Returns the body without the field at the pointer.
fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    body
}
