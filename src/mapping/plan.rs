//! The plan itself: news and what is known, turned into new states and calls.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::affiliates;
use super::anonymous;
use super::budget;
use super::counting;
use super::feedback;
use super::forgotten;
use super::people::{Absent, People, Seat};
use super::profile;
use super::rules::Rules;
use super::tracks::{self, Stage};
use crate::domain::{
    Attributes, Call, Event, Facts, Forgotten, Known, Lookup, News, Person, Plan, PlannedCall,
    Planner, Scalar, Time, Told, Unplanned,
};

/// What stands for the campaign where neither the news nor the settings name one.
const UNNAMED_CAMPAIGN: &str = "-";

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

    fn campaign<'a>(&'a self, news: &'a News) -> &'a str {
        let named = news.campaign.id.as_deref().or(self.rules.only_campaign.as_deref());
        named.unwrap_or(UNNAMED_CAMPAIGN)
    }
}

/// An event whose subject has a seat.
pub(super) struct Seated<'a> {
    pub(super) told: Cow<'a, Told>,
    pub(super) seat: Seat,
}

/// A friend and who referred them.
pub(super) struct Referral {
    pub(super) friend: Seat,
    pub(super) referrer: Seat,
}

/// A call that is going to be planned for a person.
pub(super) struct Due {
    pub(super) person: usize,
    pub(super) call: PlannedCall,
}

