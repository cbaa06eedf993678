//! The world: what a batch of webhooks knows of the store, and what becomes of it webhook by
//! webhook.
//!
//! What belongs here: answers to the planner's questions, and the effect of a plan on the answers
//! that the next webhook of the batch gets. It is pure: what must be asked of Postgres is told. What
//! doesn't: SQL (`asking` fills it, `keeping` writes what came of it).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{
    Call, ErasureKey, EventId, LanePlan, Link, Participant, ParticipantKey, Person, PersonId, Plan,
    ReadKey, ReadSet, Time,
};
use crate::store::record;

use super::value::text;

/// What is known of the store's contents.
#[derive(Clone, Default)]
pub(super) struct World {
    hash_key: [u8; 32],
    /// Whether anybody was ever forgotten.
    pub(super) has_tombstones: bool,
    people: HashMap<i64, Person>,
    /// Identifiers as columns; `None` where nobody has it.
    identifiers: HashMap<String, Option<i64>>,
    participants: HashMap<ParticipantKey, Option<i64>>,
    links: HashMap<Link, Option<i64>>,
    effects: HashMap<EventId, bool>,
    tombstones: HashMap<ErasureKey, Option<Time>>,
    /// Empty rows that this transaction has made for identifiers nobody has.
    blanks: BTreeMap<String, i64>,
    changes: Changes,
}

/// What plans changed.
#[derive(Clone, Default)]
pub(super) struct Changes {
    pub(super) people: BTreeSet<i64>,
    /// Blank rows that became people.
    pub(super) born: BTreeSet<i64>,
    pub(super) new_participants: BTreeMap<ParticipantKey, i64>,
    pub(super) moved_participants: BTreeMap<ParticipantKey, i64>,
    pub(super) links: BTreeMap<Link, i64>,
    pub(super) effects: BTreeSet<EventId>,
}

/// Why a plan wasn't applied. Nothing of it was.
#[derive(Debug)]
pub(super) enum Unapplied {
    /// It depends on something that isn't known yet.
    Needs(Vec<ReadKey>),
    /// It contradicts what the store holds.
    Contradiction(&'static str),
}

/// Calls for one lane, as a plan leads to them.
pub(super) struct LaneCalls {
    pub(super) lane: i64,
    /// How many of which kind.
    pub(super) kinds: BTreeMap<String, u64>,
    pub(super) calls: Vec<Call>,
}

impl World {
    /// Nothing known, under the store's own secret.
    pub(super) fn new(hash_key: [u8; 32]) -> Self {
        Self { hash_key, ..Self::default() }
    }

    /// Takes in a person as read.
    pub(super) fn person(&mut self, column: String, id: i64, person: Person) {
        self.identifiers.insert(column, Some(id));
        self.people.insert(id, person);
    }

    /// Takes in that nobody has an identifier, and the row that waits for whoever will.
    pub(super) fn blank(&mut self, column: String, id: i64) {
        self.identifiers.insert(column.clone(), None);
        self.blanks.insert(column, id);
    }

    /// Takes in that nobody has an identifier.
    pub(super) fn nobody(&mut self, column: String) {
        self.identifiers.insert(column, None);
    }

    /// Takes in who a participant is.
    pub(super) fn participant(&mut self, key: ParticipantKey, person: Option<i64>) {
        self.participants.insert(key, person);
    }

    /// Takes in whose a link is.
    pub(super) fn link(&mut self, link: Link, person: Option<i64>) {
        self.links.insert(link, person);
    }

    /// Takes in whether an effect is in the ledger.
    pub(super) fn effect(&mut self, id: EventId, recorded: bool) {
        self.effects.insert(id, recorded);
    }

    /// Takes in when whoever leaves the trace was forgotten.
    pub(super) fn tombstone(&mut self, trace: ErasureKey, forgotten_at: Option<Time>) {
        self.tombstones.insert(trace, forgotten_at);
    }

    /// Whether somebody of this number was read.
    pub(super) fn has(&self, id: i64) -> bool {
        self.people.contains_key(&id)
    }

