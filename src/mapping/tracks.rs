//! Tracks: name, effect key and properties of each event.

use super::affiliates;
use super::amounts::{self, ParsedAmount};
use super::effects;
use super::people::{Resolved, Slot, Unresolved};
use super::profile::{is_self_referred, referral_code, referred_by, referred_to};
use super::rewards;
use super::rules::{Rules, events};
use crate::domain::{
    Amount, Attributes, Campaign, EffectKey, Event, Facts, Labelled, Money, Notification,
    Participant, ParticipantIndex, ParticipantKey, Reference, ReferredValue, Scalar, ShareMethod,
    Time, display_text, is_referral,
};

/// A track, unless it is off or in the ledger.
pub struct Track {
    /// The event's name in [`events`].
    pub name: &'static str,
    pub effect: EffectKey,
    /// The properties. Unknown ones are absent.
    pub data: Attributes,
}

/// The parts that a track is made of.
pub struct TrackContext<'a> {
    pub notification: &'a Notification,
    /// The campaign's id, or its substitute in effect keys.
    pub campaign: &'a str,
    /// The people, after merging the notification.
    pub people: &'a Resolved,
    pub rules: &'a Rules,
    pub received_at: Time,
}

/// Returns the participant whom the event is about. Their profile is sent with it.
pub fn subject(event: &Event) -> ParticipantIndex {
    match event {
        Event::ParticipantJoined { participant: who, .. }
        | Event::CustomerAdded { customer: who }
        | Event::Shared { participant: who, .. }
        | Event::SharesCounted { participant: who, .. }
        | Event::FullyCompared { participant: who }
        | Event::ShareReported { participant: who, .. }
        | Event::Purchased { participant: who, .. }
        | Event::FraudStatusChanged { participant: who } => *who,
        Event::Visited(visit) => visit.owner,
        Event::FriendSignedUp { referrer, .. } => *referrer,
        Event::ReferralConverted { friend, .. } => *friend,
        Event::RewardEarned { earner, .. } => *earner,
        Event::CommissionAdded { affiliate, .. }
        | Event::CommissionAdjusted { affiliate, .. }
        | Event::PayoutIssued { affiliate, .. } => *affiliate,
        Event::CampaignEnded { winner, .. } => *winner,
    }
}

pub fn other(event: &Event) -> Option<ParticipantIndex> {
    match event {
        Event::FriendSignedUp { friend, .. } => Some(*friend),
        Event::ReferralConverted { referrer, .. } => *referrer,
        Event::CommissionAdded { friend, .. } | Event::CommissionAdjusted { friend, .. } => *friend,
        _ => None,
    }
}

