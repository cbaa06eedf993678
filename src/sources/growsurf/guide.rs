//! The shape of GrowSurf's published Customer.io guides: `{event, participant, referrer}`.
//!
//! GrowSurf itself doesn't send it; custom set-ups built from the guides do. It has no time, so
//! its notification has none, and its participants mostly have no id. What belongs here: this shape's
//! events and the places its fields are found in. What doesn't: a participant's own fields.

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_with::serde_as;

use super::envelope::{self, Envelope};
use super::participant::Participant;
use super::referrer::{Fields, Referred, SelfReferral};
use super::reward::{Earned, Reward, Rewards};
use super::webhook::{Joining, joined};
use super::{missing, unknown};
use crate::domain::{Amount, Campaign, Event, Notification, Scalar, Side};
use crate::sources::lenient::{self, Filled, Id, Text, TextOrNumber};

/// The fields of the participant and of the referrer.
const FIELDS: Fields = Fields {
    participant: "participant",
    referrer: "referrer",
    referred_by: "participant.referredBy",
};

/// The people in a body (<https://growsurf.com/integration-guides/webhooks-referral-event-handling>, its older text).
#[serde_as]
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    /// An object, which makes the body one of this shape.
    #[serde(borrow)]
    participant: Participant<'a>,
    #[serde_as(as = "Filled")]
    referrer: Option<Box<Participant<'a>>>,
}

impl Body<'_> {
    fn into_referred(self) -> Referred {
        Participant { referrer: self.referrer, ..self.participant }.into_referred(&FIELDS)
    }
}

/// The worth of something. The guides name no field for it, so the likely ones are tried: in the
/// body, in its participant, conversion or reward.
#[serde_as]
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Worth<'a> {
    #[serde_as(as = "TextOrNumber")]
    #[serde(rename = "conversionValue")]
    conversion_value: Option<Scalar>,
    #[serde_as(as = "TextOrNumber")]
    #[serde(rename = "conversion_value")]
    conversion_value_in_snake_case: Option<Scalar>,
    #[serde_as(as = "TextOrNumber")]
    #[serde(rename = "rewardValue")]
    reward_value: Option<Scalar>,
    #[serde_as(as = "TextOrNumber")]
    #[serde(rename = "reward_value")]
    reward_value_in_snake_case: Option<Scalar>,
    #[serde_as(as = "TextOrNumber")]
    value: Option<Scalar>,
    #[serde_as(as = "TextOrNumber")]
    amount: Option<Scalar>,
    #[serde_as(as = "Text")]
    currency: Option<&'a str>,
    #[serde_as(as = "Text")]
    #[serde(rename = "currencyISO")]
    currency_iso: Option<&'a str>,
    #[serde_as(as = "Id")]
    product: Option<String>,
}

impl Worth<'_> {
    fn of_conversion(&self) -> Option<&Scalar> {
        let named = self.conversion_value.as_ref().or(self.conversion_value_in_snake_case.as_ref());
        named.or(self.value.as_ref()).or(self.amount.as_ref())
    }

    fn of_reward(&self) -> Option<&Scalar> {
        let named = self.reward_value.as_ref().or(self.reward_value_in_snake_case.as_ref());
        named.or(self.value.as_ref()).or(self.amount.as_ref())
    }

    fn currency(&self) -> Option<&str> {
        self.currency.or(self.currency_iso)
    }
}

/// Returns the first value in these places. Its currency is that in the same place, or else the first one beside it.
fn amount<'a>(
    places: &'a [Worth<'a>],
    value: fn(&'a Worth<'a>) -> Option<&'a Scalar>,
) -> Option<Amount> {
    let (place, value) = places.iter().find_map(|place| Some((place, value(place)?)))?;
    let currency = place.currency().or_else(|| places.iter().find_map(|it| it.currency()));
    // A code that isn't in use stays: what it stands beside isn't another currency's.
    let currency = currency.map(|code| lenient::currency(code).unwrap_or_else(|| code.to_owned()));
    Some(Amount { value: value.clone(), currency })
}

/// Returns the campaign's name at the participant or at the top.
pub fn campaign_name<'a>(body: &Envelope<'a>) -> Option<&'a str> {
    let participant = body.participant.as_ref();
    let name = participant.and_then(|it| it.campaign_name).or(body.campaign_name);
    name.or_else(|| campaigns(body, |it| it.name))
}

/// Returns a field of the campaign at the top, or else at the participant.
fn campaigns<'a, T>(
    body: &Envelope<'a>,
    field: fn(&envelope::Campaign<'a>) -> Option<T>,
) -> Option<T> {
    let nested = || field(&body.participant.as_ref()?.campaign.object);
    field(&body.campaign.object).or_else(nested)
}

