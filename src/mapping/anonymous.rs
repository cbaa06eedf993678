//! Anonymous ids: claims by participants, and joins with them.
//!
//! What belongs here: claims, and the records of visitors. What doesn't: the event of a visit (`tracks`), and
//! the order of a join and the visitor's own calls, which `delivery` keeps.
//!
//! Only GrowSurf's word counts as a claim: the page's script puts the visitor's id into the metadata of a
//! sign-up. The first claim stays, of the participant and of the id, whether the visits or the claim come
//! first.

use std::collections::BTreeMap;

use super::people::{Resolved, participant};
use super::resolved_events::ResolvedEvent;
use super::rules::Rules;
use crate::domain::{
    AnonymousId, Claim, Claimer, Event, Facts, LaneKey, Notification, Participant, Person, ReadKey,
    ReadSet, Scalar,
};

/// Key of the participant metadata that holds a visitor's id.
const METADATA: &str = "cioAnonymousId";

/// A visitor and their claimant, by index of their records.
#[derive(Clone, Copy)]
pub struct Visitor {
    pub place: usize,
    pub claimer: Option<usize>,
}

impl Resolved {
    /// Returns the keys of the visitors whom participants claim.
    pub(super) fn claimed_visitors(&self, rules: &Rules) -> Vec<ReadKey> {
        let participants = self.persons.iter().flat_map(|person| &person.participants);
        participants.filter_map(|it| Some(of_visitor(&wanted(it, rules)?))).collect()
    }

    /// Links visitors to the participants who claim them. The first claim wins.
    pub(super) fn link_visitors(&mut self, read: &ReadSet, rules: &Rules) {
        let people = self.persons.iter().enumerate();
        let wanted = people.flat_map(|(place, person)| {
            let participants = person.participants.iter().enumerate();
            participants.filter_map(move |(index, it)| Some((place, index, wanted(it, rules)?)))
        });
        for (place, index, id) in wanted.collect::<Vec<_>>() {
            self.claim_one(place, index, id, read);
        }
    }

    fn claim_one(&mut self, place: usize, index: usize, id: AnonymousId, known: &ReadSet) {
        let is_new = self.persons[place].participants[index].claim.is_none();
        let before = self.visitor_known(&id, known);
        if is_new && before.is_some_and(|visitor| visitor.claimed_by.is_some()) {
            return;
        }
        let visitor = self.visitor(&id, known);
        let Person { key, participants, .. } = &mut self.persons[place];
        let participant = &mut participants[index];
        let Some(claimer) = claimer(participant, key) else { return };
        let by_participant = matches!(claimer, Claimer::Participant(_));
        participant.claim = Some(Claim { id: id.clone(), by_participant });
        self.persons[visitor].claimed_by = Some(claimer);
        if is_new {
            self.new_joins.insert((place, id));
        }
    }

    /// Returns the visitors in the events and their claimants.
    pub(super) fn resolve_visitors(
        &mut self,
        events: &[ResolvedEvent],
        read: &ReadSet,
    ) -> BTreeMap<AnonymousId, Visitor> {
        let mut visitors = BTreeMap::new();
        for event in events {
            let Event::Visited(visit) = &event.timed.event else { continue };
            let id = &visit.visitor;
            let place = self.visitor(id, read);
            let claims_it = |person: &Person| claims(person).any(|it| it == id);
            let claimer = match self.persons[place].claimed_by.as_ref().map(of_claimer) {
                None => None,
                Some(key) => self.persons.iter().position(claims_it).or_else(|| {
                    let index = read.person(&key)?;
                    Some(self.place_known(index, read))
                }),
            };
            let claimer = claimer.filter(|claimer| claims_it(&self.persons[*claimer]));
            visitors.insert(id.clone(), Visitor { place, claimer });
        }
        visitors
    }

    /// Returns the visitor's record in its present state, if there is one.
    fn visitor_known<'a>(&'a self, id: &AnonymousId, known: &'a ReadSet) -> Option<&'a Person> {
        let key = LaneKey::Visitor(id.clone());
        let placed = self.persons.iter().find(|person| person.key == key);
        let stored = || Some(known.person_at(known.person(&ReadKey::Lane(key))?));
        placed.or_else(stored)
    }

    /// Returns the index of the visitor's record.
    fn visitor(&mut self, id: &AnonymousId, known: &ReadSet) -> usize {
        self.place(LaneKey::Visitor(id.clone()), known)
    }
}

/// Returns the keys of the visitors in the events.
pub fn visitors(notification: &Notification) -> impl Iterator<Item = ReadKey> {
    visited(notification).map(of_visitor)
}

/// Returns the keys of the claimants of the visitors in the events.
pub fn claimers(notification: &Notification, read: &ReadSet) -> Vec<ReadKey> {
    let visitors = visited(notification).filter_map(|id| read.person(&of_visitor(id)));
    visitors.filter_map(|index| read.person_at(index).claimed_by.as_ref().map(of_claimer)).collect()
}

fn visited(notification: &Notification) -> impl Iterator<Item = &AnonymousId> {
    notification.events.iter().filter_map(|timed| match &timed.event {
        Event::Visited(visit) => Some(&visit.visitor),
        _ => None,
    })
}

/// True if a new visitor is unclaimed. Nothing would ever prune the record unless the visit leads to a call.
pub fn is_nobody(person: &Person) -> bool {
    let Person { id, key, claimed_by, .. } = person;
    matches!(key, LaneKey::Visitor(_)) && id.is_none() && claimed_by.is_none()
}

/// Returns the ids that a person's participants have claimed.
pub fn claims(person: &Person) -> impl Iterator<Item = &AnonymousId> {
    person.participants.iter().filter_map(|it| Some(&it.claim.as_ref()?.id))
}

/// Returns the id that a participant may claim, or has claimed before GrowSurf's id was known.
fn wanted(participant: &Participant, rules: &Rules) -> Option<AnonymousId> {
    if let Some(claim) = &participant.claim {
        let is_named_anew = !claim.by_participant && participant.growsurf_id.is_some();
        return is_named_anew.then(|| claim.id.clone());
    }
    let fact = participant.facts.get(&format!("{}{METADATA}", Facts::METADATA));
    let text = fact.filter(|_| rules.join_visitors).and_then(|fact| match &fact.value {
        Scalar::Text(text) => Some(text.trim()),
        _ => None,
    });
    AnonymousId::parse(text?).ok()
}

fn claimer(participant: &Participant, key: &LaneKey) -> Option<Claimer> {
    participant.growsurf_key().map(Claimer::Participant).or_else(|| {
        let campaign = participant.campaign.clone();
        Some(Claimer::Person { campaign, identifier: key.identifier()?.clone() })
    })
}

fn of_claimer(claimer: &Claimer) -> ReadKey {
    match claimer {
        Claimer::Participant(key) => participant(&key.campaign, &key.participant),
        Claimer::Person { identifier, .. } => ReadKey::Lane(identifier.clone().into()),
    }
}

fn of_visitor(id: &AnonymousId) -> ReadKey {
    ReadKey::Lane(LaneKey::Visitor(id.clone()))
}
