//! The draft of a notification: the calls that it may lead to, and the plan that is left after the ledger was
//! read.
//!
//! What belongs here: the order of the steps. What doesn't: each step.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::affiliates;
use super::aggregates;
use super::anonymous::{self, Visitor};
use super::budget;
use super::erased;
use super::people::Resolved;
use super::plan::Mapper;
use super::requirements;
use super::resolved_events::{Referral, ResolvedEvent, resolve_events};
use super::tracks::{self, Track, TrackContext};
use crate::domain::{
    AnonymousId, Call, Draft, Event, EventId, LanePlan, Notification, PersonId, Plan, Planned,
    PlannedCall, ReadSet, Time,
};

/// A call to plan.
pub struct PendingCall {
    /// Index of the record.
    pub person: usize,
    pub call: PlannedCall,
}

/// The effects of an event.
#[derive(Default)]
struct Candidate {
    /// The ledger's id of an event that is counted once.
    counts_as: Option<EventId>,
    /// The track, with its id and its name in the settings.
    track: Option<(EventId, String, Track)>,
}

/// A draft of a notification of the referral program.
pub struct ProgramDraft<'a> {
    mapper: &'a Mapper,
    notification: Cow<'a, Notification>,
    received_at: Time,
    read: &'a ReadSet,
    people: Resolved,
    visitors: BTreeMap<AnonymousId, Visitor>,
    referrals: Vec<Referral>,
    events: Vec<ResolvedEvent>,
    /// One for each event.
    candidates: Vec<Candidate>,
    /// The parts of the plan that don't depend on the ledger.
    plan: Plan,
}

impl<'a> ProgramDraft<'a> {
    /// Returns the draft of a notification.
    ///
    /// # Errors
    /// The reason for parking, naming the field.
    pub fn new(
        mapper: &'a Mapper,
        campaign: &str,
        notification: &'a Notification,
        received_at: Time,
        read: &'a ReadSet,
    ) -> Result<Self, String> {
        let rules = &mapper.rules;
        let (notification, erased) =
            erased::leave_out(notification, campaign, received_at, read, rules);
        let mut people = Resolved::resolve(&notification, campaign, received_at, read, rules);
        people.follow_addresses(read, rules);
        if let Some(reason) = requirements::unmet(&notification, &people, read) {
            return Err(reason);
        }
        let (events, mut unmapped) = resolve_events(&notification, &people, campaign, rules);
        for reason in notification.people.iter().flat_map(|snapshot| &snapshot.unmapped) {
            if !unmapped.contains(reason) {
                unmapped.push(reason.clone());
            }
        }
        people.link_visitors(read, rules);
        let visitors = people.resolve_visitors(&events, read);
        let as_of = notification.as_of.unwrap_or(received_at);
        let referrals = people.link_referrers(&events, as_of, read);
        people.refer_to_friends(&notification);

        let context = TrackContext {
            notification: &notification,
            campaign,
            people: &people,
            rules,
            received_at,
        };
        let mut candidates = Vec::with_capacity(events.len());
        let mut plan = Plan { erased, ..Plan::default() };
        for ResolvedEvent { timed, slot } in &events {
            let participant = people.participant(*slot);
            if budget::is_spent(&timed.event, participant, received_at, rules.posts_per_day) {
                plan.is_over_budget = true;
                candidates.push(Candidate::default());
                continue;
            }
            let counts_as = aggregates::counted_as(&timed.event, *slot, &context);
            let track = match tracks::track(&timed.event, *slot, &context) {
                Ok(Some(track)) => match rules.events.get(track.name) {
                    Some(name) => Some((track.effect.event_id(), name.clone(), track)),
                    None => {
                        plan.disabled_events.insert(track.name);
                        None
                    }
                },
                Ok(None) => None,
                Err(reason) => {
                    unmapped.push(reason);
                    None
                }
            };
            candidates.push(Candidate { counts_as, track });
        }
        if let [reason, ..] = unmapped.as_slice()
            && events.is_empty()
        {
            return Err(reason.clone());
        }
        plan.unmapped = unmapped;
        Ok(Self {
            mapper,
            notification,
            received_at,
            read,
            people,
            visitors,
            referrals,
            events,
            candidates,
            plan,
        })
    }
}

