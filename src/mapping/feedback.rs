//! What Customer.io's word leads to: writes to GrowSurf, and events.
//!
//! What belongs here: whom it is about, what was forgotten of them, and the lanes of GrowSurf's
//! participants; what clicks, subscriptions and asks lead to is in the files below. What doesn't:
//! news of the referral program (`plan`).
//!
//! Every write has its row in the ledger, so that what Customer.io tells twice is done once.

mod actions;
mod clicks;
mod referrer;
mod subscriptions;

pub use subscriptions::shown;

use std::collections::BTreeSet;

use super::people::Resolved;
use super::plan::{Mapper, PendingCall};
use super::rules::Rules;
use crate::domain::{
    Call, Counter, EffectKey, Email, ErasureKey, ErasureSubject, EventId, Feedback, FeedbackKind,
    Identifier, LanePlan, Lookup, Participant, ParticipantKey, Person, Plan, PlanError,
    PlannedCall, ReadSet, Scalar, Time,
};

/// What Customer.io told, and all that is known for it.
#[derive(Clone, Copy)]
struct FeedbackContext<'a> {
    feedback: &'a Feedback,
    received_at: Time,
    known: &'a ReadSet,
    mapper: &'a Mapper,
    rules: &'a Rules,
}

/// A participant of a person, by their places.
#[derive(Clone, Copy)]
struct ParticipantSlot {
    person: usize,
    participant: usize,
}

/// What `feedback` leads to.
///
/// # Errors
/// See [`PlanError`].
pub fn plan(
    feedback: &Feedback,
    received_at: Time,
    known: &ReadSet,
    mapper: &Mapper,
    rules: &Rules,
) -> Result<Plan, PlanError> {
    let desk = FeedbackContext { feedback, received_at, known, mapper, rules };
    let forgotten = desk.forgotten()?;
    if !forgotten.is_empty() {
        return Ok(Plan { erased: forgotten, ..Plan::default() });
    }
    let (feedback, forgotten) = referrer::left_out(desk)?;
    let feedback = feedback.as_ref();
    let desk = FeedbackContext { feedback, ..desk };
    // A message of an event that isn't the relay's is nothing to it.
    let message = feedback.message.as_ref();
    let event = message.map(|message| Lookup::Effect(message.event));
    desk.need(desk.lookups().chain(event))?;
    let mut plan = match &feedback.kind {
        FeedbackKind::Clicked(click) => clicks::plan(click, desk)?,
        FeedbackKind::Subscription { report, subscribed } => {
            subscriptions::plan(report, *subscribed, desk)?
        }
        FeedbackKind::Action(ask) => actions::plan(ask, desk)?,
        FeedbackKind::Ignored => Plan::default(),
    };
    plan.erased = forgotten;
    plan.unmapped.extend(feedback.left_out.iter().cloned());
    plan.messages.extend(message.filter(|it| desk.is_done(it.event)).cloned());
    // Whoever is named in a body is found by it when they are to be forgotten.
    let subject = desk.subject().and_then(|index| desk.person(index).id);
    let is_written = |id| plan.lanes.iter().any(|lane| lane.person.id == Some(id));
    plan.mentioned.extend(subject.filter(|id| !is_written(*id)));
    Ok(plan)
}

impl<'a> FeedbackContext<'a> {
    /// Makes sure that people and effects asked for are known.
    fn need(self, people: impl IntoIterator<Item = Lookup>) -> Result<(), PlanError> {
        let is_missing = |lookup: &Lookup| match lookup {
            Lookup::Effect(id) => self.known.is_recorded(*id).is_none(),
            Lookup::Tombstone(trace) => self.known.tombstone(trace).is_none(),
            person => self.known.person(person).is_none(),
        };
        let missing: Vec<Lookup> = people.into_iter().filter(is_missing).collect();
        if missing.is_empty() { Ok(()) } else { Err(PlanError::MissingReads(missing)) }
    }

