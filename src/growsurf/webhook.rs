//! GrowSurf's real webhooks: `{event, createdAt, data}`.
//!
//! What belongs here: the envelope, and the events that both kinds of program send or only
//! referral programs do. What doesn't: a participant's own fields; the events of affiliate
//! programs, which are in `affiliate`. All field names are those of
//! <https://docs.growsurf.com/developer-tools/webhooks/events-reference>.

use crate::domain::{Campaign, Event, News, Reward, Snapshot, Time, Who};

use super::draft::Draft;
use super::lenient::Object;
use super::moment::moment;
use super::participant::{note_referrer, referrer, snapshot};
use super::{affiliate, missing, unknown};

/// The event whose `data` is the campaign itself.
const CAMPAIGN_ENDED: &str = "CAMPAIGN_ENDED";

/// GrowSurf sends a campaign's first 1,000 winners; ten times that is no campaign's end.
const WINNERS: usize = 10_000;

/// The campaign that `data` names.
pub fn campaign(event: Option<&str>, data: Object<'_>) -> Campaign {
    let object = if event == Some(CAMPAIGN_ENDED) { Some(data) } else { data.object("campaign") };
    Campaign {
        id: object.and_then(|campaign| campaign.id("id")),
        name: object.and_then(|campaign| campaign.text("name")).map(str::to_owned),
    }
}

/// Reads the news, or says why there are none, naming the field.
pub fn read(
    event: &str,
    campaign: Campaign,
    body: Object<'_>,
    data: Object<'_>,
    received_at: Time,
) -> Result<News, String> {
    let tell: fn(&mut Draft, Object<'_>, Time) -> Result<(), String> = match event {
        "NEW_PARTICIPANT_ADDED" => participant_added,
        "PARTICIPANT_REACHED_A_GOAL" => goal_reached,
        "PARTICIPANT_FRAUD_STATUS_UPDATED" => fraud_status_updated,
        "NEW_COMMISSION_ADDED" => affiliate::commission_added,
        "COMMISSION_ADJUSTED" => affiliate::commission_adjusted,
        "NEW_PAYOUT_ISSUED" => affiliate::payout_issued,
        CAMPAIGN_ENDED => campaign_ended,
        _ => return Err(unknown(event)),
    };
    let created_at = moment(body, "createdAt", "createdAt", received_at)?;
    if campaign.id.is_none() {
        let field = if event == CAMPAIGN_ENDED { "data.id" } else { "data.campaign.id" };
        return Err(missing(field));
    }
    let mut draft = Draft::new(campaign, Some(created_at));
    tell(&mut draft, data, created_at)?;
    Ok(draft.finish())
}

/// Takes in `data.participant`, whom most events are about, and the referrer told of with it.
pub fn participant<'a>(draft: &mut Draft, data: Object<'a>) -> Result<(Object<'a>, Who), String> {
    let object = data.person("participant").ok_or_else(|| missing("data.participant"))?;
    let nested = object.person("referrer").map(|object| (object, "data.participant.referrer"));
    let told = nested.or_else(|| Some((data.person("referrer")?, "data.referrer")));
    // A bare `referredBy` is a fact of the participant already, and nobody further to take in.
    let referrer = told.and_then(|(told, field)| {
        referrer(Some(snapshot(told, field)), object, "data.participant.referredBy")
    });
    let mut person = snapshot(object, "data.participant");
    if let Some(referrer) = &referrer {
        note_referrer(&mut person, referrer);
    }
    let who = draft.person(person);
    if let Some(referrer) = referrer {
        draft.person(referrer);
    }
    Ok((object, who))
}

fn participant_added(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let mut friend = snapshot(data, "data");
    let told = data.person("referrer").map(|object| snapshot(object, "data.referrer"));
    let referrer = referrer(told, data, "data.referredBy");
    if let Some(referrer) = &referrer {
        note_referrer(&mut friend, referrer);
    }
    let referral_source = data.text("referralSource").map(str::to_owned);
    joined(draft, friend, referrer, referral_source);
    Ok(())
}

/// Tells that `friend` joined, and that they did so as a friend if somebody referred them.
pub fn joined(
    draft: &mut Draft,
    friend: Snapshot,
    referrer: Option<Snapshot>,
    referral_source: Option<String>,
) {
    let friend = draft.person(friend);
    draft.tell(Event::ParticipantJoined { who: friend, referral_source });
    if let Some(referrer) = referrer {
        let referrer = draft.person(referrer);
        draft.tell(Event::FriendSignedUp { referrer, friend });
    }
}

fn goal_reached(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let (object, earner) = participant(draft, data)?;
    let reward = data.object("reward");
    let id = reward.and_then(|reward| reward.id("id"));
    let (Some(reward), Some(id)) = (reward, id) else {
        return Err(missing("data.reward.id"));
    };
    if let Some(referee) = object.person("referee") {
        let mut referee = snapshot(referee, "data.participant.referee");
        note_referrer(&mut referee, draft.told_of(earner));
        draft.person(referee);
    }
    let text = |name| reward.text(name).map(str::to_owned);
    let reward = Reward {
        id,
        kind: text("type"),
        title: text("title"),
        coupon_code: text("couponCode"),
        // Under manual approval the reward is told of twice, and GrowSurf's pages disagree about
        // which of the two fields the second telling changes.
        approved: reward.is_true("approved")
            || reward.whole("approvedAt").is_some_and(|approved_at| approved_at > 0),
        metadata: reward.scalars("metadata"),
    };
    draft.tell(Event::RewardEarned { earner, reward });
    Ok(())
}

fn fraud_status_updated(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let (_, who) = participant(draft, data)?;
    draft.tell(Event::FraudStatusChanged { who });
    Ok(())
}

fn campaign_ended(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let winners = data.items("winners").ok_or_else(|| missing("data.winners"))?;
    if winners.len() > WINNERS {
        return Err(format!("data.winners holds more than {WINNERS} people"));
    }
    let ended_at = data.time("endedAt");
    for winner in winners.iter().filter_map(Object::of) {
        let winner = draft.person(snapshot(winner, "data.winners"));
        draft.tell(Event::CampaignEnded { winner, ended_at });
    }
    Ok(())
}
