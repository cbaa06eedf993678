//! Events: the log of distinct ones, repeats, and the owners of anonymous events.
//!
//! The rules are those of "Track a customer event" and "Track an anonymous event" in the Track
//! API's specification and of the guide on anonymous events. How an event looks on the wire is
//! `v1`'s and `v2`'s.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    activity::Kind,
    identifier::Identifier,
    operation::{Event, EventId, Note},
    ring::{Entry, Ring},
    workspace::{Receipt, Workspace},
};

/// Counts for the fixed part of an event.
const EVENT_BYTES: usize = 256;
/// The time in which an anonymous event can be joined with a person.
const ANONYMOUS_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// The time after an identify with an anonymous id in which its events go to that person.
const JOINED_FOR_MS: i64 = 5 * 60 * 1_000;

/// An event that was applied.
#[derive(Debug, Serialize)]
pub(super) struct Record {
    pub(super) id: Option<EventId>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Unix seconds: as sent, else of receipt.
    pub(super) timestamp: i64,
    pub(super) data: Box<RawValue>,
    /// As sent.
    #[serde(skip)]
    pub(super) identifier: Option<Identifier>,
    pub(super) anonymous_id: Option<String>,
    /// The person that has it now.
    #[serde(skip)]
    pub(super) owner: Option<u64>,
    pub(super) repeats: u64,
    pub(super) received_at: i64,
    pub(super) request: u64,
}

/// Every distinct event in order of arrival.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    pub(super) records: Ring<Record>,
    by_id: HashMap<u128, u64>,
    /// Since the last reset.
    pub(super) repeats: u64,
}

impl Entry for Record {
    /// Enough for every test and benchmark; older events are dropped with their ids.
    const MOST: usize = 1_000_000;
    const MOST_BYTES: usize = 512 << 20;

    fn bytes(&self) -> usize {
        EVENT_BYTES + self.name.len() + self.data.get().len()
    }
}

impl EventLog {
    /// Gives an event to another person, or to none.
    pub(super) fn give(&mut self, seq: u64, owner: Option<u64>) {
        if let Some(record) = self.records.get_mut(seq) {
            record.owner = owner;
        }
    }

    fn repeated(&mut self, id: &EventId) -> Option<&Record> {
        let seq = *self.by_id.get(&id.number)?;
        let record = self.records.get_mut(seq)?;
        record.repeats += 1;
        self.repeats += 1;
        Some(record)
    }

    fn push(&mut self, record: Record) -> u64 {
        let id = record.id.as_ref().map(|id| id.number);
        let seq = self.records.push(record);
        if let Some(id) = id {
            self.by_id.insert(id, seq);
        }
        seq
    }
}

/// The state of one anonymous id.
#[derive(Debug, Default)]
pub(super) struct Anonymous {
    /// The person that has it for good, and the time of their last identify with it.
    owner: Option<(u64, i64)>,
    /// The events that belong to nobody yet.
    waiting: VecDeque<u64>,
}

impl Anonymous {
    /// Gives it to the person that its owner was merged into.
    pub(super) fn give(&mut self, key: u64) {
        if let Some((owner, _)) = &mut self.owner {
            *owner = key;
        }
    }

    fn owner_at(&self, at_ms: i64) -> Option<u64> {
        self.owner.filter(|(_, joined_ms)| at_ms <= joined_ms + JOINED_FOR_MS).map(|(key, _)| key)
    }
}

impl Workspace {
    /// Applies an event of a person, who is created if unknown.
    pub(super) fn track(&mut self, receipt: Receipt, target: Identifier, event: Event) {
        if self.is_ignored(receipt, &target) {
            return;
        }
        let owner = self.people.find(&target);
        if owner.is_none() && matches!(target, Identifier::CioId(_)) {
            let detail = "no person has this cio_id";
            self.record(receipt, Kind::DroppedUnknownCioId, Some(&target), detail);
            return;
        }
        if self.is_repeated(receipt, Some(&target), owner, &event) {
            return;
        }

        let owner = owner.unwrap_or_else(|| {
            let key = self.people.create();
            self.people.assign(key, &target);
            key
        });
        self.keep(receipt, Some(target), None, Some(owner), event);
    }