/// Returns the track of an event, or `None` if it changes the profile alone.
///
/// # Errors
/// The reason, naming the field.
pub fn track(
    event: &Event,
    slot: Slot,
    context: &TrackContext<'_>,
) -> Result<Option<Track>, String> {
    let TrackContext { campaign, people, .. } = *context;
    let participant = people.participant(slot);
    let of_person = &people.persons[slot.person].participants;
    let of_campaign = || context.campaign_data(slot);
    let track = match event {
        // A webhook says less than the row that was read before it.
        Event::ParticipantJoined { .. } if affiliates::is_customer(participant) => return Ok(None),
        Event::ParticipantJoined { referral_source, .. } => {
            let mut data = of_campaign();
            let referrer = referred_by(participant, of_person);
            // The link that led a self-referral here is no other participant's.
            let is_own = is_self_referred(participant, of_person);
            let referral_source = referral_source.as_deref().filter(|_| !is_own);
            let by_link = referral_source.is_some_and(is_referral);
            // The referrer may be one whom the relay can't name.
            let is_known = participant.facts.get(Facts::IS_REFERRED).is_some();
            let is_referred = by_link || (is_known && !is_own);
            let source = if referrer.is_some() || is_referred { "referral" } else { "organic" };
            put(&mut data, "source", Some(source));
            put(&mut data, "referral_source", referral_source);
            let shown =
                referrer.and_then(|key| referred_to(campaign, key, ReferredValue::Referrer));
            put(&mut data, "referred_by", shown);
            Track {
                name: events::JOINED,
                effect: effects::joined(campaign, &participant.key),
                data,
            }
        }
        Event::FriendSignedUp { friend, .. } => {
            let effect = effects::friend_signed_up(campaign, &context.key_of(*friend)?);
            let mut data = of_campaign();
            put(&mut data, "friend_email", context.reference(*friend, ReferredValue::Address));
            put(&mut data, "friend_name", context.reference(*friend, ReferredValue::Name));
            put(&mut data, "total_referrals", context.fact(slot, Facts::REFERRAL_COUNT));
            Track { name: events::FRIEND_SIGNED_UP, effect, data }
        }
        Event::ReferralConverted { value, product, .. } => {
            let mut data = of_campaign();
            let referrer = referred_by(participant, of_person);
            let shown = referrer.and_then(|key| referred_to(campaign, key, ReferredValue::Address));
            put(&mut data, "referrer_email", shown);
            put_amount(&mut data, "conversion_value", value.as_ref());
            put(&mut data, "product", product.clone());
            let effect = effects::converted(campaign, &participant.key);
            Track { name: events::CONVERTED, effect, data }
        }
        Event::RewardEarned { reward, .. } if !reward.approved => return Ok(None),
        Event::RewardEarned { reward, .. } => {
            let mut data = of_campaign();
            data.extend(rewards::data(reward, context.rules));
            let effect = effects::reward(campaign, &reward.id);
            Track { name: events::REWARD_CLAIMED, effect, data }
        }
        Event::Shared { channel, nth, after, .. } => {
            let mut data = of_campaign();
            put(&mut data, "share_method", Some(share_method(channel).label()));
            put(&mut data, "share_channel", Some(channel.as_str()));
            // A source that only counts knows the interval, not the time.
            put(&mut data, "shared_after", after.map(Time::seconds));
            let effect = effects::shared(campaign, &participant.key, channel, *nth);
            Track { name: events::SHARED, effect, data }
        }
        Event::ShareReported { channel, key, is_from_page: by_page, .. } => {
            let mut data = of_campaign();
            put(&mut data, "share_method", Some(share_method(channel).label()));
            put(&mut data, "share_channel", Some(channel.as_str()));
            let effect = if *by_page { effects::page_shared } else { effects::share_reported };
            let effect = effect(campaign, &participant.key, key);
            Track { name: events::SHARED, effect, data }
        }
        // The event is the visitor's; the subject is the link's owner.
        Event::Visited(visit) => {
            let mut data = of_campaign();
            // The code is the owner's, not the visitor's.
            data.retain(|name, value| name != "referral_code" || is_shown_code(value));
            put(&mut data, "channel", Some("page"));
            put(&mut data, "page", visit.page.as_deref());
            let effect = effects::page_clicked(campaign, &visit.key);
            Track { name: events::LINK_CLICKED, effect, data }
        }
        Event::Purchased { key, value, product, .. } => {
            let mut data = of_campaign();
            put(&mut data, "purchase_id", Some(key.as_str()));
            put_amount(&mut data, "value", value.as_ref());
            put(&mut data, "product", product.clone());
            Track { name: events::PURCHASED, effect: effects::purchased(campaign, key), data }
        }
        Event::CustomerAdded { .. }
        | Event::FraudStatusChanged { .. }
        | Event::SharesCounted { .. }
        | Event::FullyCompared { .. } => return Ok(None),
        Event::CommissionAdded { friend, commission, .. } => {
            let mut data = of_campaign();
            put(&mut data, "commission_id", Some(commission.id.as_str()));
            put(&mut data, "commission_type", commission.kind.as_deref());
            put(&mut data, "commission_status", commission.status.as_deref());
            put_money(&mut data, "sale_amount", commission.sale.as_ref());
            put_money(&mut data, "amount", commission.amount.as_ref());
            let friend =
                friend.and_then(|friend| context.reference(friend, ReferredValue::Address));
            put(&mut data, "friend_email", friend);
            let effect = effects::commission(&commission.id);
            Track { name: events::COMMISSION_EARNED, effect, data }
        }
        Event::CommissionAdjusted { friend, adjustment, .. } => {
            let mut data = of_campaign();
            put(&mut data, "commission_id", Some(adjustment.commission.as_str()));
            put(&mut data, "reason", adjustment.reason.as_deref());
            put_money(&mut data, "original_amount", adjustment.original.as_ref());
            put_money(&mut data, "new_amount", adjustment.new.as_ref());
            put_money(&mut data, "amount", adjustment.change.as_ref());
            let friend =
                friend.and_then(|friend| context.reference(friend, ReferredValue::Address));
            put(&mut data, "friend_email", friend);
            let effect =
                effects::commission_adjusted(&adjustment.commission, adjustment.adjusted_at);
            Track { name: events::COMMISSION_ADJUSTED, effect, data }
        }
        Event::PayoutIssued { payout, .. } => {
            let mut data = of_campaign();
            put(&mut data, "payout_id", Some(payout.id.as_str()));
            put(&mut data, "provider", payout.provider.as_deref());
            put_money(&mut data, "amount", payout.amount.as_ref());
            Track { name: events::PAYOUT_ISSUED, effect: effects::payout(&payout.id), data }
        }
        Event::CampaignEnded { ended_at, .. } => {
            let mut data = of_campaign();
            put(&mut data, "total_referrals", context.fact(slot, Facts::REFERRAL_COUNT));
            let effect = effects::campaign_ended(campaign, &participant.key, *ended_at);
            Track { name: events::CAMPAIGN_ENDED, effect, data }
        }
    };
    Ok(Some(track))
}

