//! The overlay: the records that a batch of webhooks has read, with the changes of its plans.
//!
//! What belongs here: answers to the planner's reads, and the effect of one webhook's plan on the answers
//! that the next webhook of the batch gets. It is pure. What doesn't: reading (`unit`) and the order of
//! the phases (`work::accept`).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::{
    Call, ErasureKey, EventId, LanePlan, Link, Participant, ParticipantKey, Person, PersonId, Plan,
    ReadKey, ReadSet, Time, WebhookId,
};

use super::StoreError;
use super::record;
use super::rows::{Changes, PersonRow};
use super::unit::{FoundRecords, PlanKeys};

/// Records that were read, and the changes of plans on top of them.
#[derive(Default)]
pub(super) struct Overlay {
    hash_key: [u8; 32],
    /// True if anyone was ever erased.
    pub(super) has_tombstones: bool,
    people: HashMap<i64, Arc<Person>>,
    /// People by the column of their identifier; `None` where nobody has it.
    identifiers: HashMap<String, Option<i64>>,
    participants: HashMap<ParticipantKey, Option<i64>>,
    links: HashMap<Link, Option<i64>>,
    effects: HashMap<EventId, bool>,
    tombstones: HashMap<ErasureKey, Option<Time>>,
    /// Numbers reserved for identifiers that nobody has.
    reserved: BTreeMap<String, i64>,
    changed: Changed,
}

/// Records that plans changed.
#[derive(Default)]
struct Changed {
    people: BTreeSet<i64>,
    /// People who took a reserved number.
    new_people: BTreeSet<i64>,
    /// Identifiers that a person gave up.
    given_up: HashSet<String>,
    /// Participants, links and effects.
    rows: Changes,
}

/// The reason why a plan was not applied. Nothing of it was.
#[derive(Debug)]
pub(super) enum NotApplied {
    /// It depends on records that were not read.
    Unread(Vec<ReadKey>),
    /// It contradicts the records.
    Contradiction(&'static str),
    /// It makes a person of an identifier that another plan of the batch has freed, for whom no number is
    /// reserved. In a transaction of its own there is one.
    Apart,
}

pub(super) struct LaneCalls {
    pub(super) lane: i64,
    /// Number of calls by kind.
    pub(super) kinds: BTreeMap<String, u64>,
    pub(super) calls: Vec<Call>,
}

impl Overlay {
    /// Returns an overlay over nothing, under the store's own secret.
    pub(super) fn new(hash_key: [u8; 32], has_tombstones: bool) -> Self {
        Self { hash_key, has_tombstones, ..Self::default() }
    }

    /// Adds the records that keys led to. An identifier that nobody was found by is nobody's. What was read
    /// before stays as it is, because plans may have changed it since.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if a row can't be read.
    pub(super) fn add(&mut self, keys: &PlanKeys, found: FoundRecords) -> Result<(), StoreError> {
        for row in found.people {
            if let Entry::Vacant(place) = self.people.entry(row.id) {
                place.insert(Arc::new(record::person(&row)?));
                self.identifiers.entry(row.identifier).or_insert(Some(row.id));
            }
        }
        for identifier in &keys.identifiers {
            self.identifiers.entry(identifier.clone()).or_insert(None);
        }
        self.participants.extend(found.participants);
        self.links.extend(found.links);
        self.reserved.extend(found.reserved);
        for id in &keys.effects {
            self.effects.entry(*id).or_insert(found.effects.contains(id));
        }
        Ok(())
    }

    /// Adds a tombstone by its key: the time of the erasure, if there is one.
    pub(super) fn add_tombstone(&mut self, key: ErasureKey, erased_at: Option<Time>) {
        self.tombstones.insert(key, erased_at);
    }

    /// Returns the beginning of the records that one plan reads.
    pub(super) fn read_set(&self, now: Time) -> ReadSet {
        ReadSet::new(self.hash_key, now, self.has_tombstones)
    }

    /// True if the record of a key was read.
    pub(super) fn has(&self, key: &ReadKey) -> bool {
        match key {
            ReadKey::Effect(id) => self.effects.contains_key(id),
            ReadKey::Tombstone(key) => self.tombstones.contains_key(key),
            _ => self.person_of(key).is_some(),
        }
    }

