//! One person: participants, lanes, and a page of the timeline.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::Inspector;
use super::event::EventView;
use super::webhook::WebhookView;
use crate::domain::{
    Completeness, EffectKey, Facts, LaneKey, Participant, ParticipantKey, Person, PersonId,
    ReadKey, Time, WebhookId,
};
use crate::mapping::{Rules, Tier, joined};
use crate::store::{LaneStatus, StoreError};

/// Webhooks on one page of a timeline.
pub(super) const PAGE: usize = 25;

#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct PersonView {
    /// The store's number.
    pub number: Option<i64>,
    /// The identifier at Customer.io.
    pub identifier: String,
    /// The identifiers before.
    pub former: Vec<String>,
    pub participants: Vec<ParticipantView>,
    /// The lanes with calls for the person, that to Customer.io first.
    pub lanes: Vec<LaneView>,
    /// The webhooks that name the person, the newest first.
    pub timeline: Vec<WebhookView>,
    /// The last of them, if there are more before it.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub before: Option<WebhookId>,
}

/// A participant of a campaign.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct ParticipantView {
    pub campaign: String,
    /// GrowSurf's id.
    pub participant: Option<String>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub joined_at: Option<Time>,
    pub tier: Option<String>,
    /// GrowSurf's count of referrals.
    pub total_referrals: Option<i64>,
    /// The relay's count of friends.
    pub friends: i64,
    /// The relay's count of friends who converted.
    pub conversions: i64,
    /// The relay's count of rewards.
    pub rewards: i64,
    /// The highest count of shares.
    pub shares: Option<i64>,
    /// True if the relay's counts are complete, so that they are sent.
    pub has_complete_counts: bool,
    /// The time of the first friend's sign-up.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub first_referral_at: Option<Time>,
    /// The time of the last friend's sign-up.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub last_referral_at: Option<Time>,
    /// The sign-up's event, if the relay planned one.
    pub sign_up: Option<EventView>,
}

#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct LaneView {
    pub destination: &'static str,
    /// `idle`, `waiting`, `due` or `leased`.
    pub state: &'static str,
    /// Rows of pending calls, counted up to a thousand.
    pub pending: i64,
    /// The time when the lane is due.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub due_at: Option<Time>,
    /// The time when its first pending call was planned.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub oldest: Option<Time>,
}

impl PersonView {
    /// Returns whether the person's last sign-up arrived, as a sentence.
    pub fn headline(&self) -> String {
        let who = &self.identifier;
        let newest = self.participants.iter().max_by_key(|it| it.joined_at);
        let Some(newest) = newest else {
            return format!("{who} isn't a participant of any campaign.");
        };
        match &newest.sign_up {
            Some(event) => {
                let (campaign, outcome) = (&newest.campaign, event.outcome());
                format!("The sign-up of {who} in {campaign} {outcome} (event {}).", event.event_id)
            }
            None => format!(
                "{who} is known in {}, but the relay planned no event for the sign-up: no webhook \
                 reported it, or a backfill left it out.",
                newest.campaign
            ),
        }
    }
}

impl Inspector {
    /// Returns the person of a number with the page of the timeline before a webhook; `None` if there is none.
    ///
    /// # Errors
    /// The store's.
    pub async fn person_of_number(
        &self,
        number: PersonId,
        before: Option<WebhookId>,
    ) -> Result<Option<PersonView>, StoreError> {
        match self.store.person_of_number(number).await? {
            Some(person) => Ok(Some(self.person(&person, before).await?)),
            None => Ok(None),
        }
    }

    /// Returns a person with the page of the timeline before a webhook.
    pub(super) async fn person(
        &self,
        person: &Person,
        before: Option<WebhookId>,
    ) -> Result<PersonView, StoreError> {
        let addressees = addressees(person);
        let addressees = self.store.people(addressees).await?;
        let own = person.id.into_iter();
        let ids: Vec<PersonId> =
            own.chain(addressees.iter().filter_map(|(_, person)| person.id)).collect();
        let lanes = self.store.lanes(ids.clone(), self.now).await?;
        let mut timeline = self.store.mentions(ids, before, PAGE + 1, self.now).await?;
        let has_more = timeline.len() > PAGE;
        timeline.truncate(PAGE);
        let before = timeline.last().filter(|_| has_more).map(|last| last.entry.id);
        let mut participants = Vec::new();
        for participant in &person.participants {
            participants.push(self.participant(participant).await?);
        }
        let lane = |lane: LaneStatus| {
            let is_own = person.id.is_some_and(|id| id.0 == lane.lane.0);
            let is_back = !is_own || matches!(person.key, LaneKey::Participant(_));
            self.lane(lane, if is_back { "growsurf" } else { "customerio" })
        };
        Ok(PersonView {
            number: person.id.map(|id| id.0),
            identifier: self.show.key(&person.key),
            former: person.former.iter().map(|it| self.show.key(&it.clone().into())).collect(),
            participants,
            lanes: lanes.into_iter().map(lane).collect(),
            timeline: timeline.into_iter().map(|it| WebhookView::of(it, self.show)).collect(),
            before,
        })
    }

    async fn participant(&self, participant: &Participant) -> Result<ParticipantView, StoreError> {
        let key: EffectKey = joined(&participant.campaign, &participant.key);
        let sign_up = self.event(key.event_id(), Some(&key)).await?;
        let count = |name| participant.facts.get(name).and_then(|fact| fact.value.as_integer());
        let total_referrals = count(Facts::REFERRAL_COUNT);
        let id = participant.growsurf_id.clone().map(|participant_id| {
            let campaign = participant.campaign.clone();
            self.show.participant(&ParticipantKey { campaign, participant: participant_id })
        });
        Ok(ParticipantView {
            campaign: participant.campaign.clone(),
            participant: id,
            joined_at: participant.joined,
            tier: total_referrals.and_then(|count| tier(&self.rules, count)),
            total_referrals,
            friends: participant.friends,
            conversions: participant.conversions,
            rewards: participant.rewards,
            shares: participant.shares,
            has_complete_counts: Completeness::is_complete(&participant.completeness),
            first_referral_at: participant.first_referral,
            last_referral_at: participant.last_referral,
            sign_up,
        })
    }

    fn lane(&self, lane: LaneStatus, destination: &'static str) -> LaneView {
        let LaneStatus { due_at, is_leased, pending, oldest, lane: _ } = lane;
        let state = match due_at {
            None => "idle",
            Some(_) if is_leased => "leased",
            Some(at) if at > self.now => "waiting",
            Some(_) => "due",
        };
        LaneView { destination, state, pending, due_at, oldest }
    }
}

/// Returns the keys of the addressees at GrowSurf that a person is.
fn addressees(person: &Person) -> Vec<ReadKey> {
    let keys = person.keys().map(LaneKey::Participant);
    keys.map(ReadKey::Lane).collect()
}

fn tier(rules: &Rules, referrals: i64) -> Option<String> {
    let tier = rules.tiers.iter().find(|tier| tier.at_least <= referrals);
    tier.map(|Tier { name, .. }| name.clone())
}
