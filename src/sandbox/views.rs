//! How the state looks in the read-back interface: borrowed shapes for serialisation only.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{activity::Activity, events::Record, people, people::Person, requests::Logged};

#[derive(Debug, Serialize)]
pub(super) struct PersonView<'a, E> {
    id: Option<&'a str>,
    email: Option<&'a str>,
    cio_id: String,
    attributes: &'a BTreeMap<String, Value>,
    anonymous_ids: &'a [String],
    newest_update: Option<i64>,
    merged_from: &'a [String],
    events: E,
}

impl<'a, E: Serialize> PersonView<'a, E> {
    pub(super) fn new(key: u64, person: &'a Person, events: E) -> Self {
        Self {
            id: person.id.as_deref(),
            email: person.email.as_deref(),
            cio_id: people::cio_id(key),
            attributes: &person.attributes,
            anonymous_ids: &person.anonymous_ids,
            newest_update: person.newest_update,
            merged_from: &person.merged_from,
            events,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct EventView<'a> {
    seq: u64,
    id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    timestamp: i64,
    data: &'a RawValue,
    identifier: Option<&'a str>,
    identifier_kind: Option<&'static str>,
    cio_id: Option<String>,
    anonymous_id: Option<&'a str>,
    invite: bool,
    repeats: u64,
    received_at: i64,
    request: u64,
}

impl<'a> EventView<'a> {
    pub(super) fn new(seq: u64, record: &'a Record) -> Self {
        let identifier = record.identifier.as_ref();
        Self {
            seq,
            id: record.id.as_ref().map(|id| &*id.text),
            kind: record.kind,
            name: &record.name,
            timestamp: record.timestamp,
            data: &record.data,
            identifier: identifier.map(|identifier| identifier.value()),
            identifier_kind: identifier.map(|identifier| identifier.kind()),
            cio_id: record.owner.map(people::cio_id),
            anonymous_id: record.anonymous_id.as_deref(),
            invite: identifier.is_none() && record.anonymous_id.is_none(),
            repeats: record.repeats,
            received_at: record.received_at,
            request: record.request,
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
    received_at: i64,
    method: &'a str,
    path: &'a str,
    body: BodyView<'a>,
    status: Option<u16>,
    applied: bool,
    faulted: bool,
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
        Self {
            seq,
            received_at: request.received_at,
            method: request.method.as_str(),
            path: &request.path,
            body,
            status: request.status,
            applied: request.applied,
            faulted: request.faulted,
        }
    }
}
