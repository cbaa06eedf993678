//! The plan: everything that a notification leads to, and the phases that make it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{
    Attributes, Call, EffectKey, ErasureKey, ErasureSubject, EventId, LaneKey, Link, Message,
    Notification, ParticipantKey, Person, PersonId, Time,
};

/// Key of one record that a plan depends on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReadKey {
    /// The person with this participant.
    Participant(ParticipantKey),
    /// The person who has, or last had, this link.
    Link(Link),
    /// The record of this lane.
    Lane(LaneKey),
    /// The effect's row in the ledger.
    Effect(EventId),
    /// The tombstone of an erased person.
    Tombstone(ErasureKey),
}

/// The records read for one plan.
///
/// A plan uses a record only if [`Planner::resolve`] or [`Planner::link`] returned its key; debug builds
/// check it.
#[derive(Clone, Debug, Default)]
pub struct ReadSet {
    /// The store's secret, by which addresses become participant keys.
    pub hash_key: [u8; 32],
    /// The present time, long after the receipt of a replayed webhook.
    pub now: Time,
    people: Vec<Arc<Person>>,
    found: HashMap<ReadKey, Option<usize>>,
    effects: HashMap<EventId, bool>,
    tombstones: Option<HashMap<ErasureKey, Option<Time>>>,
}

impl ReadSet {
    /// Returns an empty set. `has_tombstones` is true if anyone was ever erased.
    pub fn new(hash_key: [u8; 32], now: Time, has_tombstones: bool) -> Self {
        let tombstones = has_tombstones.then(HashMap::new);
        Self { hash_key, now, tombstones, ..Self::default() }
    }

    /// Adds the person of a key. A person with several keys is kept once.
    pub fn add_person(&mut self, key: ReadKey, person: Option<Arc<Person>>) {
        let index = person.map(|person| {
            let same = self.people.iter().position(|known| known.id == person.id);
            same.unwrap_or_else(|| {
                self.people.push(person);
                self.people.len() - 1
            })
        });
        self.found.insert(key, index);
    }

    /// True if the key was read, even if it leads to nobody.
    pub fn contains(&self, key: &ReadKey) -> bool {
        self.found.contains_key(key)
    }

    /// Adds an effect; `recorded` is true if the ledger has it.
    pub fn add_effect(&mut self, id: EventId, recorded: bool) {
        self.effects.insert(id, recorded);
    }

    /// Adds a tombstone and the time of the erasure; `None` if there is none.
    pub fn add_tombstone(&mut self, key: ErasureKey, erased_at: Option<Time>) {
        self.tombstones.get_or_insert_default().insert(key, erased_at);
    }

    /// Returns the index of the person of a key.
    pub fn person(&self, key: &ReadKey) -> Option<usize> {
        debug_assert!(self.found.contains_key(key), "{key:?} was not read");
        self.found.get(key).copied().flatten()
    }

    /// True if the ledger has the effect.
    pub fn is_recorded(&self, id: EventId) -> bool {
        debug_assert!(self.effects.contains_key(&id), "effect {id} was not read");
        self.effects.get(&id).copied().unwrap_or(false)
    }

    /// True if anyone was ever erased. Otherwise no tombstone is read.
    pub fn has_tombstones(&self) -> bool {
        self.tombstones.is_some()
    }

    pub fn tombstone(&self, key: &ErasureKey) -> Option<Time> {
        let tombstones = self.tombstones.as_ref()?;
        debug_assert!(tombstones.contains_key(key), "the tombstone of {key:?} was not read");
        tombstones.get(key).copied().flatten()
    }

    /// Returns the person at an index of [`ReadSet::person`].
    pub fn person_at(&self, place: usize) -> &Person {
        &self.people[place]
    }

