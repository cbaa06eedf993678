//! The plan itself: news and what is known, turned into new states and calls.

use std::collections::BTreeSet;

use super::forgotten;
use super::people::{Absent, People, Seat};
use super::profile;
use super::rules::Rules;
use super::tracks::{self, Stage};
use crate::domain::{
    Call, Credit, Event, Facts, Forgotten, Identified, Known, LanePlan, Lookup, News, Person, Plan,
    PlannedCall, Planner, Scalar, Time, Told, Unplanned,
};

/// What stands for the campaign where neither the news nor the settings name one.
const UNNAMED_CAMPAIGN: &str = "-";

/// Makes plans by the rules of the settings.
#[derive(Clone, Debug)]
pub struct Mapper {
    rules: Rules,
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
struct Seated<'a> {
    told: &'a Told,
    seat: Seat,
}

/// A friend and who referred them.
struct Referral {
    friend: Seat,
    referrer: Seat,
}

/// A call that is going to be planned for a person.
struct Due {
    person: usize,
    call: PlannedCall,
}

impl Planner for Mapper {
    fn plan(&self, news: &News, received_at: Time, known: &Known) -> Result<Plan, Unplanned> {
        let campaign = self.campaign(news);
        let rules = &self.rules;
        let (news, forgotten) = forgotten::leave_out(news, campaign, received_at, known, rules)
            .map_err(Unplanned::Needs)?;
        let news = news.as_ref();
        let mut people =
            People::seat(news, campaign, received_at, known, rules).map_err(Unplanned::Needs)?;
        let (seated, mut unmapped) = self.seated(news, &people, campaign);
        let pairs = self.meet_referrers(&seated, news, received_at, known, &mut people)?;

        let stage = Stage { news, campaign, people: &people, rules, received_at };
        let mut due = Vec::new();
        let mut unanswered = Vec::new();
        let mut planned = BTreeSet::new();
        let mut off = BTreeSet::new();
        for event in &seated {
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
                    let at = event.told.at.unwrap_or(received_at);
                    let call = Call::Track { name: name.clone(), event_id, at, data: track.data };
                    let effect = Some(track.effect);
                    due.push(Due { person: event.seat.person, call: PlannedCall { call, effect } });
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
        self.count(&seated, &pairs, received_at, &mut people);
        let subjects: BTreeSet<usize> = seated
            .iter()
            .filter(|event| self.concerns_subject(&event.told.event))
            .map(|event| event.seat.person)
            .collect();
        let mut lanes = self.lanes(people, &subjects, due);
        // Somebody of whom nothing new was told needs no writing.
        let mut named = Vec::new();
        lanes.retain(|lane| {
            let changes = !lane.calls.is_empty() || !known.people().contains(&lane.person);
            named.extend(lane.person.id.filter(|_| !changes));
            changes
        });
        Ok(Plan { lanes, unmapped, off, named, forgotten })
    }

    fn without(&self, person: &Person, forgotten: &Forgotten) -> Option<Person> {
        let mut left = person.clone();
        if !forgotten.cut_facts(&mut left) {
            return None;
        }
        // What changes by it was planned with the rest; planning it again would tell nothing.
        let digest = |person: &Person| profile::digest(&profile::attributes(person, &self.rules));
        let now = digest(&left);
        if let Some(identified) = &mut left.identified
            && identified.digest == digest(person)
        {
            identified.digest = now;
        }
        Some(left)
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
            if matches!(told.event, Event::ReferralConverted { .. })
                && self.rules.server_told_conversions.contains(campaign)
            {
                continue;
            }
            let other = tracks::other(&told.event).map(|who| people.seat_of(who));
            match (people.seat_of(tracks::subject(&told.event)), other) {
                (_, Some(Err(Absent::Ignored(reason))))
                | (Err(Absent::Ignored(reason) | Absent::Unmapped(reason)), _) => {
                    unmapped.push(reason.clone());
                }
                (Ok(seat), _) => seated.push(Seated { told, seat }),
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
                    (Some(*seat), found)
                }
                _ => (None, None),
            };
            if let (Some(friend), Some(referrer)) = (friend, referrer) {
                let email = people.participant(referrer).facts.get(Facts::EMAIL);
                let email = email.map(|fact| fact.value.clone());
                let unknown = people.participant(friend).facts.get(Facts::REFERRER_EMAIL).is_none();
                if let (Some(email @ Scalar::Text(_)), true) = (email, unknown) {
                    let as_of = news.as_of.unwrap_or(received_at);
                    let facts = &mut people.participant_mut(friend, received_at).facts;
                    facts.learn(Facts::REFERRER_EMAIL, email, as_of);
                }
                referrals.push(Referral { friend, referrer });
            }
        }
        Ok(referrals)
    }

    /// Keeps what no single fact tells: minima, maxima and counts, the same in any order.
    fn count(
        &self,
        seated: &[Seated<'_>],
        referrals: &[Referral],
        received_at: Time,
        people: &mut People,
    ) {
        for Seated { told, seat } in seated {
            let at = told.at.unwrap_or(received_at);
            match &told.event {
                Event::FriendSignedUp { friend, .. } => {
                    if let Ok(friend) = people.seat_of(*friend) {
                        if people.participant(friend).signed_up.is_some() {
                            continue;
                        }
                        people.participant_mut(friend, received_at).signed_up = Some(at);
                    }
                    let known = people.participant(*seat);
                    let first = known.first_referral.map_or(at, |first| first.min(at));
                    let last = known.last_referral.map_or(at, |last| last.max(at));
                    if (known.first_referral, known.last_referral) != (Some(first), Some(last)) {
                        let participant = people.participant_mut(*seat, received_at);
                        participant.first_referral = Some(first);
                        participant.last_referral = Some(last);
                    }
                }
                Event::FraudStatusChanged { .. } if !people.participant(*seat).fraud_told => {
                    people.participant_mut(*seat, received_at).fraud_told = true;
                }
                Event::ReferralConverted { .. }
                    if people.participant(*seat).credit == Credit::None =>
                {
                    people.participant_mut(*seat, received_at).credit = Credit::Owed;
                }
                _ => {}
            }
        }
        for Referral { friend, referrer } in referrals {
            if people.participant(*friend).credit == Credit::Owed {
                people.participant_mut(*friend, received_at).credit = Credit::Given;
                people.participant_mut(*referrer, received_at).conversions += 1;
            }
        }
    }

    /// Whether the event's subject becomes a person at Customer.io by it. The end of a campaign
    /// is off by default, and then it makes nobody.
    fn concerns_subject(&self, event: &Event) -> bool {
        !matches!(event, Event::CampaignEnded { .. })
            || self.rules.events.contains_key(super::events::CAMPAIGN_ENDED)
    }

    /// Puts an identify before each track, and alone where the profile differs from the one last
    /// planned for somebody whom Customer.io knows or gets to know.
    fn lanes(&self, people: People, subjects: &BTreeSet<usize>, due: Vec<Due>) -> Vec<LanePlan> {
        let mut tracks: Vec<Vec<PlannedCall>> = people.persons.iter().map(|_| Vec::new()).collect();
        for Due { person, call } in due {
            tracks[person].push(call);
        }
        let lane = |(index, (mut person, tracks)): (usize, (Person, Vec<PlannedCall>))| {
            let attributes = profile::attributes(&person, &self.rules);
            let digest = profile::digest(&attributes);
            let last = person.identified.as_ref();
            let differs = last.is_none_or(|identified| identified.digest != digest);
            let at = last.map_or(person.newest, |identified| identified.at.max(person.newest));
            let identify = || PlannedCall {
                call: Call::Identify { attributes: attributes.clone(), at },
                effect: None,
            };
            let calls: Vec<PlannedCall> = if !tracks.is_empty() {
                tracks.into_iter().flat_map(|track| [identify(), track]).collect()
            } else if differs && (person.identified.is_some() || subjects.contains(&index)) {
                vec![identify()]
            } else {
                Vec::new()
            };
            if !calls.is_empty() {
                person.identified = Some(Identified { digest, at });
            }
            LanePlan { person, calls }
        };
        people.persons.into_iter().zip(tracks).enumerate().map(lane).collect()
    }
}
