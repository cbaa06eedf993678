//! GrowSurf's real webhooks: `{event, createdAt, data}`.
//!
//! What belongs here: the envelope, and the events that both kinds of program send or only
//! referral programs do. What doesn't: a participant's own fields; the events of affiliate
//! programs, which are in `affiliate`. All field names are those of
//! <https://docs.growsurf.com/developer-tools/webhooks/events-reference>.

use crate::domain::{
    Campaign, Event, Facts, Notification, ParticipantIndex, Scalar, Side, Snapshot, Time,
    is_referral,
};

use super::campaign::ENDED;
use super::draft::Draft;
use super::lenient::Object;
use super::moment::moment;
use super::participant::{SelfReferral, note_referrer, refer, snapshot};
use super::reward::{Earned, is_approved};
use super::{affiliate, missing, unknown};

/// GrowSurf sends a campaign's first 1,000 winners; ten times that is no campaign's end.
const WINNERS: usize = 10_000;

/// Returns the name of the campaign, if `data` has it.
pub fn campaign_name(event: Option<&str>, data: Object<'_>) -> Option<String> {
    let object = if event == Some(ENDED) { Some(data) } else { data.object("campaign") };
    object.and_then(|campaign| campaign.text("name")).map(str::to_owned)
}

/// Reads the news, or says why there are none, naming the field.
pub fn read(
    event: &str,
    campaign: Campaign,
    body: Object<'_>,
    data: Object<'_>,
    received_at: Time,
) -> Result<Notification, String> {
    let tell: fn(&mut Draft, Object<'_>, Time) -> Result<(), String> = match event {
        "NEW_PARTICIPANT_ADDED" => participant_added,
        "PARTICIPANT_REACHED_A_GOAL" => goal_reached,
        "PARTICIPANT_FRAUD_STATUS_UPDATED" => fraud_status_updated,
        "NEW_COMMISSION_ADDED" => affiliate::commission_added,
        "COMMISSION_ADJUSTED" => affiliate::commission_adjusted,
        "NEW_PAYOUT_ISSUED" => affiliate::payout_issued,
        ENDED => campaign_ended,
        _ => return Err(unknown(event)),
    };
    let created_at = moment(body, "createdAt", "createdAt", received_at)?;
    if campaign.id.is_none() {
        let field = if event == ENDED { "data.id" } else { "data.campaign.id" };
        return Err(missing(field));
    }
    let mut draft = Draft::new(campaign, Some(created_at));
    tell(&mut draft, data, created_at)?;
    draft.finish()
}

/// Takes in `data.participant`, whom most events are about, and the referrer told of with it.
pub fn participant<'a>(
    draft: &mut Draft,
    data: Object<'a>,
) -> Result<(Object<'a>, ParticipantIndex), String> {
    let object = data.person("participant").ok_or_else(|| missing("data.participant"))?;
    let nested = object.person("referrer").map(|object| (object, "data.participant.referrer"));
    let told = nested.or_else(|| Some((data.person("referrer")?, "data.referrer")));
    let mut person = snapshot(object, "data.participant");
    // A bare `referredBy` is a fact of the participant already, and names nobody to read further.
    let referrer = told.and_then(|(told, field)| {
        let told = Some(snapshot(told, field));
        refer(&mut person, told, object, "data.participant.referredBy").unwrap_or_default()
    });
    let who = draft.person(person);
    if let Some(referrer) = referrer {
        draft.person(referrer);
    }
    Ok((object, who))
}

fn participant_added(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let mut friend = snapshot(data, "data");
    let told = data.person("referrer").map(|object| snapshot(object, "data.referrer"));
    let referrer = refer(&mut friend, told, data, "data.referredBy");
    let kind = data.object("campaign").and_then(|campaign| campaign.text("type"));
    joined(draft, friend, referrer, &Joining { object: data, campaign_type: kind });
    Ok(())
}

/// What a source says about a participant who was added.
pub struct Joining<'a> {
    /// The participant.
    pub object: Object<'a>,
    /// The campaign's type, where the source names it.
    pub campaign_type: Option<&'a str>,
}

impl Joining<'_> {
    /// True if the participant is an affiliate, false for a customer; `None` in other programs, and
    /// where nothing says it.
    ///
    /// GrowSurf's webhooks leave `isAffiliate` out, and give no link to a customer. A link missing by
    /// itself says little: only who was referred is taken for a customer then.
    fn is_affiliate(&self, is_referred: bool) -> Option<bool> {
        let object = self.object;
        let told = object.flag("isAffiliate");
        let is_of_affiliates = match self.campaign_type {
            Some(kind) => kind.eq_ignore_ascii_case("AFFILIATE"),
            // The field is one of affiliate programs only.
            None => told.is_some(),
        };
        let has_one = |name| object.text(name).is_some();
        let suggested = || match has_one("affiliateStatus") || has_one("shareUrl") {
            true => Some(true),
            false => is_referred.then_some(false),
        };
        told.or_else(suggested).filter(|_| is_of_affiliates)
    }
}

/// Adds the events of a participant who was added: as a friend, if somebody else referred them; and
/// as a customer only, if they are one of an affiliate program. Returns the participant.
pub fn joined(
    draft: &mut Draft,
    mut friend: Snapshot,
    referrer: Result<Option<Snapshot>, SelfReferral>,
    joining: &Joining<'_>,
) -> ParticipantIndex {
    let referral_source = joining.object.text("referralSource");
    // The referrer may have been deleted since.
    let is_referred = !matches!(referrer, Ok(None)) || referral_source.is_some_and(is_referral);
    let is_affiliate = joining.is_affiliate(is_referred);
    if let Some(is_affiliate) = is_affiliate {
        friend.facts.insert(Facts::IS_AFFILIATE.to_owned(), Scalar::Boolean(is_affiliate));
    }
    let who = draft.person(friend);
    draft.tell(if is_affiliate == Some(false) {
        Event::CustomerAdded { customer: who }
    } else {
        // The link that led a self-referral here is no other participant's.
        let source = referral_source.filter(|_| referrer.is_ok());
        Event::ParticipantJoined { participant: who, referral_source: source.map(str::to_owned) }
    });
    if let Ok(Some(referrer)) = referrer {
        let referrer = draft.person(referrer);
        draft.tell(Event::FriendSignedUp { referrer, friend: who });
    }
    who
}

fn goal_reached(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let (object, earner) = participant(draft, data)?;
    let reward = data.object("reward");
    let id = reward.and_then(|reward| reward.id("id"));
    let (Some(reward), Some(id)) = (reward, id) else {
        return Err(missing("data.reward.id"));
    };
    let referee = object.person("referee");
    if let Some(referee) = referee {
        let mut referee = snapshot(referee, "data.participant.referee");
        if note_referrer(&mut referee, draft.told_of(earner)).is_ok() {
            draft.person(referee);
        }
    }
    let id_of_earner = object.id("id");
    let mut earned = Earned::of(reward, data.object("campaign"), id_of_earner.as_deref());
    let has_referrer = object.person("referrer").or_else(|| data.person("referrer")).is_some();
    earned.suggested = match (referee, has_referrer) {
        (Some(_), _) => Some(Side::Referrer),
        (None, true) => Some(Side::Friend),
        (None, false) => None,
    };
    let reward = earned.read(id, earned.side_in_webhook(), is_approved(reward));
    draft.tell(Event::RewardEarned { earner, reward });
    Ok(())
}

fn fraud_status_updated(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let (_, who) = participant(draft, data)?;
    draft.tell(Event::FraudStatusChanged { participant: who });
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