    /// Returns everyone read so far.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().map(|person| &**person)
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct PlannedCall {
    pub call: Call,
    /// The meaning of a track. An identify has none.
    pub effect: Option<EffectKey>,
}

impl PlannedCall {
    /// Returns the kind of the effect, or else of the call.
    pub fn kind(&self) -> &str {
        self.effect.as_ref().map_or(self.call.kind(), EffectKey::kind)
    }
}

/// Changes of one lane: the record's new state, and calls in order.
#[derive(Clone, PartialEq, Debug)]
pub struct LanePlan {
    /// The new record.
    pub person: Person,
    /// The calls, in order.
    pub calls: Vec<PlannedCall>,
}

/// Everything that a notification leads to. A store applies it in one transaction.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The changed lanes, each at most once.
    pub lanes: Vec<LanePlan>,
    /// Reasons for unmapped parts, each naming the field. The rest is planned.
    pub unmapped: Vec<String>,
    /// Events that the settings turn off, by their own names.
    pub disabled_events: BTreeSet<&'static str>,
    /// People who are named and unchanged.
    pub mentioned: Vec<PersonId>,
    /// Effects that are counted and not sent. The ledger stores them, so that each is counted once.
    pub ledger_only: Vec<EventId>,
    /// New effects that [`SendFilter`](super::SendFilter) excludes, by kind.
    pub filtered_events: Vec<String>,
    /// Notices to the operator. They name people by participant id only.
    pub notices: Vec<String>,
    /// Messages that effects in the ledger triggered.
    pub messages: Vec<Message>,
    /// True if it changes anything but the times of facts.
    pub has_changes: bool,
    /// True if a page's post exceeds its participant's budget of the day.
    pub is_over_budget: bool,
    /// The erased people in the notification. It leads to nothing about them, and isn't kept whole.
    pub erased: ErasureSubject,
    /// The campaign of a notification that names none. A replay uses it again.
    pub assumed_campaign: Option<String>,
}

/// A plan, or the reason for parking, naming the field.
pub type Planned = Result<Plan, String>;

/// A planner in four phases: resolve, link, draft and finish, see [`plan`].
///
/// Each phase is pure and runs once for a webhook.
pub trait Planner: Send + Sync {
    /// Returns the keys of everyone in a notification.
    fn resolve(&self, notification: &Notification, read: &ReadSet) -> Vec<ReadKey>;

    /// Returns the keys of people whom those read so far lead to: referrers, former addresses, visitors, link
    /// owners.
    fn link(&self, notification: &Notification, received_at: Time, read: &ReadSet) -> Vec<ReadKey>;

    /// Returns the calls that a notification may lead to.
    ///
    /// # Errors
    /// The reason for parking, naming the field.
    fn draft<'a>(
        &'a self,
        notification: &'a Notification,
        received_at: Time,
        read: &'a ReadSet,
    ) -> Result<Box<dyn Draft + 'a>, String>;

    /// Returns the only campaign in the settings, for notifications that name none.
    fn only_campaign(&self) -> Option<&str> {
        None
    }

    /// Returns the profile for an identify.
    fn profile(&self, person: &Person) -> Attributes;

    /// Returns a person without the facts about an erased one; `None` if there are none.
    /// The profile isn't planned again because of it.
    fn without(&self, person: &Person, erased: &ErasureSubject) -> Option<Person> {
        let mut person = person.clone();
        erased.cut_facts(&mut person).then_some(person)
    }
}

/// Calls that may be planned, depending on the ledger.
pub trait Draft: Send {
    /// Returns the effects to look up.
    fn effects(&self) -> Vec<EventId>;

    /// Returns the plan without the effects in `recorded`, and numbers friends.
    ///
    /// # Errors
    /// The reason for parking, naming the field.
    fn finish(self: Box<Self>, recorded: &HashSet<EventId>) -> Planned;
}

/// Plans a notification by three bulk reads: `get` adds to the set the record of each key.
///
/// # Errors
/// The errors of `get`.
pub fn plan<E>(
    planner: &dyn Planner,
    notification: &Notification,
    received_at: Time,
    mut read: ReadSet,
    mut get: impl FnMut(&mut ReadSet, Vec<ReadKey>) -> Result<(), E>,
) -> Result<Planned, E> {
    let named = planner.resolve(notification, &read);
    get(&mut read, named)?;
    let linked = planner.link(notification, received_at, &read);
    get(&mut read, linked)?;
    let draft = match planner.draft(notification, received_at, &read) {
        Ok(draft) => draft,
        Err(reason) => return Ok(Err(reason)),
    };
    let effects = draft.effects();
    let mut ledger = ReadSet::default();
    get(&mut ledger, effects.iter().copied().map(ReadKey::Effect).collect())?;
    let recorded = effects.into_iter().filter(|id| ledger.is_recorded(*id)).collect();
    Ok(draft.finish(&recorded))
}