    /// Whether it is known who has an identifier.
    pub(super) fn has_asked(&self, column: &str) -> bool {
        self.identifiers.contains_key(column)
    }

    /// A person as the plans have left them.
    pub(super) fn found(&self, id: i64) -> Option<&Person> {
        self.people.get(&id)
    }

    /// What the plans have changed, and the blank rows that nobody came for.
    pub(super) fn changes(&self) -> (&Changes, Vec<i64>) {
        let left = self.blanks.values().filter(|id| !self.changes.born.contains(id));
        (&self.changes, left.copied().collect())
    }

    /// The beginning of what is known for one plan.
    pub(super) fn known(&self, now: Time) -> ReadSet {
        ReadSet::new(self.hash_key, now, self.has_tombstones)
    }

    /// Answers questions; gives back those that only Postgres can answer.
    pub(super) fn answer(&self, known: &mut ReadSet, lookups: Vec<ReadKey>) -> Vec<ReadKey> {
        let mut unanswered = Vec::new();
        for lookup in lookups {
            match &lookup {
                ReadKey::Participant(key) => match self.participants.get(key) {
                    Some(id) => known.add_person(lookup, self.copy(*id)),
                    None => unanswered.push(lookup),
                },
                ReadKey::Link(link) => match self.links.get(link) {
                    Some(id) => known.add_person(lookup, self.copy(*id)),
                    None => unanswered.push(lookup),
                },
                ReadKey::Identifier(identifier) => {
                    match self.identifiers.get(&text(&record::column(identifier))) {
                        Some(id) => known.add_person(lookup, self.copy(*id)),
                        None => unanswered.push(lookup),
                    }
                }
                ReadKey::Effect(id) => match self.effects.get(id) {
                    Some(recorded) => known.add_effect(*id, *recorded),
                    None => unanswered.push(lookup),
                },
                ReadKey::Tombstone(trace) => match self.tombstones.get(trace) {
                    Some(forgotten_at) => known.add_tombstone(trace.clone(), *forgotten_at),
                    None => unanswered.push(lookup),
                },
            }
        }
        unanswered
    }

    fn copy(&self, id: Option<i64>) -> Option<Person> {
        id.and_then(|id| self.people.get(&id)).cloned()
    }

    /// Applies a plan whole, or not at all; gives the calls that are new.
    pub(super) fn apply(&mut self, plan: &Plan) -> Result<Vec<LaneCalls>, Unapplied> {
        let mut ids = Vec::with_capacity(plan.lanes.len());
        let mut needs = Vec::new();
        let mut columns = BTreeSet::new();
        for lane in &plan.lanes {
            let id = self.whose(&lane.person, &mut needs)?;
            if !columns.insert(record::column(&lane.person.identifier)) {
                return Err(Unapplied::Contradiction("it makes two people of one identifier"));
            }
            self.check_participants(&lane.person, &mut needs);
            self.check_effects(lane, &mut needs);
            ids.push(id);
        }
        let uncertain = plan.ledger_only.iter().filter(|id| !self.effects.contains_key(id));
        needs.extend(uncertain.copied().map(ReadKey::Effect));
        if !needs.is_empty() {
            return Err(Unapplied::Needs(needs));
        }
        for id in &plan.ledger_only {
            if self.effects.insert(*id, true) == Some(false) {
                self.changes.effects.insert(*id);
            }
        }
        let ids = ids.into_iter().flatten();
        Ok(plan.lanes.iter().zip(ids).map(|(lane, id)| self.take(lane, id)).collect())
    }