    /// Adds the record of each key that was read to a set.
    pub(super) fn answer(&self, read: &mut ReadSet, keys: &[ReadKey]) {
        for key in keys {
            match key {
                ReadKey::Participant(_) | ReadKey::Link(_) | ReadKey::Lane(_) => {
                    if let Some(id) = self.person_of(key) {
                        read.add_person(
                            key.clone(),
                            id.and_then(|id| self.people.get(&id)).cloned(),
                        );
                    }
                }
                ReadKey::Effect(id) => {
                    if let Some(recorded) = self.effects.get(id) {
                        read.add_effect(*id, *recorded);
                    }
                }
                ReadKey::Tombstone(key) => {
                    if let Some(erased_at) = self.tombstones.get(key) {
                        read.add_tombstone(key.clone(), *erased_at);
                    }
                }
            }
        }
    }

    /// True if the ledger has an effect, or a plan of this batch does.
    pub(super) fn is_recorded(&self, id: EventId) -> bool {
        self.effects.get(&id).copied().unwrap_or(false)
    }

    /// True if a plan has changed the record of a key.
    pub(super) fn is_changed(&self, key: &ReadKey) -> bool {
        let is_given_up = || match key {
            ReadKey::Lane(key) => self.changed.given_up.contains(&record::column(key)),
            _ => false,
        };
        match key {
            ReadKey::Effect(id) => self.changed.rows.effects.contains_key(id),
            ReadKey::Tombstone(_) => false,
            _ => {
                let person = self.person_of(key).flatten();
                person.is_some_and(|id| self.changed.people.contains(&id)) || is_given_up()
            }
        }
    }

    /// Returns the number of the person that a key leads to; the outer `None` if it wasn't read.
    fn person_of(&self, key: &ReadKey) -> Option<Option<i64>> {
        match key {
            ReadKey::Participant(key) => self.participants.get(key).copied(),
            ReadKey::Link(link) => self.links.get(link).copied(),
            ReadKey::Lane(key) => self.identifiers.get(&record::column(key)).copied(),
            ReadKey::Effect(_) | ReadKey::Tombstone(_) => None,
        }
    }

    /// Applies the plan of a webhook, whole or not at all; takes its lanes, and returns the calls that are new.
    pub(super) fn apply(
        &mut self,
        plan: &mut Plan,
        webhook: WebhookId,
    ) -> Result<Vec<LaneCalls>, NotApplied> {
        let mut ids = Vec::with_capacity(plan.lanes.len());
        let mut unread = Vec::new();
        let mut columns = BTreeSet::new();
        for lane in &plan.lanes {
            let id = self.number_of(&lane.person, &mut unread)?;
            if !columns.insert(record::column(&lane.person.key)) {
                return Err(NotApplied::Contradiction("it makes two people of one identifier"));
            }
            self.check_participants(&lane.person, &mut unread);
            let effects = lane.calls.iter().filter_map(|planned| planned.call.event_id());
            unread.extend(effects.map(ReadKey::Effect).filter(|key| !self.has(key)));
            ids.push(id);
        }
        let ledger_only = plan.ledger_only.iter().copied().map(ReadKey::Effect);
        unread.extend(ledger_only.filter(|key| !self.has(key)));
        if !unread.is_empty() {
            return Err(NotApplied::Unread(unread));
        }
        for id in &plan.ledger_only {
            self.enter(*id, webhook);
        }
        let ids = ids.into_iter().flatten();
        Ok(std::mem::take(&mut plan.lanes)
            .into_iter()
            .zip(ids)
            .map(|(lane, id)| self.apply_lane(lane, id, webhook))
            .collect())
    }

