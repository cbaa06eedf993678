//! The plan itself: news and what is known, turned into new states and calls.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::affiliates;
use super::aggregates;
use super::anonymous;
use super::budget;
use super::erased;
use super::feedback;
use super::people::{Resolved, Slot, Unresolved};
use super::profile;
use super::requirements;
use super::rules::Rules;
use super::tracks::{self, TrackContext};
use crate::domain::{
    Attributes, Call, Campaign, ErasureSubject, Event, Facts, Lookup, Notification, Person, Plan,
    PlanError, PlannedCall, Planner, ReadSet, Scalar, Time, TimedEvent,
};

/// Makes plans by the rules of the settings.
#[derive(Clone, Debug)]
pub struct Mapper {
    pub(super) rules: Rules,
}

impl Mapper {
    /// A planner that follows `rules`.
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }
}

/// An event whose subject has a seat.
pub(super) struct ResolvedEvent<'a> {
    pub(super) told: Cow<'a, TimedEvent>,
    pub(super) slot: Slot,
}

/// A friend and who referred them.
pub(super) struct Referral {
    pub(super) friend: Slot,
    pub(super) referrer: Slot,
}

/// A call that is going to be planned for a person.
pub(super) struct PendingCall {
    pub(super) person: usize,
    pub(super) call: PlannedCall,
}