    /// Applies an event of a browser, or an invite event if there is no anonymous id.
    pub(super) fn track_anonymous(
        &mut self,
        receipt: Receipt,
        anonymous_id: Option<String>,
        event: Event,
    ) {
        if self.is_repeated(receipt, None, None, &event) {
            return;
        }
        let Some(anonymous_id) = anonymous_id else {
            self.record(receipt, Kind::InviteEvent, None, &*event.name);
            self.keep(receipt, None, None, None, event);
            return;
        };

        let owner = self
            .anonymous
            .get(&anonymous_id)
            .and_then(|anonymous| anonymous.owner_at(receipt.at_ms))
            .filter(|key| self.people.get(*key).is_some());
        let seq = self.keep(receipt, None, Some(anonymous_id.clone()), owner, event);
        let anonymous = self.anonymous.entry(anonymous_id).or_default();
        if owner.is_none() {
            anonymous.waiting.push_back(seq);
        }
    }

    /// Joins an anonymous id with a person: what it did in the last 30 days, and what it does in
    /// the next five minutes.
    pub(super) fn join(&mut self, receipt: Receipt, key: u64, anonymous_id: &str) {
        let anonymous = self.anonymous.entry(anonymous_id.to_owned()).or_default();
        if anonymous.owner.is_some_and(|(owner, _)| owner != key) {
            let detail = "the anonymous id belongs to another person";
            self.note(receipt, Note::of(Kind::AnonymousIdTaken, anonymous_id, detail));
            return;
        }

        anonymous.owner = Some((key, receipt.at_ms));
        let waiting = std::mem::take(&mut anonymous.waiting);
        let Some(person) = self.people.get_mut(key) else {
            return;
        };
        if !person.anonymous_ids.iter().any(|id| id == anonymous_id) {
            person.anonymous_ids.push(anonymous_id.to_owned());
        }
        let oldest = receipt.at_ms - ANONYMOUS_KEPT_MS;
        for seq in waiting {
            let kept = self.events.records.get(seq);
            if kept.is_some_and(|event| event.received_at >= oldest) {
                self.events.give(seq, Some(key));
                person.events.push_back(seq);
            }
        }
        person.events.make_contiguous().sort_unstable();
    }

    fn is_repeated(
        &mut self,
        receipt: Receipt,
        target: Option<&Identifier>,
        owner: Option<u64>,
        event: &Event,
    ) -> bool {
        let Some(id) = &event.id else {
            return false;
        };
        let Some(first) = self.events.repeated(id) else {
            return false;
        };

        // The owner may have been merged, or have got another identifier, since.
        let same_person =
            first.identifier.as_ref() == target || (owner.is_some() && first.owner == owner);
        let kind = if first.name == event.name && same_person {
            Kind::RepeatedEvent
        } else {
            Kind::EventIdReused
        };
        let detail = format!("{} ({}, first as {})", id.text, event.name, first.name);
        self.record(receipt, kind, target, detail);
        true
    }

    fn keep(
        &mut self,
        receipt: Receipt,
        identifier: Option<Identifier>,
        anonymous_id: Option<String>,
        owner: Option<u64>,
        event: Event,
    ) -> u64 {
        let seq = self.events.push(Record {
            id: event.id,
            kind: event.kind,
            name: event.name,
            timestamp: event.timestamp.unwrap_or_else(|| receipt.seconds()),
            data: event.data,
            identifier,
            anonymous_id,
            owner,
            repeats: 0,
            received_at: receipt.at_ms,
            request: receipt.request,
        });
        if let Some(person) = owner.and_then(|key| self.people.get_mut(key)) {
            person.events.push_back(seq);
        }
        self.forget_oldest();
        seq
    }

    /// Drops what is over the log's bounds, with everything that refers to it.
    fn forget_oldest(&mut self) {
        while let Some((seq, record)) = self.events.records.overflow() {
            if let Some(id) = record.id {
                self.events.by_id.remove(&id.number);
            }
            if let Some(person) = record.owner.and_then(|key| self.people.get_mut(key)) {
                // The oldest event of all is the oldest of its owner.
                if person.events.front() == Some(&seq) {
                    person.events.pop_front();
                }
            }
            let Some(anonymous_id) = record.anonymous_id else {
                continue;
            };
            if let Some(anonymous) = self.anonymous.get_mut(&anonymous_id) {
                if anonymous.waiting.front() == Some(&seq) {
                    anonymous.waiting.pop_front();
                }
                if anonymous.waiting.is_empty() && anonymous.owner.is_none() {
                    self.anonymous.remove(&anonymous_id);
                }
            }
        }
    }
}
