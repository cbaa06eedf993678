//! The shape of GrowSurf's published Customer.io guide: `{event, participant, referrer}`.
//!
//! GrowSurf itself doesn't send it; custom set-ups built from the guide do. It has no time, so
//! its news have none, and its participants mostly have no id. What belongs here: this shape's
//! events and the places its fields are found in. What doesn't: a participant's own fields.

use crate::domain::{Campaign, Event, Facts, News, Scalar, Snapshot};

use super::draft::Draft;
use super::lenient::{self, Object};
use super::participant::{note_referrer, referrer, snapshot};
use super::webhook::joined;
use super::{missing, unknown};

/// The campaign named at the participant or at the top; the guide knows nothing of `createdAt`
/// and little of campaigns, so none may be named.
pub fn campaign(body: Object<'_>, participant: Object<'_>) -> Campaign {
    let nested = [body, participant].map(|object| object.object("campaign"));
    let id = participant.id("campaignId").or_else(|| body.id("campaignId"));
    let name = participant.text("campaignName").or_else(|| body.text("campaignName"));
    Campaign {
        id: id.or_else(|| nested.into_iter().flatten().find_map(|campaign| campaign.id("id"))),
        name: name
            .or_else(|| nested.into_iter().flatten().find_map(|campaign| campaign.text("name")))
            .map(str::to_owned),
    }
}

/// Reads the news, or says why there are none, naming the field.
pub fn read(
    event: &str,
    campaign: Campaign,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<News, String> {
    let tell: fn(&mut Draft, Object<'_>, Object<'_>) -> Result<(), String> = match event {
        "PARTICIPANT_CREATED" => participant_created,
        "PARTICIPANT_REFERRED" => participant_referred,
        "CAMPAIGN_REFERRAL_CONVERTED" => referral_converted,
        _ => return Err(unknown(event)),
    };
    let mut draft = Draft::new(campaign, None);
    tell(&mut draft, body, participant)?;
    Ok(draft.finish())
}

fn participant_created(
    draft: &mut Draft,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<(), String> {
    let (friend, referrer) = people(body, participant);
    let referral_source = participant.text("referralSource").map(str::to_owned);
    joined(draft, friend, referrer, referral_source);
    Ok(())
}

fn participant_referred(
    draft: &mut Draft,
    body: Object<'_>,
    participant: Object<'_>,
) -> Result<(), String> {
    let (friend, referrer) = people(body, participant);
    let referrer = referrer.ok_or_else(|| missing("referrer"))?;
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
    let referrer = referrer.map(|referrer| draft.person(referrer));

    // The guide doesn't say where the conversion's particulars stand, so they are looked for.
    let places = [Some(body), Some(participant), body.object("conversion")];
    let places = || places.into_iter().flatten();
    let names = ["conversionValue", "conversion_value", "value", "amount"];
    let value = places().find_map(|place| names.into_iter().find_map(|name| place.number(name)));
    let currency = places().find_map(|place| {
        let code = place.text("currency").or_else(|| place.text("currencyISO"))?;
        lenient::currency(code)
    });
    let product = places().find_map(|place| place.id("product"));
    draft.tell(Event::ReferralConverted { friend, referrer, value, currency, product });
    Ok(())
}

/// The participant, and who referred them if that is told.
fn people(body: Object<'_>, participant: Object<'_>) -> (Snapshot, Option<Snapshot>) {
    let mut friend = coded(participant, "participant");
    let told = body.person("referrer").map(|object| coded(object, "referrer"));
    let referrer = referrer(told, participant, "participant.referredBy");
    if let Some(referrer) = &referrer {
        note_referrer(&mut friend, referrer);
    }
    (friend, referrer)
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