impl Planner for Mapper {
    fn plan(&self, news: &News, received_at: Time, known: &Known) -> Result<Plan, Unplanned> {
        if let Some(feedback) = &news.feedback {
            return feedback::plan(feedback, received_at, known, self, &self.rules);
        }
        let campaign = self.campaign(news);
        if news.by_server && campaign == UNNAMED_CAMPAIGN {
            let reason = "campaign is missing, and the settings name none, or several";
            return Err(Unplanned::Unmappable(reason.to_owned()));
        }
        let rules = &self.rules;
        let (news, forgotten) = forgotten::leave_out(news, campaign, received_at, known, rules)
            .map_err(Unplanned::Needs)?;
        let news = news.as_ref();
        let mut people =
            People::seat(news, campaign, received_at, known, rules).map_err(Unplanned::Needs)?;
        if let Some(stranger) = stranger(news, &people) {
            return Err(Unplanned::Unmappable(stranger));
        }
        let (seated, mut unmapped) = self.seated(news, &people, campaign);
        for reason in news.people.iter().flat_map(|snapshot| &snapshot.unmapped) {
            if !unmapped.contains(reason) {
                unmapped.push(reason.clone());
            }
        }
        people.claim(known, rules).map_err(Unplanned::Needs)?;
        let visitors = people.meet(&seated, known).map_err(Unplanned::Needs)?;
        let pairs = self.meet_referrers(&seated, news, received_at, known, &mut people)?;

        let stage = Stage { news, campaign, people: &people, rules, received_at };
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
            let participant = people.participant(event.seat);
            if budget::is_spent(&event.told.event, participant, received_at, rules.posts_per_day) {
                is_over_budget = true;
                continue;
            }
            let counts_as = counting::once(&event.told.event, event.seat, &stage);
            if let Some(id) = counts_as {
                match known.is_recorded(id) {
                    None => unanswered.push(Lookup::Effect(id)),
                    Some(false) if planned.insert(id) => counted.push((event, id)),
                    Some(_) => {}
                }
            }
            let track = match tracks::track(&event.told.event, event.seat, &stage) {
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
                    let Some(at) = at.filter(|at| news.tell.covers(*at)) else {
                        left_out.push(track.effect.kind().to_owned());
                        continue;
                    };
                    let call = Call::Track { name: name.clone(), event_id, at, data: track.data };
                    let effect = Some(track.effect);
                    let mut person = event.seat.person;
                    if let Event::Visited(visit) = &event.told.event {
                        let visitor = visitors[&visit.visitor];
                        person = visitor.place;
                        joins.extend(visitor.claimer.map(|it| (it, visit.visitor.clone())));
                    }
                    due.push(Due { person, call: PlannedCall { call, effect } });
                }
            }
        }
        if !unanswered.is_empty() {
            return Err(Unplanned::Needs(unanswered));
        }
        if let [reason, ..] = unmapped.as_slice()
            && seated.is_empty()
        {
            return Err(Unplanned::Unmappable(reason.clone()));
        }
        counting::count(&seated, &pairs, news, received_at, &mut people);
        for (event, id) in &counted {
            let before = people.before(event.seat, known);
            counting::raise(event, sent_as.get(id), before, received_at, &mut people);
        }
        counting::number(&mut due, news.tell.is_history(), &mut people);
        if !due.is_empty() || !counted.is_empty() {
            for event in &seated {
                let participant = people.participant_mut(event.seat);
                budget::spend(&event.told.event, participant, received_at);
            }
        }
        people.settle_counts();
        let is_counted_anew = !counted.is_empty();
        counted.retain(|(event, _)| counting::is_in_ledger(&event.told.event, &people));
        people.joins.extend(joins);
        let subjects: BTreeSet<usize> = seated
            .iter()
            .filter(|event| self.concerns_subject(&event.told.event))
            .map(|event| event.seat.person)
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
            off,
            named,
            counted,
            left_out,
            notices,
            is_news,
            is_over_budget,
            forgotten,
            messages: Vec::new(),
        })
    }

    fn profile(&self, person: &Person) -> Attributes {
        profile::attributes(person, &self.rules)
    }

    fn without(&self, person: &Person, forgotten: &Forgotten) -> Option<Person> {
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

/// Returns the parking reason if an event needs a known participant and none was found.
fn stranger(news: &News, people: &People) -> Option<String> {
    let asks_for_known = |told: &Told| {
        matches!(told.event, Event::Purchased { .. } | Event::ShareTold { .. } | Event::Visited(_))
    };
    let is_known = || people.persons.iter().any(|person| person.id.is_some());
    (news.told.iter().any(asks_for_known) && !is_known())
        .then(|| "the relay knows no participant under this address or id".to_owned())
}

/// True if the event is of a referral whose referrer is the friend. A source's reader finds most of
/// them; the others take what is known: who has an id, and whose code a link has.
fn is_self_referral(event: &Event, people: &People) -> bool {
    let (Event::FriendSignedUp { referrer, friend }
    | Event::ReferralConverted { referrer: Some(referrer), friend, .. }) = event
    else {
        return false;
    };
    let Ok(friend) = people.seat_of(*friend) else { return false };
    match people.seat_of(*referrer) {
        Ok(referrer) => referrer.person == friend.person,
        Err(_) => {
            let of_person = &people.persons[friend.person].participants;
            profile::is_self_referred(people.participant(friend), of_person)
        }
    }
}

impl Mapper {
    /// The events that can be told, and why the others can't.
    fn seated<'a>(
        &self,
        news: &'a News,
        people: &People,
        campaign: &str,
    ) -> (Vec<Seated<'a>>, Vec<String>) {
        let mut seated = Vec::new();
        let mut unmapped = Vec::new();
        for told in &news.told {
            let counts = match &told.event {
                Event::ReferralConverted { .. } => {
                    news.by_server || !self.rules.server_told_conversions.contains(campaign)
                }
                Event::ShareTold { by_page, .. } => {
                    !by_page || self.rules.page_told_shares.contains(campaign)
                }
                _ => true,
            };
            if !counts || is_self_referral(&told.event, people) {
                continue;
            }
            let other = tracks::other(&told.event).map(|who| people.seat_of(who));
            match (people.seat_of(tracks::subject(&told.event)), other) {
                (_, Some(Err(Absent::Ignored(reason))))
                | (Err(Absent::Ignored(reason) | Absent::Unmapped(reason)), _) => {
                    unmapped.push(reason.clone());
                }
                (Ok(seat), _) => {
                    let shares = counting::shares(told, people.participant(seat));
                    seated.extend(shares.map(|it| Seated { told: Cow::Owned(it), seat }));
                    seated.push(Seated { told: Cow::Borrowed(told), seat });
                }
            }
        }
        (seated, unmapped)
    }

    /// Finds who referred each friend that signed up or converted, and lets friends know their
    /// referrer's address where only the id was told. Gives the pairs that were found.
    fn meet_referrers(
        &self,
        seated: &[Seated<'_>],
        news: &News,
        received_at: Time,
        known: &Known,
        people: &mut People,
    ) -> Result<Vec<Referral>, Unplanned> {
        let mut referrals = Vec::new();
        for Seated { told, seat } in seated {
            let (friend, referrer) = match &told.event {
                Event::FriendSignedUp { friend, .. } => (people.seat_of(*friend).ok(), Some(*seat)),
                Event::ReferralConverted { referrer, .. } => {
                    let told = referrer.and_then(|who| people.seat_of(who).ok());
                    let found = match told {
                        Some(found) => Some(found),
                        None => people
                            .referrer_of(*seat, known, &self.rules)
                            .map_err(|lookup| Unplanned::Needs(vec![lookup]))?,
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
        if let Event::SharesCounted { .. } | Event::AllCounted { .. } | Event::Visited(_) = event {
            return false;
        }
        !matches!(event, Event::CampaignEnded { .. })
            || self.rules.events.contains_key(super::events::CAMPAIGN_ENDED)
    }
}
