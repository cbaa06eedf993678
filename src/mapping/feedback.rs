//! Plans of feedback: writes to GrowSurf, and events.
//!
//! What belongs here: the person it is about, their erasure, and the lanes of participants at GrowSurf. What
//! doesn't: events of the referral program (`draft`).
//!
//! Every write has its row in the ledger, so repeated feedback is written once.

mod actions;
mod clicks;
mod referrer;
mod subscriptions;

pub use subscriptions::shown;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::draft::PendingCall;
use super::effects;
use super::people::{Resolved, Slot};
use super::plan::Mapper;
use super::rules::Rules;
use crate::domain::{
    Call, Counter, Draft, EffectKey, ErasureKey, ErasureSubject, EventId, Feedback, FeedbackKind,
    Identifier, LaneKey, LanePlan, Participant, ParticipantKey, Person, Plan, Planned, PlannedCall,
    ReadKey, ReadSet, Scalar, Time,
};

/// Feedback, and everything that is known for it.
#[derive(Clone, Copy)]
struct FeedbackContext<'a> {
    feedback: &'a Feedback,
    received_at: Time,
    known: &'a ReadSet,
    /// Effects in the ledger.
    recorded: &'a HashSet<EventId>,
    mapper: &'a Mapper,
    rules: &'a Rules,
}

/// Returns the keys of everyone in feedback.
pub fn resolve(feedback: &Feedback, read: &ReadSet, rules: &Rules) -> Vec<ReadKey> {
    let mut keys: Vec<ReadKey> = subject_keys(feedback).collect();
    match &feedback.kind {
        FeedbackKind::Clicked(click) => {
            keys.extend(clicks::owners(click, rules.writable_campaigns.iter()));
        }
        FeedbackKind::Action(action) => keys.extend(actions::keys(action, feedback)),
        FeedbackKind::Subscription { .. } | FeedbackKind::Ignored => {}
    }
    if read.has_tombstones() {
        let emails = feedback.identifiers.iter().filter_map(Identifier::email).cloned();
        keys.extend(emails.map(ErasureKey::Address).map(ReadKey::Tombstone));
        keys.extend(referrer::keys(feedback));
    }
    keys
}

/// Returns the keys of the links in a reader's campaigns, and of the GrowSurf lanes of everyone read so far.
pub fn link(feedback: &Feedback, read: &ReadSet, mapper: &Mapper) -> Vec<ReadKey> {
    let rules = &mapper.rules;
    let participants = || read.people().flat_map(|person| &person.participants);
    let addressees = participants().filter_map(Participant::growsurf_key);
    let mut keys: Vec<ReadKey> = addressees
        .filter(|key| rules.can_write(&key.campaign))
        .map(|key| FeedbackContext::growsurf_lane(&key))
        .collect();
    if let FeedbackKind::Clicked(click) = &feedback.kind {
        keys.extend(clicks::owners(click, participants().map(|it| &it.campaign)));
    }
    keys
}

pub fn draft<'a>(
    feedback: &'a Feedback,
    received_at: Time,
    read: &'a ReadSet,
    mapper: &'a Mapper,
) -> Box<dyn Draft + 'a> {
    let (feedback, erased) = referrer::left_out(feedback, read);
    Box::new(FeedbackDraft { feedback, erased, received_at, read, mapper })
}

/// A draft of feedback, whose plan depends on the ledger.
struct FeedbackDraft<'a> {
    feedback: Cow<'a, Feedback>,
    /// An erased referrer who is left out.
    erased: ErasureSubject,
    received_at: Time,
    read: &'a ReadSet,
    mapper: &'a Mapper,
}

impl FeedbackDraft<'_> {
    fn context<'a>(&'a self, recorded: &'a HashSet<EventId>) -> FeedbackContext<'a> {
        FeedbackContext {
            feedback: &self.feedback,
            received_at: self.received_at,
            known: self.read,
            recorded,
            mapper: self.mapper,
            rules: &self.mapper.rules,
        }
    }
}