impl Draft for ProgramDraft<'_> {
    fn effects(&self) -> Vec<EventId> {
        let track = |candidate: &Candidate| candidate.track.as_ref().map(|(id, ..)| *id);
        self.candidates.iter().flat_map(|it| it.counts_as.into_iter().chain(track(it))).collect()
    }

    fn finish(self: Box<Self>, recorded: &HashSet<EventId>) -> Planned {
        let Self {
            mapper,
            notification,
            received_at,
            read,
            mut people,
            visitors,
            referrals,
            events,
            candidates,
            mut plan,
        } = *self;
        let mut planned = BTreeSet::new();
        let mut is_new = |id: EventId| !recorded.contains(&id) && planned.insert(id);
        let mut due = Vec::new();
        let mut counted = Vec::new();
        let mut joins = Vec::new();
        let mut sent_as = BTreeMap::new();
        let mut sent = Vec::new();
        for (event, Candidate { counts_as, track }) in events.iter().zip(candidates) {
            let ResolvedEvent { timed, slot } = event;
            counted.extend(counts_as.filter(|id| is_new(*id)).map(|id| (event, id)));
            let Some((event_id, name, track)) = track.filter(|(id, ..)| is_new(*id)) else {
                continue;
            };
            sent_as.extend(counts_as.map(|id| (id, event_id)));
            let enrolled = affiliates::enrolled_at(&timed.event, people.participant(*slot), read);
            let received = || notification.as_of.is_none().then_some(received_at);
            let at = enrolled.or(timed.at).or_else(received);
            let Some(at) = at.filter(|at| notification.filter.covers(*at)) else {
                plan.filtered_events.push(track.effect.kind().to_owned());
                continue;
            };
            let mut person = slot.person;
            if let Event::Visited(visit) = &timed.event {
                let visitor = visitors[&visit.visitor];
                person = visitor.place;
                joins.extend(visitor.claimer.map(|it| (it, visit.visitor.clone())));
            }
            let call = Call::Track { name, event_id, at, data: track.data };
            let effect = Some(track.effect);
            sent.push(event);
            due.push(PendingCall { person, call: PlannedCall { call, effect } });
        }

        let rules = &mapper.rules;
        aggregates::count(&events, &referrals, &notification, received_at, rules, &mut people);
        for (event, id) in &counted {
            let sent_as = sent_as.get(id);
            aggregates::raise(event, sent_as, &notification, received_at, rules, &mut people);
        }
        for event in sent {
            aggregates::share(event, received_at, rules, &mut people);
        }
        aggregates::number(&mut due, notification.filter.is_history(), &mut people);
        if !due.is_empty() || !counted.is_empty() {
            for ResolvedEvent { timed, slot } in &events {
                budget::spend(&timed.event, people.participant_mut(*slot), received_at);
            }
        }
        people.settle_counts();
        let has_counted = !counted.is_empty();
        counted.retain(|(event, _)| aggregates::is_in_ledger(&event.timed.event, &people));
        people.new_joins.extend(joins);
        let subjects = events.iter().filter(|it| mapper.concerns_subject(&it.timed.event));
        let subjects: BTreeSet<usize> = subjects.map(|event| event.slot.person).collect();
        let left = std::mem::take(&mut people.left);
        plan.ledger_only = counted.into_iter().map(|(_, id)| id).chain(left).collect();
        plan.notices = std::mem::take(&mut people.notices);
        let times = (notification.as_of.unwrap_or_default(), received_at);
        let lanes = mapper.lanes(people, &subjects, due, times, &mut plan.notices);
        let (lanes, mentioned, has_changes) = changed(lanes, read);
        Ok(Plan { lanes, mentioned, has_changes: has_changes || has_counted, ..plan })
    }
}

/// Returns the lanes to write, the unchanged people, and true if anything but times of facts changes.
fn changed(mut lanes: Vec<LanePlan>, read: &ReadSet) -> (Vec<LanePlan>, Vec<PersonId>, bool) {
    let mut mentioned = Vec::new();
    let mut has_changes = false;
    lanes.retain(|lane| {
        let before = read.people().find(|person| person.id == lane.person.id);
        let changes = !lane.calls.is_empty()
            || (before != Some(&lane.person) && !anonymous::is_nobody(&lane.person));
        has_changes |= !lane.calls.is_empty()
            || (changes && before.is_none_or(|it| !it.says_the_same(&lane.person)));
        mentioned.extend(lane.person.id.filter(|_| !changes));
        changes
    });
    (lanes, mentioned, has_changes)
}
