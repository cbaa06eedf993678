//! Views of the state in the read-back interface: borrowed shapes for serialisation only.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{activity::Activity, events::Record, people, people::Person, requests::Logged};

#[derive(Debug, Serialize)]
pub(super) struct PersonView<'a, E> {
    cio_id: String,
    #[serde(flatten)]
    person: &'a Person,
    events: E,
}

impl<'a, E: Serialize> PersonView<'a, E> {
    pub(super) fn new(key: u64, person: &'a Person, events: E) -> Self {
        Self { cio_id: people::cio_id(key), person, events }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct EventView<'a> {
    seq: u64,
    id: Option<&'a str>,
    #[serde(flatten)]
    record: &'a Record,
    identifier: Option<&'a str>,
    identifier_kind: Option<&'static str>,
    cio_id: Option<String>,
    invite: bool,
}

impl<'a> EventView<'a> {
    pub(super) fn new(seq: u64, record: &'a Record) -> Self {
        let identifier = record.identifier.as_ref();
        Self {
            seq,
            id: record.id.as_ref().map(|id| &*id.text),
            record,
            identifier: identifier.map(|identifier| identifier.value()),
            identifier_kind: identifier.map(|identifier| identifier.kind()),
            cio_id: record.owner.map(people::cio_id),
            invite: identifier.is_none() && record.anonymous_id.is_none(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ActivityView<'a> {
    pub(super) seq: u64,
    #[serde(flatten)]
    pub(super) activity: &'a Activity,
}

#[derive(Debug, Serialize)]
pub(super) struct RequestView<'a> {
    seq: u64,
    method: &'a str,
    #[serde(flatten)]
    request: &'a Logged,
    body: BodyView<'a>,
}

/// A body as JSON if it is, else as text.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum BodyView<'a> {
    Empty,
    Json(&'a RawValue),
    Text(String),
}

impl<'a> RequestView<'a> {
    pub(super) fn new(seq: u64, request: &'a Logged) -> Self {
        let body = match serde_json::from_slice(&request.body) {
            Ok(json) => BodyView::Json(json),
            Err(_) if request.body.is_empty() => BodyView::Empty,
            Err(_) => BodyView::Text(String::from_utf8_lossy(&request.body).into_owned()),
        };
        Self { seq, method: request.method.as_str(), request, body }
    }
}