impl TrackContext<'_> {
    /// Returns the properties that most tracks share.
    fn campaign_data(&self, slot: Slot) -> Attributes {
        let mut data = participant_data(self.people.participant(slot), self.received_at);
        put(&mut data, "campaign_name", self.notification.campaign.name.clone());
        data
    }

    fn fact(&self, slot: Slot, name: &str) -> Option<Scalar> {
        self.people.participant(slot).facts.value(name).cloned()
    }

    /// Returns a participant's name in effect keys, even without a person.
    pub(super) fn key_of(&self, who: ParticipantIndex) -> Result<String, String> {
        match (self.people.slot_of(who), &self.notification.people[who.0].id) {
            (Ok(slot), _) => Ok(self.people.participant(slot).key.clone()),
            (Err(_), Some(id)) => Ok(id.clone()),
            (Err(Unresolved::Unmapped(reason) | Unresolved::Ignored(reason)), None) => {
                Err(reason.clone())
            }
        }
    }

    /// Returns a reference to a participant in the event.
    fn reference(&self, who: ParticipantIndex, shows: ReferredValue) -> Option<Scalar> {
        let of = ParticipantKey::new(self.campaign, &self.key_of(who).ok()?);
        Some(Reference { of, shows }.into())
    }
}

/// Returns the properties that all tracks of a participant share.
pub(super) fn participant_data(participant: &Participant, received_at: Time) -> Attributes {
    let mut data = Attributes::new();
    let campaign = Some(participant.campaign.as_str()).filter(|id| *id != Campaign::UNNAMED);
    put(&mut data, "campaign_id", campaign);
    put(&mut data, "campaign_name", participant.facts.value(Facts::CAMPAIGN_NAME).cloned());
    put(&mut data, "referral_code", referral_code(participant));
    put(&mut data, "tracked_at", Some(received_at.seconds()));
    data
}

/// True if a code may be shown to another person.
pub(super) fn is_shown_code(code: &Scalar) -> bool {
    code.as_text().is_none_or(|code| display_text(code).as_deref() == Some(code))
}

/// Returns the method of a channel. GrowSurf's REST API and its script spell some differently.
pub fn share_method(channel: &str) -> ShareMethod {
    match channel {
        "email" => ShareMethod::Email,
        "copyRefLink" | "copyLink" | "qrcode" => ShareMethod::Link,
        "message" | "sms" | "messenger" | "whatsapp" | "wechat" | "telegram" | "iosNativeShare"
        | "androidNativeShare" => ShareMethod::Message,
        "facebook" | "twitter" | "linkedin" | "pinterest" | "threads" | "bluesky" | "reddit"
        | "tumblr" => ShareMethod::Social,
        _ => ShareMethod::Other,
    }
}

/// Inserts a property, if there is a value.
pub(super) fn put(data: &mut Attributes, name: &str, value: Option<impl Into<Scalar>>) {
    if let Some(value) = value {
        data.insert(name.to_owned(), value.into());
    }
}

/// Inserts the worth of an amount: a number and its currency, or a text under the name with `_text`.
pub(super) fn put_amount(data: &mut Attributes, name: &str, amount: Option<&Amount>) {
    match amount.map(amounts::worth) {
        Some(ParsedAmount::Number { value, currency }) => {
            put(data, name, Some(value));
            put(data, "currency", currency);
        }
        Some(ParsedAmount::Text(text)) => put(data, &format!("{name}_text"), Some(text)),
        None => {}
    }
}

/// Inserts an amount in major units, and its currency.
fn put_money(data: &mut Attributes, name: &str, money: Option<&Money>) {
    if let Some(money) = money {
        data.insert(name.to_owned(), money.major());
        data.insert("currency".to_owned(), Scalar::from(money.currency.as_str()));
    }
}
