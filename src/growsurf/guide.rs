//! The shape of GrowSurf's published Customer.io guide: `{event, participant, referrer}`.
//!
//! GrowSurf itself doesn't send it; custom set-ups built from the guide do. It has no time, so
//! its news have none, and its participants mostly have no id. What belongs here: this shape's
//! events and the places its fields are found in. What doesn't: a participant's own fields.

use crate::domain::{Campaign, Event, Facts, Notification, Scalar, Side, Snapshot};

use super::draft::Draft;
use super::lenient::Object;
use super::participant::{SelfReferral, refer, snapshot};
use super::reward::{Earned, guided_amount, is_approved};
use super::webhook::{Joining, joined};
use super::{missing, unknown};

/// Returns the campaign's name at the participant or at the top.
pub fn campaign_name(body: Object<'_>, participant: Object<'_>) -> Option<String> {
    let name = participant.text("campaignName").or_else(|| body.text("campaignName"));
    let nested = campaigns(body, participant);
    name.or_else(|| nested.into_iter().flatten().find_map(|campaign| campaign.text("name")))
        .map(str::to_owned)
}

fn campaigns<'a>(body: Object<'a>, participant: Object<'a>) -> [Option<Object<'a>>; 2] {
    [body, participant].map(|object| object.object("campaign"))
}

/// Reads the news, or says why there are none, naming the field.
pub fn read(
    event: &str,
    campaign: Campaign,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<Notification, String> {
    let tell: fn(&mut Draft, Object<'_>, Object<'_>) -> Result<(), String> = match event {
        "PARTICIPANT_CREATED" => participant_created,
        "PARTICIPANT_REFERRED" => participant_referred,
        "CAMPAIGN_REFERRAL_CONVERTED" => referral_converted,
        "PARTICIPANT_REACHED_REWARD" => reward_reached,
        _ => return Err(unknown(event)),
    };
    let mut draft = Draft::new(campaign, None);
    tell(&mut draft, body, participant)?;
    draft.finish()
}

fn participant_created(
    draft: &mut Draft,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<(), String> {
    let (friend, referrer) = people(body, participant);
    let campaign = campaigns(body, participant).into_iter().flatten();
    let campaign_type = campaign.filter_map(|campaign| campaign.text("type")).next();
    joined(draft, friend, referrer, &Joining { object: participant, campaign_type });
    Ok(())
}

fn participant_referred(
    draft: &mut Draft,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<(), String> {
    let (friend, referrer) = people(body, participant);
    let referrer = referrer.map_err(self_referral)?.ok_or_else(|| missing("referrer"))?;
    let friend = draft.person(friend);
    let referrer = draft.person(referrer);
    draft.tell(Event::FriendSignedUp { referrer, friend });
    Ok(())
}

fn referral_converted(
    draft: &mut Draft,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<(), String> {
    let (friend, referrer) = people(body, participant);
    let friend = draft.person(friend);
    let referrer = referrer.map_err(self_referral)?.map(|referrer| draft.person(referrer));

    // The guide doesn't say where the conversion's particulars stand, so they are looked for.
    let places = [Some(body), Some(participant), body.object("conversion")];
    let places = || places.into_iter().flatten();
    let value =
        guided_amount(places(), &["conversionValue", "conversion_value", "value", "amount"]);
    let product = places().find_map(|place| place.id("product"));
    draft.tell(Event::ReferralConverted { friend, referrer, value, product });
    Ok(())
}

/// `PARTICIPANT_REACHED_REWARD`, of which the guide shows no whole body.
fn reward_reached(
    draft: &mut Draft,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<(), String> {
    let nested = body.object("reward").or_else(|| participant.object("reward"));
    let reward = nested.ok_or_else(|| missing("reward.id"))?;
    let id = earned_id(reward)?;
    let (friend, referrer) = people(body, participant);
    let id_of_earner = friend.id.clone();
    let earner = draft.person(friend);
    if let Ok(Some(referrer)) = referrer {
        draft.person(referrer);
    }
    let campaign = campaigns(body, participant).into_iter().flatten().next();
    let earned = Earned::of(reward, campaign, id_of_earner.as_deref());
    let side = earned.side_in_webhook();
    // The event says that the reward was reached, so only a word against it counts.
    let is_approved = is_approved(reward) || reward.flag("approved").is_none();
    let mut read = earned.read(id, side, is_approved);
    if read.amount.is_none() && side == Some(Side::Referrer) {
        let names = ["rewardValue", "reward_value", "value", "amount"];
        read.amount = guided_amount([reward, body].into_iter(), &names);
    }
    draft.tell(Event::RewardEarned { earner, reward: read });
    Ok(())
}

/// The id of the earned reward. GrowSurf's ids of configured rewards are the same for everybody who
/// earns one, so they name no effect.
fn earned_id(reward: Object<'_>) -> Result<String, String> {
    let ids = ["id", "rewardId"].map(|name| reward.id(name));
    let is_earned = |id: &&String| id.starts_with("prew_");
    if let Some(id) = ids.iter().flatten().find(is_earned) {
        return Ok(id.clone());
    }
    let [id, _] = ids;
    let id = id.ok_or_else(|| missing("reward.id"))?;
    if id.starts_with("crew_") {
        return Err("reward.id is that of a configured reward, not of an earned one".to_owned());
    }
    Ok(id)
}

/// The participant, and who referred them if that is told.
fn people(
    body: Object<'_>,
    participant: Object<'_>,
) -> (Snapshot, Result<Option<Snapshot>, SelfReferral>) {
    let mut friend = coded(participant, "participant");
    let told = body.person("referrer").map(|object| coded(object, "referrer"));
    let referrer = refer(&mut friend, told, participant, "participant.referredBy");
    (friend, referrer)
}

/// The reason to park what is said of a referral that is none.
fn self_referral(_: SelfReferral) -> String {
    "referrer is the participant, and nobody is their own friend".to_owned()
}

/// A participant with the referral code that only this shape has.
fn coded(object: Object<'_>, field: &'static str) -> Snapshot {
    let mut person = snapshot(object, field);
    if let Some(code) = object.id("referralCode") {
        person.facts.insert(Facts::REFERRAL_CODE.to_owned(), Scalar::from(code.as_str()));
        let others = person.facts.get(Facts::LINK_CODES).and_then(Scalar::as_text);
        let codes = others.unwrap_or_default().split_whitespace().chain([code.as_str()]);
        let codes = Facts::link_codes(codes);
        person.facts.extend(codes.map(|codes| (Facts::LINK_CODES.to_owned(), codes)));
    }
    person
}
