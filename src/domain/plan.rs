//! The plan: what news leads to, as a value; and what must be known to make one.

use std::collections::{BTreeSet, HashMap};

use super::{
    Attributes, Call, EffectKey, ErasureKey, ErasureSubject, EventId, Identifier, Link, Message,
    Notification, ParticipantKey, Person, PersonId, Time,
};

/// A question to the store that a plan depends on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lookup {
    /// Which person is this participant?
    Participant(ParticipantKey),
    /// Which person is the participant whose link this is, or was last?
    Link(Link),
    /// Which person has this identifier?
    Identifier(Identifier),
    /// Is this effect in the ledger already?
    Effect(EventId),
    /// Was whoever leaves this trace forgotten?
    Tombstone(ErasureKey),
}

/// The answers the store has given so far, for one plan.
#[derive(Clone, Debug, Default)]
pub struct ReadSet {
    /// The store's own secret, made once, from which addresses become participant keys.
    pub hash_key: [u8; 32],
    /// The present time. What is planned again was received long before.
    pub now: Time,
    people: Vec<Person>,
    found: HashMap<Lookup, Option<usize>>,
    effects: HashMap<EventId, bool>,
    tombstones: Option<HashMap<ErasureKey, Option<Time>>>,
}

impl ReadSet {
    /// Nothing known but the store's own secret and the time.
    pub fn new(hash_key: [u8; 32], now: Time) -> Self {
        Self { hash_key, now, ..Self::default() }
    }

    /// Takes the answer to a question about a person. A person found twice is kept once.
    pub fn add_person(&mut self, lookup: Lookup, person: Option<Person>) {
        let index = person.map(|person| {
            let same = self.people.iter().position(|known| known.id == person.id);
            same.unwrap_or_else(|| {
                self.people.push(person);
                self.people.len() - 1
            })
        });
        self.found.insert(lookup, index);
    }

    /// Takes the answer to whether an effect is in the ledger.
    pub fn add_effect(&mut self, id: EventId, recorded: bool) {
        self.effects.insert(id, recorded);
    }

    /// The answer to a question about a person: `None` if it wasn't asked yet, otherwise the
    /// person's place in [`ReadSet::people`], or that there is none.
    pub fn person(&self, lookup: &Lookup) -> Option<Option<usize>> {
        self.found.get(lookup).copied()
    }

    /// Whether the effect is in the ledger; `None` if it wasn't asked yet.
    pub fn is_recorded(&self, id: EventId) -> Option<bool> {
        self.effects.get(&id).copied()
    }

    /// Somebody was forgotten once, so tombstones must be asked for.
    pub fn read_tombstones(&mut self) {
        self.tombstones.get_or_insert_default();
    }

    /// Whether anybody was ever forgotten; if not, no tombstone need be asked for.
    pub fn has_tombstones(&self) -> bool {
        self.tombstones.is_some()
    }

    /// Takes the answer to when whoever leaves the trace was forgotten, if they were.
    pub fn add_tombstone(&mut self, trace: ErasureKey, forgotten_at: Option<Time>) {
        self.tombstones.get_or_insert_default().insert(trace, forgotten_at);
    }

    /// When whoever leaves the trace was forgotten, if they were; `None` if it wasn't asked yet.
    pub fn tombstone(&self, trace: &ErasureKey) -> Option<Option<Time>> {
        match &self.tombstones {
            None => Some(None),
            Some(tombstones) => tombstones.get(trace).copied(),
        }
    }

    /// Everybody found so far.
    pub fn people(&self) -> &[Person] {
        &self.people
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

/// What news leads to; applied by the store in one transaction, whole or not at all.
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

/// Why there is no plan.
#[derive(Clone, PartialEq, Debug)]
pub enum PlanError {
    /// More must be known first; ask again with the answers to these.
    MissingReads(Vec<Lookup>),
    /// Nothing of it can be mapped; the reason names the field.
    Unmappable(String),
}

/// Makes plans. Pure: the same news and knowledge give the same plan.
pub trait Planner: Send + Sync {
    /// What `news`, first received at `received_at`, leads to, given what is known.
    ///
    /// # Errors
    /// [`PlanError::MissingReads`] as long as answers are missing in `known`; a store asks at most a few
    /// times, because each round asks for all it can. [`PlanError::Unmappable`] if nothing of
    /// the news leads anywhere.
    fn plan(
        &self,
        news: &Notification,
        received_at: Time,
        known: &ReadSet,
    ) -> Result<Plan, PlanError>;

    /// Returns the campaign of what names none: the only one in the settings.
    fn only_campaign(&self) -> Option<&str> {
        None
    }

    /// Returns the person's present profile, as an identify carries it.
    fn profile(&self, person: &Person) -> Attributes;

    /// A person without what is known of them about somebody who is forgotten; `None` if nothing
    /// is. What was planned for the person isn't planned again because of it.
    fn without(&self, person: &Person, forgotten: &ErasureSubject) -> Option<Person> {
        let mut person = person.clone();
        forgotten.cut_facts(&mut person).then_some(person)
    }
}
