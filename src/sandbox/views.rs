//! Views of the state in the read-back interface: borrowed shapes for serialisation only.

use serde::Serialize;

use super::{events::Record, people, people::Person};

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
            record,
            identifier: identifier.map(|identifier| identifier.value()),
            identifier_kind: identifier.map(|identifier| identifier.kind()),
            cio_id: record.owner.map(people::cio_id),
            invite: identifier.is_none() && record.anonymous_id.is_none(),
        }
    }
}

/// An entry with its number.
#[derive(Debug, Serialize)]
pub(super) struct Numbered<'a, T> {
    seq: u64,
    #[serde(flatten)]
    entry: &'a T,
}

impl<'a, T> Numbered<'a, T> {
    pub(super) fn new(seq: u64, entry: &'a T) -> Self {
        Self { seq, entry }
    }
}