    /// The questions for the person it is about.
    fn lookups(self) -> impl Iterator<Item = Lookup> + 'a {
        self.feedback.identifiers.iter().cloned().map(Lookup::Identifier)
    }

    /// The place of the person it is about, once the questions are answered.
    fn subject(self) -> Option<usize> {
        self.lookups().find_map(|lookup| self.known.person(&lookup).flatten())
    }

    /// Who it is about, if they were forgotten and it is older, or tells of nobody new.
    fn forgotten(self) -> Result<ErasureSubject, PlanError> {
        let mut forgotten = ErasureSubject::default();
        if !self.known.has_tombstones() {
            return Ok(forgotten);
        }
        let emails: Vec<&Email> = self.feedback.identifiers.iter().filter_map(address).collect();
        let tombstone = |email: &Email| ErasureKey::Address(email.clone());
        let tombstones = emails.iter().map(|email| Lookup::Tombstone(tombstone(email)));
        self.need(tombstones.chain(self.lookups()))?;
        let adds_participant =
            matches!(&self.feedback.kind, FeedbackKind::Action(ask) if ask.adds_participant());
        for email in emails {
            let Some(Some(at)) = self.known.tombstone(&tombstone(email)) else { continue };
            let is_nobody = self.subject().is_none() && !adds_participant;
            if is_nobody || self.feedback.at <= at {
                forgotten.emails.insert(email.clone());
            }
        }
        Ok(forgotten)
    }

    /// Whether an effect is in the ledger already.
    fn is_done(self, id: EventId) -> bool {
        self.known.is_recorded(id) == Some(true)
    }

    fn person(self, index: usize) -> &'a Person {
        &self.known.people()[index]
    }

    fn participant(self, place: ParticipantSlot) -> &'a Participant {
        &self.person(place.person).participants[place.participant]
    }

    /// The lane of a person at Customer.io, as they are now, with the tracks due.
    fn told(self, person: Person, due: Vec<PlannedCall>) -> Vec<LanePlan> {
        let due = due.into_iter().map(|call| PendingCall { person: 0, call }).collect();
        let times = (self.feedback.at, self.received_at);
        let people = Resolved::of(person);
        self.mapper.lanes(people, &BTreeSet::new(), due, times, &mut Vec::new())
    }

    /// The question for the addressee that a participant is at GrowSurf.
    fn addressee(key: &ParticipantKey) -> Lookup {
        Lookup::Identifier(Identifier::Participant(key.clone()))
    }

    /// The addressee, if there is one in the store, else a new one.
    fn addressed(self, key: &ParticipantKey) -> Person {
        let index = self.known.person(&Self::addressee(key)).flatten();
        let known = index.map(|index| self.person(index).clone());
        known.unwrap_or_else(|| Person::new(Identifier::Participant(key.clone())))
    }
}

/// A lane of GrowSurf's with one more call.
fn lane(person: Person, call: Call, effect: EffectKey) -> LanePlan {
    LanePlan { person, calls: vec![PlannedCall { call, effect: Some(effect) }] }
}

fn address(identifier: &Identifier) -> Option<&Email> {
    match identifier {
        Identifier::Email(email) => Some(email),
        _ => None,
    }
}

/// What names a participant at GrowSurf; `None` for one of whom no id was told.
fn key_of(participant: &Participant) -> Option<ParticipantKey> {
    let id = participant.growsurf_id.clone()?;
    Some(ParticipantKey { campaign: participant.campaign.clone(), participant: id })
}

/// One more of what is counted. The relay's own count goes on from what GrowSurf's metadata said
/// when it began, and is never read from there again.
fn raised(before: Option<Counter>, participant: &Participant, metadata: &str, at: Time) -> Counter {
    let seed = || {
        let name = format!("{}{metadata}", crate::domain::Facts::METADATA);
        let count = match participant.facts.get(&name).map(|fact| &fact.value) {
            Some(Scalar::Integer(count)) => *count,
            Some(Scalar::Text(count)) => count.trim().parse().unwrap_or(0),
            _ => 0,
        };
        Counter { count: count.max(0), last: Time::default() }
    };
    let Counter { count, last } = before.unwrap_or_else(seed);
    Counter { count: count.saturating_add(1), last: last.max(at) }
}

/// A time as GrowSurf's metadata hold it, to the second.
fn stamp(at: Time) -> Scalar {
    Scalar::from(Time::from_seconds(at.seconds()).to_string())
}