impl Planner for Mapper {
    fn plan(
        &self,
        news: &Notification,
        received_at: Time,
        known: &ReadSet,
    ) -> Result<Plan, PlanError> {
        if let Some(feedback) = &news.feedback {
            return feedback::plan(feedback, received_at, known, self, &self.rules);
        }
        let campaign = news.campaign.id.as_deref().unwrap_or(Campaign::UNNAMED);
        if news.is_from_server && campaign == Campaign::UNNAMED {
            let reason = "campaign is missing, and the settings name none, or several";
            return Err(PlanError::Unmappable(reason.to_owned()));
        }
        let rules = &self.rules;
        let (news, forgotten) = erased::leave_out(news, campaign, received_at, known, rules)
            .map_err(PlanError::MissingReads)?;
        let news = news.as_ref();
        let mut people = Resolved::resolve(news, campaign, received_at, known, rules)
            .map_err(PlanError::MissingReads)?;
        if let Some(reason) = requirements::unmet(news, &people, known) {
            return Err(PlanError::Unmappable(reason));
        }
        let (seated, mut unmapped) = self.resolve_events(news, &people, campaign);
        for reason in news.people.iter().flat_map(|snapshot| &snapshot.unmapped) {
            if !unmapped.contains(reason) {
                unmapped.push(reason.clone());
            }
        }
        people.link_visitors(known, rules).map_err(PlanError::MissingReads)?;
        let visitors = people.resolve_visitors(&seated, known).map_err(PlanError::MissingReads)?;
        let pairs = self.link_referrers(&seated, news, received_at, known, &mut people)?;

        let stage = TrackContext { news, campaign, people: &people, rules, received_at };
        let mut due = Vec::new();
        let mut unanswered = Vec::new();
        let mut planned = BTreeSet::new();
        let mut off = BTreeSet::new();
        let mut left_out = Vec::new();
        let mut counted = Vec::new();
        let mut joins = Vec::new();
        let mut sent_as = BTreeMap::new();
        let mut is_over_budget = false;
        for event in &seated {
            let participant = people.participant(event.slot);
            if budget::is_spent(&event.told.event, participant, received_at, rules.posts_per_day) {
                is_over_budget = true;
                continue;
            }
            let counts_as = aggregates::once(&event.told.event, event.slot, &stage);
            if let Some(id) = counts_as {
                match known.is_recorded(id) {
                    None => unanswered.push(Lookup::Effect(id)),
                    Some(false) if planned.insert(id) => counted.push((event, id)),
                    Some(_) => {}
                }
            }
            let track = match tracks::track(&event.told.event, event.slot, &stage) {
                Ok(track) => track,
                Err(reason) => {
                    unmapped.push(reason);
                    continue;
                }
            };
            let Some(track) = track else { continue };
            let Some(name) = rules.events.get(track.name) else {
                off.insert(track.name);
                continue;
            };
            let event_id = track.effect.event_id();
            match known.is_recorded(event_id) {
                None => unanswered.push(Lookup::Effect(event_id)),
                Some(true) => {}
                Some(false) if !planned.insert(event_id) => {}
                Some(false) => {
                    sent_as.extend(counts_as.map(|id| (id, event_id)));
                    let enrolled = affiliates::enrolled_at(&event.told.event, participant, known);
                    let at = enrolled.or(event.told.at);
                    let at = at.or(news.as_of.is_none().then_some(received_at));
                    let Some(at) = at.filter(|at| news.filter.covers(*at)) else {
                        left_out.push(track.effect.kind().to_owned());
                        continue;
                    };
                    let call = Call::Track { name: name.clone(), event_id, at, data: track.data };
                    let effect = Some(track.effect);
                    let mut person = event.slot.person;
                    if let Event::Visited(visit) = &event.told.event {
                        let visitor = visitors[&visit.visitor];
                        person = visitor.place;
                        joins.extend(visitor.claimer.map(|it| (it, visit.visitor.clone())));
                    }
                    due.push(PendingCall { person, call: PlannedCall { call, effect } });
                }
            }
        }
        if !unanswered.is_empty() {
            return Err(PlanError::MissingReads(unanswered));
        }
        if let [reason, ..] = unmapped.as_slice()
            && seated.is_empty()
        {
            return Err(PlanError::Unmappable(reason.clone()));
        }
        aggregates::count(&seated, &pairs, news, received_at, &mut people);
        for (event, id) in &counted {
            aggregates::raise(event, sent_as.get(id), news, received_at, &mut people);
        }
        aggregates::number(&mut due, news.filter.is_history(), &mut people);
        if !due.is_empty() || !counted.is_empty() {
            for event in &seated {
                let participant = people.participant_mut(event.slot);
                budget::spend(&event.told.event, participant, received_at);
            }
        }
        people.settle_counts();
        let is_counted_anew = !counted.is_empty();
        counted.retain(|(event, _)| aggregates::is_in_ledger(&event.told.event, &people));
        people.new_joins.extend(joins);
        let subjects: BTreeSet<usize> = seated
            .iter()
            .filter(|event| self.concerns_subject(&event.told.event))
            .map(|event| event.slot.person)
            .collect();
        let left = std::mem::take(&mut people.left);
        let times = (news.as_of.unwrap_or_default(), received_at);
        let mut notices = std::mem::take(&mut people.notices);
        let mut lanes = self.lanes(people, &subjects, due, times, &mut notices);
        // Somebody of whom nothing new was told needs no writing.
        let mut named = Vec::new();
        let mut is_news = is_counted_anew;
        lanes.retain(|lane| {
            let before = known.people().iter().find(|person| person.id == lane.person.id);
            let changes = !lane.calls.is_empty()
                || (before != Some(&lane.person) && !anonymous::is_nobody(&lane.person));
            is_news |= !lane.calls.is_empty()
                || (changes && before.is_none_or(|it| !it.says_the_same(&lane.person)));
            named.extend(lane.person.id.filter(|_| !changes));
            changes
        });
        let counted = counted.into_iter().map(|(_, id)| id).chain(left).collect();
        Ok(Plan {
            lanes,
            unmapped,
            disabled_events: off,
            mentioned: named,
            ledger_only: counted,
            filtered_events: left_out,
            notices,
            has_changes: is_news,
            is_over_budget,
            erased: forgotten,
            messages: Vec::new(),
            assumed_campaign: None,
        })
    }

    fn only_campaign(&self) -> Option<&str> {
        self.rules.only_campaign.as_deref()
    }

    fn profile(&self, person: &Person) -> Attributes {
        profile::attributes(person, &self.rules)
    }

    fn without(&self, person: &Person, forgotten: &ErasureSubject) -> Option<Person> {
        let mut left = person.clone();
        if !forgotten.cut_facts(&mut left) {
            return None;
        }
        // What changes by it was planned with the rest; planning it again would tell nothing.
        let digest = |person: &Person| profile::digest(&self.profile(person));
        let now = digest(&left);
        if let Some(identified) = &mut left.identified
            && identified.digest == digest(person)
        {
            identified.digest = now;
        }
        Some(left)
    }
}

