//! The plan: a value with everything that a notification leads to, and the phases that make it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{
    Attributes, Call, EffectKey, ErasureKey, ErasureSubject, EventId, Identifier, Link, Message,
    Notification, ParticipantKey, Person, PersonId, Time,
};

/// Key of one record that a plan depends on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReadKey {
    /// The person who is this participant.
    Participant(ParticipantKey),
    /// The person whose link this is, or was last.
    Link(Link),
    /// The person with this identifier.
    Identifier(Identifier),
    /// The effect's row in the ledger.
    Effect(EventId),
    /// The tombstone of an erased person.
    Tombstone(ErasureKey),
}

/// Records that a store has read for one plan.
///
/// A plan uses a record only after its key was returned by [`Planner::resolve`] or
/// [`Planner::link`]; debug builds check it.
#[derive(Clone, Debug, Default)]
pub struct ReadSet {
    /// The store's own secret, made once, from which addresses become participant keys.
    pub hash_key: [u8; 32],
    /// The present time. A replayed webhook was received long before.
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

    /// Adds the person that a key leads to. A person found by several keys is kept once.
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

    /// True if the person that a key leads to was read, or that there is none.
    pub fn contains(&self, key: &ReadKey) -> bool {
        self.found.contains_key(key)
    }

    /// Adds an effect, and whether the ledger has it.
    pub fn add_effect(&mut self, id: EventId, recorded: bool) {
        self.effects.insert(id, recorded);
    }

    /// Adds a tombstone by its key: the time of the erasure, if there is one.
    pub fn add_tombstone(&mut self, key: ErasureKey, erased_at: Option<Time>) {
        self.tombstones.get_or_insert_default().insert(key, erased_at);
    }

    /// Returns the place of the person that a key leads to.
    pub fn person(&self, key: &ReadKey) -> Option<usize> {
        debug_assert!(self.found.contains_key(key), "{key:?} was not read");
        self.found.get(key).copied().flatten()
    }

    /// True if the ledger has the effect.
    pub fn is_recorded(&self, id: EventId) -> bool {
        debug_assert!(self.effects.contains_key(&id), "effect {id} was not read");
        self.effects.get(&id).copied().unwrap_or(false)
    }

    /// True if anyone was ever erased. Otherwise no tombstone need be read.
    pub fn has_tombstones(&self) -> bool {
        self.tombstones.is_some()
    }

    /// Returns the time of the erasure that a key stands for, if there was one.
    pub fn tombstone(&self, key: &ErasureKey) -> Option<Time> {
        let tombstones = self.tombstones.as_ref()?;
        debug_assert!(tombstones.contains_key(key), "the tombstone of {key:?} was not read");
        tombstones.get(key).copied().flatten()
    }

    /// Returns the person at a place, see [`ReadSet::person`].
    pub fn person_at(&self, place: usize) -> &Person {
        &self.people[place]
    }

    /// Returns everyone read so far.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().map(|person| &**person)
    }
}

/// One call that a plan asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct PlannedCall {
    /// The call.
    pub call: Call,
    /// What a track means; an identify has no row in the ledger.
    pub effect: Option<EffectKey>,
}

impl PlannedCall {
    /// The kind of its effect, or of the call where it has none in the ledger.
    pub fn kind(&self) -> &str {
        self.effect.as_ref().map_or(self.call.kind(), EffectKey::kind)
    }
}

/// What a plan does to one person: their new state, and calls in order.
#[derive(Clone, PartialEq, Debug)]
pub struct LanePlan {
    /// The person as they are from now on.
    pub person: Person,
    /// The calls for their lane, first to last.
    pub calls: Vec<PlannedCall>,
}

/// Everything that a notification leads to. A store applies it in one transaction, whole or not at all.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The people it changes, each at most once.
    pub lanes: Vec<LanePlan>,
    /// Why parts of the news lead to nothing, each naming the field; the rest is planned.
    pub unmapped: Vec<String>,
    /// Events that would be told if the settings hadn't turned them off, by their own names.
    pub disabled_events: BTreeSet<&'static str>,
    /// People of whom nothing new was told: they are named, and nothing of them changes.
    pub mentioned: Vec<PersonId>,
    /// What was counted for the first time: entered into the ledger beside the calls' effects, so
    /// that it is counted once, whether or not it is told.
    pub ledger_only: Vec<EventId>,
    /// Effects that are new and weren't to be told, see [`SendFilter`](super::SendFilter), by their kinds.
    pub filtered_events: Vec<String>,
    /// What somebody should know who looks after the relay. Names nobody but by participant id.
    pub notices: Vec<String>,
    /// What happened to messages that effects in the ledger led to.
    pub messages: Vec<Message>,
    /// Whether it says anything that wasn't known, other than when it was true.
    pub has_changes: bool,
    /// True if a page's post led to nothing because its participant's budget of the day is spent.
    pub is_over_budget: bool,
    /// Who in the news was forgotten. It leads to nothing about them, and is kept without them.
    pub erased: ErasureSubject,
    /// The campaign that it was planned in, where the news name none. A replay plans it there again.
    pub assumed_campaign: Option<String>,
}

/// Plan or, if nothing of a notification can be mapped, the reason, which names the field.
pub type Planned = Result<Plan, String>;

/// Makes plans in four phases: resolve, link, draft and finish, see [`plan`].
///
/// Each is pure and runs once for a webhook: the same input gives the same plan.
pub trait Planner: Send + Sync {
    /// Returns the keys of everyone whom a notification names.
    fn resolve(&self, notification: &Notification, read: &ReadSet) -> Vec<ReadKey>;

    /// Returns the keys of those whom the people read so far lead to: referrers, former addresses,
    /// visitors, link owners.
    fn link(&self, notification: &Notification, received_at: Time, read: &ReadSet) -> Vec<ReadKey>;

    /// Returns the calls that a notification, first received at `received_at`, may lead to.
    ///
    /// # Errors
    /// The reason why nothing of it can be mapped, naming the field.
    fn draft<'a>(
        &'a self,
        notification: &'a Notification,
        received_at: Time,
        read: &'a ReadSet,
    ) -> Result<Box<dyn Draft + 'a>, String>;

    /// Returns the campaign of what names none: the only one in the settings.
    fn only_campaign(&self) -> Option<&str> {
        None
    }

    /// Returns the person's present profile, as an identify carries it.
    fn profile(&self, person: &Person) -> Attributes;

    /// Returns a person without the facts about someone who is erased; `None` if there are none.
    /// A profile that was planned isn't planned again because of it.
    fn without(&self, person: &Person, erased: &ErasureSubject) -> Option<Person> {
        let mut person = person.clone();
        erased.cut_facts(&mut person).then_some(person)
    }
}

/// Calls that may be planned, once the ledger says which of their effects are new.
pub trait Draft: Send {
    /// Returns the effects that must be looked up.
    fn effects(&self) -> Vec<EventId>;

    /// Returns the plan: drops the effects in `recorded`, and numbers friends.
    ///
    /// # Errors
    /// The reason why nothing of the notification can be mapped, naming the field.
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