    /// The number of a planned person; `None` if more must be known first.
    fn whose(&self, person: &Person, needs: &mut Vec<ReadKey>) -> Result<Option<i64>, Unapplied> {
        let column = text(&record::column(&person.identifier));
        let of_identifier = self.identifiers.get(&column);
        if of_identifier.is_none() {
            needs.push(ReadKey::Identifier(person.identifier.clone()));
        }
        let owner = of_identifier.copied().flatten();
        match (person.id, owner) {
            (Some(PersonId(id)), _) if !self.has(id) => {
                Err(Unapplied::Contradiction("it names a person who isn't there"))
            }
            (Some(PersonId(id)), Some(owner)) if owner != id => {
                Err(Unapplied::Contradiction("somebody else has the identifier"))
            }
            (Some(PersonId(id)), _) => Ok(Some(id)),
            (None, Some(_)) => Err(Unapplied::Contradiction("somebody has the identifier already")),
            (None, None) => Ok(self.blanks.get(&column).copied()),
        }
    }

    /// Who a participant is must be known before it is written; for those that the person had
    /// already it is.
    fn check_participants(&self, person: &Person, needs: &mut Vec<ReadKey>) {
        let before = person.id.and_then(|PersonId(id)| self.people.get(&id));
        let before = before.map(|person| person.participants.as_slice()).unwrap_or_default();
        for key in keys(person) {
            let had = before.iter().any(|it| {
                it.campaign == key.campaign && it.growsurf_id.as_ref() == Some(&key.participant)
            });
            if !had && !self.participants.contains_key(&key) {
                needs.push(ReadKey::Participant(key));
            }
        }
    }

    fn check_effects(&self, lane: &LanePlan, needs: &mut Vec<ReadKey>) {
        for planned in &lane.calls {
            if let Call::Track { event_id, .. } = &planned.call
                && !self.effects.contains_key(event_id)
            {
                needs.push(ReadKey::Effect(*event_id));
            }
        }
    }

    fn take(&mut self, lane: &LanePlan, id: i64) -> LaneCalls {
        let person = Person { id: Some(PersonId(id)), ..lane.person.clone() };
        let column = text(&record::column(&person.identifier));
        let links: BTreeSet<Link> = links(&person).collect();
        let mut had = BTreeSet::new();
        if let Some(before) = self.people.get(&id) {
            had.extend(self::links(before));
            let former = text(&record::column(&before.identifier));
            if former != column {
                self.identifiers.insert(former, None);
            }
        }
        if lane.person.id.is_none() {
            self.changes.born.insert(id);
        }
        self.identifiers.insert(column, Some(id));
        for key in keys(&person) {
            match self.participants.insert(key.clone(), Some(id)) {
                Some(Some(same)) if same == id => {}
                Some(Some(_)) => {
                    // One that this very batch has made goes straight to its last person.
                    match self.changes.new_participants.get_mut(&key) {
                        Some(person) => *person = id,
                        None => drop(self.changes.moved_participants.insert(key, id)),
                    }
                }
                Some(None) => drop(self.changes.new_participants.insert(key, id)),
                // The person had it before.
                None => {}
            }
        }
        for link in links.difference(&had) {
            self.links.insert(link.clone(), Some(id));
            self.changes.links.insert(link.clone(), id);
        }
        self.changes.people.insert(id);
        self.people.insert(id, person);
        let mut kinds = BTreeMap::new();
        let mut calls = Vec::with_capacity(lane.calls.len());
        for planned in &lane.calls {
            if let Call::Track { event_id, .. } = &planned.call {
                // The plan asked before, so this is the last line of defence: an effect that a
                // plan tells twice happens once.
                if self.effects.insert(*event_id, true) != Some(false) {
                    continue;
                }
                self.changes.effects.insert(*event_id);
            }
            *kinds.entry(planned.kind().to_owned()).or_default() += 1;
            calls.push(planned.call.clone());
        }
        LaneCalls { lane: id, kinds, calls }
    }
}

fn links(person: &Person) -> impl Iterator<Item = Link> {
    person.participants.iter().flat_map(Participant::links)
}

fn keys(person: &Person) -> impl Iterator<Item = ParticipantKey> {
    person.participants.iter().filter_map(|participant| {
        let id = participant.growsurf_id.clone()?;
        Some(ParticipantKey { campaign: participant.campaign.clone(), participant: id })
    })
}