    /// Returns the number of a planned person; `None` if more must be read first.
    fn number_of(
        &self,
        person: &Person,
        unread: &mut Vec<ReadKey>,
    ) -> Result<Option<i64>, NotApplied> {
        let column = record::column(&person.key);
        let of_identifier = self.identifiers.get(&column);
        if of_identifier.is_none() {
            unread.push(ReadKey::Lane(person.key.clone()));
        }
        let contradiction = |why| Err(NotApplied::Contradiction(why));
        match (person.id, of_identifier.copied().flatten()) {
            (Some(PersonId(id)), _) if !self.people.contains_key(&id) => {
                contradiction("it names a person who isn't there")
            }
            (Some(PersonId(id)), Some(owner)) if owner != id => {
                contradiction("another person has the identifier")
            }
            (Some(PersonId(id)), _) => Ok(Some(id)),
            (None, Some(_)) => contradiction("a person has the identifier already"),
            (None, None) if of_identifier.is_none() => Ok(None),
            (None, None) => {
                let reserved = self.reserved.get(&column).copied();
                let reserved = reserved.filter(|id| !self.people.contains_key(id));
                reserved.map(Some).ok_or(NotApplied::Apart)
            }
        }
    }

    /// Adds the participants of a person to `unread` that the person didn't have before and that weren't
    /// read.
    fn check_participants(&self, person: &Person, unread: &mut Vec<ReadKey>) {
        let before = person.id.and_then(|PersonId(id)| self.people.get(&id));
        let had: BTreeSet<ParticipantKey> = before.into_iter().flat_map(|it| it.keys()).collect();
        let new = person.keys().filter(|key| !had.contains(key));
        unread.extend(new.map(ReadKey::Participant).filter(|key| !self.has(key)));
    }

    fn apply_lane(&mut self, lane: LanePlan, id: i64, webhook: WebhookId) -> LaneCalls {
        self.apply_person(Person { id: Some(PersonId(id)), ..lane.person }, id);
        let mut kinds = BTreeMap::new();
        let mut calls = Vec::with_capacity(lane.calls.len());
        for planned in lane.calls {
            // An effect that one plan has twice happens once.
            if planned.call.event_id().is_none_or(|id| self.enter(id, webhook)) {
                *kinds.entry(planned.kind().to_owned()).or_default() += 1;
                calls.push(planned.call);
            }
        }
        LaneCalls { lane: id, kinds, calls }
    }

    fn apply_person(&mut self, person: Person, id: i64) {
        let column = record::column(&person.key);
        let mut had = BTreeSet::new();
        if let Some(before) = self.people.get(&id) {
            had.extend(before.participants.iter().flat_map(Participant::links));
            let former = record::column(&before.key);
            if former != column {
                self.changed.given_up.insert(former.clone());
                self.identifiers.insert(former, None);
            }
        } else {
            self.changed.new_people.insert(id);
        }
        self.identifiers.insert(column, Some(id));
        for key in person.keys() {
            match self.participants.insert(key.clone(), Some(id)) {
                Some(Some(same)) if same == id => {}
                // One that this very batch has made goes straight to its last person.
                Some(Some(_)) => match self.changed.rows.new_participants.get_mut(&key) {
                    Some(person) => *person = id,
                    None => drop(self.changed.rows.moved_participants.insert(key, id)),
                },
                Some(None) => drop(self.changed.rows.new_participants.insert(key, id)),
                // The person had it before.
                None => {}
            }
        }
        let links: BTreeSet<Link> =
            person.participants.iter().flat_map(Participant::links).collect();
        for link in links.difference(&had) {
            self.links.insert(link.clone(), Some(id));
            self.changed.rows.links.insert(link.clone(), id);
        }
        self.changed.people.insert(id);
        self.people.insert(id, Arc::new(person));
    }

    /// Enters an effect; `false` if the ledger has it.
    fn enter(&mut self, id: EventId, webhook: WebhookId) -> bool {
        let is_new = self.effects.insert(id, true) == Some(false);
        if is_new {
            self.changed.rows.effects.insert(id, webhook);
        }
        is_new
    }

    /// Returns the changes of all plans.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if a person can't be written.
    pub(super) fn into_changes(self) -> Result<Changes, StoreError> {
        let Self { people, reserved, changed, .. } = self;
        let mut changes = changed.rows;
        for id in &changed.people {
            let Some(person) = people.get(id) else { continue };
            let row = PersonRow {
                id: *id,
                identifier: record::column(&person.key),
                state: record::state(person)?,
            };
            let is_new = changed.new_people.contains(id);
            if is_new { &mut changes.new_people } else { &mut changes.people }.push(row);
        }
        let is_free = |id: &i64| !changed.new_people.contains(id);
        changes.released.extend(reserved.into_values().filter(is_free));
        Ok(changes)
    }
}