/// Reads the notification.
///
/// # Errors
/// The reason to park the body, naming the field.
pub fn read(
    event: &str,
    campaign: Campaign,
    envelope: &Envelope<'_>,
    object: &Map<String, Value>,
) -> Result<Notification, String> {
    let mut notification = Notification::new(campaign, None);
    let body: Body<'_> = lenient::read(object);
    match event {
        "PARTICIPANT_CREATED" => {
            let joining = Joining::of(&body.participant, campaigns(envelope, |it| it.kind));
            joined(&mut notification, body.into_referred(), joining);
        }
        "PARTICIPANT_REFERRED" => participant_referred(&mut notification, body)?,
        "CAMPAIGN_REFERRAL_CONVERTED" => referral_converted(&mut notification, body, object)?,
        "PARTICIPANT_REACHED_REWARD" => reward_reached(&mut notification, body, object)?,
        _ => return Err(unknown(event)),
    }
    notification.leave_out_long_ids()?;
    Ok(notification)
}

fn participant_referred(notification: &mut Notification, body: Body<'_>) -> Result<(), String> {
    let (friend, referrer) = body.into_referred();
    let referrer = referrer.map_err(self_referral)?.ok_or_else(|| missing("referrer"))?;
    let friend = notification.add_participant(friend);
    let referrer = notification.add_participant(referrer);
    notification.add_event(Event::FriendSignedUp { referrer, friend });
    Ok(())
}

fn referral_converted(
    notification: &mut Notification,
    body: Body<'_>,
    object: &Map<String, Value>,
) -> Result<(), String> {
    let (friend, referrer) = body.into_referred();
    let friend = notification.add_participant(friend);
    let referrer =
        referrer.map_err(self_referral)?.map(|referrer| notification.add_participant(referrer));
    let nested = ["participant", "conversion"].map(|name| nested(object, name));
    let places = [Some(object)].into_iter().chain(nested).flatten();
    let places: Vec<Worth<'_>> = places.map(lenient::read).collect();
    let value = amount(&places, Worth::of_conversion);
    let product = places.into_iter().find_map(|place| place.product);
    notification.add_event(Event::ReferralConverted { friend, referrer, value, product });
    Ok(())
}

/// Reads `PARTICIPANT_REACHED_REWARD`. The guides show no whole body of it.
fn reward_reached(
    notification: &mut Notification,
    body: Body<'_>,
    object: &Map<String, Value>,
) -> Result<(), String> {
    let participant = nested(object, "participant");
    let either = |name| nested(object, name).or_else(|| nested(participant?, name));
    let given = either("reward").ok_or_else(|| missing("reward.id"))?;
    let reward: Reward<'_> = lenient::read(given);
    let id = earned_id(&reward)?;
    let (friend, referrer) = body.into_referred();
    let id_of_earner = friend.id.clone();
    let earner = notification.add_participant(friend);
    if let Ok(Some(referrer)) = referrer {
        notification.add_participant(referrer);
    }
    let listed: Option<Rewards<'_>> = either("campaign").map(lenient::read);
    let earned = Earned::of(&reward, listed.as_ref(), id_of_earner.as_deref());
    let side = earned.side_in_webhook();
    // The event says that the reward was reached, so only a word against it counts.
    let is_approved = reward.is_approved() || reward.approved.is_none();
    let mut read = earned.read(id, side, is_approved);
    if read.amount.is_none() && side == Some(Side::Referrer) {
        read.amount = amount(&[given, object].map(lenient::read), Worth::of_reward);
    }
    notification.add_event(Event::RewardEarned { earner, reward: read });
    Ok(())
}

/// Returns the id of the earned reward. GrowSurf's ids of configured rewards are the same for everybody who
/// earns one, so they name no effect.
fn earned_id(reward: &Reward<'_>) -> Result<String, String> {
    let is_earned = |id: &&String| id.starts_with("prew_");
    if let Some(id) = reward.id.iter().chain(&reward.reward_id).find(is_earned) {
        return Ok(id.clone());
    }
    let id = reward.id.clone().ok_or_else(|| missing("reward.id"))?;
    if id.starts_with("crew_") {
        return Err("reward.id is that of a configured reward, not of an earned one".to_owned());
    }
    Ok(id)
}

fn nested<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    object.get(name).and_then(Value::as_object)
}

/// Returns the reason to park what is said of a referral that is none.
fn self_referral(_: SelfReferral) -> String {
    "referrer is the participant, and nobody is their own friend".to_owned()
}