/// True if the event is of a referral whose referrer is the friend. A source's reader finds most of
/// them; the others take what is known: who has an id, and whose code a link has.
fn is_self_referral(event: &Event, people: &Resolved) -> bool {
    let (Event::FriendSignedUp { referrer, friend }
    | Event::ReferralConverted { referrer: Some(referrer), friend, .. }) = event
    else {
        return false;
    };
    let Ok(friend) = people.slot_of(*friend) else { return false };
    match people.slot_of(*referrer) {
        Ok(referrer) => referrer.person == friend.person,
        Err(_) => {
            let of_person = &people.persons[friend.person].participants;
            profile::is_self_referred(people.participant(friend), of_person)
        }
    }
}

impl Mapper {
    /// The events that can be told, and why the others can't.
    fn resolve_events<'a>(
        &self,
        news: &'a Notification,
        people: &Resolved,
        campaign: &str,
    ) -> (Vec<ResolvedEvent<'a>>, Vec<String>) {
        let mut seated = Vec::new();
        let mut unmapped = Vec::new();
        for told in &news.events {
            let counts = match &told.event {
                Event::ReferralConverted { .. } => {
                    news.is_from_server || !self.rules.server_told_conversions.contains(campaign)
                }
                Event::ShareReported { is_from_page: by_page, .. } => {
                    !by_page || self.rules.page_told_shares.contains(campaign)
                }
                _ => true,
            };
            if !counts || is_self_referral(&told.event, people) {
                continue;
            }
            let other = tracks::other(&told.event).map(|who| people.slot_of(who));
            match (people.slot_of(tracks::subject(&told.event)), other) {
                (_, Some(Err(Unresolved::Ignored(reason))))
                | (Err(Unresolved::Ignored(reason) | Unresolved::Unmapped(reason)), _) => {
                    unmapped.push(reason.clone());
                }
                (Ok(seat), _) => {
                    let shares = aggregates::shares(told, people.participant(seat));
                    seated.extend(
                        shares.map(|it| ResolvedEvent { told: Cow::Owned(it), slot: seat }),
                    );
                    seated.push(ResolvedEvent { told: Cow::Borrowed(told), slot: seat });
                }
            }
        }
        (seated, unmapped)
    }

    /// Finds who referred each friend that signed up or converted, and lets friends know their
    /// referrer's address where only the id was told. Gives the pairs that were found.
    fn link_referrers(
        &self,
        seated: &[ResolvedEvent<'_>],
        news: &Notification,
        received_at: Time,
        known: &ReadSet,
        people: &mut Resolved,
    ) -> Result<Vec<Referral>, PlanError> {
        let mut referrals = Vec::new();
        for ResolvedEvent { told, slot: seat } in seated {
            let (friend, referrer) = match &told.event {
                Event::FriendSignedUp { friend, .. } => (people.slot_of(*friend).ok(), Some(*seat)),
                Event::ReferralConverted { referrer, .. } => {
                    let told = referrer.and_then(|who| people.slot_of(who).ok());
                    let found = match told {
                        Some(found) => Some(found),
                        None => people
                            .referrer_of(*seat, known, &self.rules)
                            .map_err(|lookup| PlanError::MissingReads(vec![lookup]))?,
                    };
                    (Some(*seat), found.filter(|found| found.person != seat.person))
                }
                _ => (None, None),
            };
            if let (Some(friend), Some(referrer)) = (friend, referrer) {
                let email = people.participant(referrer).facts.get(Facts::EMAIL);
                let email = email.map(|fact| fact.value.clone());
                let unknown = people.participant(friend).facts.get(Facts::REFERRER_EMAIL).is_none();
                if let (Some(email @ Scalar::Text(_)), true) = (email, unknown) {
                    let as_of = news.as_of.unwrap_or(received_at);
                    let facts = &mut people.participant_mut(friend).facts;
                    facts.learn(Facts::REFERRER_EMAIL, email, as_of);
                }
                referrals.push(Referral { friend, referrer });
            }
        }
        Ok(referrals)
    }

    /// Whether the event's subject becomes a person at Customer.io by it. The end of a campaign
    /// is off by default, and then it makes nobody.
    fn concerns_subject(&self, event: &Event) -> bool {
        if let Event::SharesCounted { .. } | Event::FullyCompared { .. } | Event::Visited(_) = event
        {
            return false;
        }
        !matches!(event, Event::CampaignEnded { .. })
            || self.rules.events.contains_key(super::events::CAMPAIGN_ENDED)
    }
}