impl Draft for FeedbackDraft<'_> {
    fn effects(&self) -> Vec<EventId> {
        let message = self.feedback.message.as_ref().map(|message| message.event);
        let own = match &self.feedback.kind {
            FeedbackKind::Clicked(click) => vec![effects::link_clicked(&click.report).event_id()],
            FeedbackKind::Subscription { report, .. } => {
                vec![effects::subscription(report).event_id()]
            }
            FeedbackKind::Action(action) => {
                actions::effect_ids(action, self.context(&HashSet::new()))
            }
            FeedbackKind::Ignored => Vec::new(),
        };
        own.into_iter().chain(message).collect()
    }

    fn finish(self: Box<Self>, recorded: &HashSet<EventId>) -> Planned {
        let context = self.context(recorded);
        let erased = context.erased();
        if !erased.is_empty() {
            return Ok(Plan { erased, ..Plan::default() });
        }
        let feedback = context.feedback;
        let mut plan = match &feedback.kind {
            FeedbackKind::Clicked(click) => clicks::plan(click, context),
            FeedbackKind::Subscription { report, subscribed } => {
                subscriptions::plan(report, *subscribed, context)
            }
            FeedbackKind::Action(action) => actions::plan(action, context)?,
            FeedbackKind::Ignored => Plan::default(),
        };
        plan.erased = self.erased.clone();
        plan.unmapped.extend(feedback.left_out.iter().cloned());
        // Only messages of the relay's own events are kept.
        let message = feedback.message.as_ref();
        plan.messages.extend(message.filter(|it| context.is_done(it.event)).cloned());
        // An erasure finds the bodies that name the person by these mentions.
        let subject = context.subject().and_then(|index| context.person(index).id);
        let is_written = |id| plan.lanes.iter().any(|lane| lane.person.id == Some(id));
        plan.mentioned.extend(subject.filter(|id| !is_written(*id)));
        Ok(plan)
    }
}

/// Returns the keys of the person whom feedback is about.
fn subject_keys(feedback: &Feedback) -> impl Iterator<Item = ReadKey> + '_ {
    feedback.identifiers.iter().cloned().map(|it| ReadKey::Lane(it.into()))
}

impl<'a> FeedbackContext<'a> {
    /// Returns the index of the person whom the feedback is about.
    fn subject(self) -> Option<usize> {
        subject_keys(self.feedback).find_map(|key| self.known.person(&key))
    }

    /// Returns the person, if they were erased and the feedback is older or names nobody new.
    fn erased(self) -> ErasureSubject {
        let mut erased = ErasureSubject::default();
        if !self.known.has_tombstones() {
            return erased;
        }
        let adds_participant =
            matches!(&self.feedback.kind, FeedbackKind::Action(it) if it.adds_participant());
        for email in self.feedback.identifiers.iter().filter_map(Identifier::email) {
            let Some(at) = self.known.tombstone(&ErasureKey::Address(email.clone())) else {
                continue;
            };
            let is_nobody = self.subject().is_none() && !adds_participant;
            if is_nobody || self.feedback.at <= at {
                erased.emails.insert(email.clone());
            }
        }
        erased
    }

    /// True if the ledger has the effect.
    fn is_done(self, id: EventId) -> bool {
        self.recorded.contains(&id)
    }

    fn person(self, index: usize) -> &'a Person {
        self.known.person_at(index)
    }

    fn participant(self, place: Slot) -> &'a Participant {
        &self.person(place.person).participants[place.participant]
    }

    /// Returns the person's lane with these tracks.
    fn person_lane(self, person: Person, due: Vec<PlannedCall>) -> Vec<LanePlan> {
        let due = due.into_iter().map(|call| PendingCall { person: 0, call }).collect();
        let times = (self.feedback.at, self.received_at);
        let people = Resolved::of(person);
        self.mapper.lanes(people, &BTreeSet::new(), due, times, &mut Vec::new())
    }

    /// Returns the key of a participant's lane at GrowSurf.
    fn growsurf_lane(key: &ParticipantKey) -> ReadKey {
        ReadKey::Lane(LaneKey::Participant(key.clone()))
    }

    /// Returns the record of a participant's lane at GrowSurf; a new one if there is none.
    fn growsurf_record(self, key: &ParticipantKey) -> Person {
        let index = self.known.person(&Self::growsurf_lane(key));
        let known = index.map(|index| self.person(index).clone());
        known.unwrap_or_else(|| Person::new(key.clone()))
    }
}

/// Returns a lane with one call to GrowSurf.
fn lane(person: Person, call: Call, effect: EffectKey) -> LanePlan {
    LanePlan { person, calls: vec![PlannedCall { call, effect: Some(effect) }] }
}

/// Returns a counter after one more. It starts from GrowSurf's metadata, which is read once.
fn raised(before: Option<Counter>, participant: &Participant, metadata: &str, at: Time) -> Counter {
    let seed = || {
        let name = format!("{}{metadata}", crate::domain::Facts::METADATA);
        let count = match participant.facts.value(&name) {
            Some(Scalar::Integer(count)) => *count,
            Some(Scalar::Text(count)) => count.trim().parse().unwrap_or(0),
            _ => 0,
        };
        Counter { count: count.max(0), last: Time::default() }
    };
    let Counter { count, last } = before.unwrap_or_else(seed);
    Counter { count: count.saturating_add(1), last: last.max(at) }
}

/// Returns a time for GrowSurf's metadata, in seconds.
fn stamp(at: Time) -> Scalar {
    Scalar::from(Time::from_seconds(at.seconds()).to_string())
}
