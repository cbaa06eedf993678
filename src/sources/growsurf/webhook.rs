//! GrowSurf's real webhooks: `{event, createdAt, data}`.
//!
//! What belongs here: the events that both kinds of program send or only referral programs do. What doesn't: a
//! participant's own fields; the events of affiliate programs, which are in `affiliate`.

use serde_json::{Map, Value};

use super::affiliate::{self, Adjustment, Commission, Payout};
use super::envelope::{self, ENDED};
use super::moment::moment;
use super::participant::Participant;
use super::referrer::{Fields, Referred, note_referrer};
use super::reward::{Earned, Reward, Rewards};
use super::{missing, unknown};
use crate::domain::{
    Campaign, Event, Facts, Notification, ParticipantIndex, Scalar, Side, Time, is_referral,
};
use crate::sources::lenient::{self, Field, wire};

/// GrowSurf sends a campaign's first 1,000 winners; ten times that is no campaign's end.
const WINNERS: usize = 10_000;

/// The fields of a participant who was added, and of their referrer.
const ADDED: Fields =
    Fields { participant: "data", referrer: "data.referrer", referred_by: "data.referredBy" };

/// Those of the participant whom most events are about, where the referrer is nested in the participant.
const NESTED: Fields = Fields {
    participant: "data.participant",
    referrer: "data.participant.referrer",
    referred_by: "data.participant.referredBy",
};

/// Those of the same, where the referrer stands beside the participant.
const BESIDE: Fields = Fields { referrer: "data.referrer", ..NESTED };

wire! {
    /// The `data` of every event but two (<https://docs.growsurf.com/developer-tools/webhooks/events-reference>).
    /// `NEW_PARTICIPANT_ADDED` has a [`Participant`]'s fields in its place, `CAMPAIGN_ENDED` those of [`Ended`].
    #[serde(bound(deserialize = "'de: 'a"))]
    pub struct Data<'a> {
        /// The event's subject: the earner, the suspect, or the affiliate.
        pub participant: Option<Participant<'a>>,
        /// Their referrer, where the participant doesn't name one.
        pub referrer: Option<Box<Participant<'a>>>,
        /// The campaign's configured rewards; `PARTICIPANT_REACHED_A_GOAL` only.
        pub campaign: Option<Rewards<'a>>,
        /// `PARTICIPANT_REACHED_A_GOAL`.
        pub reward: Option<Reward<'a>>,
        /// The friend; `NEW_COMMISSION_ADDED` and `COMMISSION_ADJUSTED`.
        pub referred_participant: Option<Participant<'a>>,
        /// `NEW_COMMISSION_ADDED`.
        pub commission: Option<Commission<'a>>,
        /// `COMMISSION_ADJUSTED`: the change.
        pub adjustment: Option<Adjustment<'a>>,
        /// `COMMISSION_ADJUSTED`: the commission after it.
        pub adjusted_commission: Option<Commission<'a>>,
        /// `NEW_PAYOUT_ISSUED`.
        pub payout: Option<Payout<'a>>,
    }
}

wire! {
    /// The `data` of `CAMPAIGN_ENDED`, beside the campaign's id and name.
    #[serde(bound(deserialize = "'de: 'a"))]
    struct Ended<'a> {
        winners: Option<Vec<Participant<'a>>>,
        ended_at: Option<Time>,
    }
}

/// Reads the notification.
///
/// # Errors
/// The reason to park the body, naming the field.
pub fn read(
    event: &str,
    campaign: Campaign,
    created_at: Field<Time>,
    (of_campaign, data): (&envelope::Campaign<'_>, &Map<String, Value>),
    received_at: Time,
) -> Result<Notification, String> {
    type Read = fn(&mut Notification, Data<'_>, Option<&str>) -> Result<(), String>;
    let read: Option<Read> = match event {
        "NEW_PARTICIPANT_ADDED" | ENDED => None,
        "PARTICIPANT_REACHED_A_GOAL" => Some(goal_reached),
        "PARTICIPANT_FRAUD_STATUS_UPDATED" => Some(fraud_status_updated),
        "NEW_COMMISSION_ADDED" => Some(affiliate::commission_added),
        "COMMISSION_ADJUSTED" => Some(affiliate::commission_adjusted),
        "NEW_PAYOUT_ISSUED" => Some(affiliate::payout_issued),
        _ => return Err(unknown(event)),
    };
    let created_at = moment(created_at, "createdAt", received_at)?;
    if campaign.id.is_none() {
        let field = if event == ENDED { "data.id" } else { "data.campaign.id" };
        return Err(missing(field));
    }
    let mut notification = Notification::new(campaign, Some(created_at));
    match read {
        Some(read) => read(&mut notification, lenient::read(data), of_campaign.currency_iso)?,
        None if event == ENDED => campaign_ended(&mut notification, lenient::read(data))?,
        None => {
            let friend: Participant<'_> = lenient::read(data);
            let joining = Joining::of(&friend, of_campaign.kind);
            joined(&mut notification, friend.into_referred(&ADDED), joining);
        }
    }
    notification.leave_out_long_ids()?;
    Ok(notification)
}

/// Adds the participant that an event is about, and the referrer that it names.
///
/// # Errors
/// The reason to park the body: there is none.
pub fn subject(
    notification: &mut Notification,
    participant: Option<Participant<'_>>,
    beside: Option<Box<Participant<'_>>>,
) -> Result<ParticipantIndex, String> {
    let mut participant = participant.ok_or_else(|| missing("data.participant"))?;
    let fields = if participant.referrer.is_some() { &NESTED } else { &BESIDE };
    participant.referrer = participant.referrer.or(beside);
    // A bare `referredBy` is a fact of the participant already, and names nobody to read further.
    let is_referred = participant.referrer.is_some();
    let (participant, referrer) = participant.into_referred(fields);
    let who = notification.add_participant(participant);
    if let (true, Ok(Some(referrer))) = (is_referred, referrer) {
        notification.add_participant(referrer);
    }
    Ok(who)
}

/// The facts of a join, beside the participant's own.
pub struct Joining<'a> {
    referral_source: Option<&'a str>,
    /// True for an affiliate, false for a customer, where the source says it.
    is_affiliate: Option<bool>,
    /// True if something suggests an affiliate.
    looks_affiliate: bool,
    is_of_affiliates: bool,
}

impl<'a> Joining<'a> {
    /// Returns what a participant's fields say, in a campaign of this type.
    pub fn of(participant: &Participant<'a>, campaign_type: Option<&str>) -> Self {
        let Participant { is_affiliate, affiliate_status, share_url, .. } = participant;
        Self {
            referral_source: participant.referral_source,
            is_affiliate: *is_affiliate,
            looks_affiliate: affiliate_status.is_some() || share_url.is_some(),
            is_of_affiliates: match campaign_type {
                Some(kind) => kind.eq_ignore_ascii_case("AFFILIATE"),
                // The field is one of affiliate programs only.
                None => is_affiliate.is_some(),
            },
        }
    }

    /// True if the participant is an affiliate, false for a customer; `None` in other programs, and
    /// where nothing says it.
    ///
    /// GrowSurf's webhooks leave `isAffiliate` out, and give no link to a customer. A link missing by
    /// itself says little: only who was referred is taken for a customer then.
    fn is_affiliate(&self, is_referred: bool) -> Option<bool> {
        let suggested = match self.looks_affiliate {
            true => Some(true),
            false => is_referred.then_some(false),
        };
        self.is_affiliate.or(suggested).filter(|_| self.is_of_affiliates)
    }
}

/// Adds the events of a participant who was added: as a friend, if another one referred them; as a
/// customer only, if an affiliate did. Returns the participant.
pub fn joined(
    notification: &mut Notification,
    (mut friend, referrer): Referred,
    joining: Joining<'_>,
) -> ParticipantIndex {
    let referral_source = joining.referral_source;
    // The referrer may have been deleted since.
    let is_referred = !matches!(referrer, Ok(None)) || referral_source.is_some_and(is_referral);
    let is_affiliate = joining.is_affiliate(is_referred);
    if let Some(is_affiliate) = is_affiliate {
        friend.facts.insert(Facts::IS_AFFILIATE.to_owned(), Scalar::Boolean(is_affiliate));
    }
    let who = notification.add_participant(friend);
    notification.add_event(if is_affiliate == Some(false) {
        Event::CustomerAdded { customer: who }
    } else {
        // The link that led a self-referral here is no other participant's.
        let source = referral_source.filter(|_| referrer.is_ok());
        Event::ParticipantJoined { participant: who, referral_source: source.map(str::to_owned) }
    });
    if let Ok(Some(referrer)) = referrer {
        let referrer = notification.add_participant(referrer);
        notification.add_event(Event::FriendSignedUp { referrer, friend: who });
    }
    who
}

fn goal_reached(
    notification: &mut Notification,
    mut data: Data<'_>,
    _currency: Option<&str>,
) -> Result<(), String> {
    let participant = data.participant.as_mut();
    let referee = participant.and_then(|earner| earner.referee.take());
    let earner = data.participant.as_ref();
    let id_of_earner = earner.and_then(|earner| earner.id.clone());
    let has_referrer =
        data.referrer.is_some() || earner.is_some_and(|earner| earner.referrer.is_some());
    let earner = subject(notification, data.participant, data.referrer)?;
    let reward = data.reward.unwrap_or_default();
    let id = reward.id.clone().ok_or_else(|| missing("data.reward.id"))?;
    let mut earned = Earned::of(&reward, data.campaign.as_ref(), id_of_earner.as_deref());
    earned.suggested = match (&referee, has_referrer) {
        (Some(_), _) => Some(Side::Referrer),
        (None, true) => Some(Side::Friend),
        (None, false) => None,
    };
    if let Some(referee) = referee {
        let mut referee = referee.into_snapshot("data.participant.referee");
        if note_referrer(&mut referee, &notification.people[earner.0]).is_ok() {
            notification.add_participant(referee);
        }
    }
    let reward = earned.read(id, earned.side_in_webhook(), reward.is_approved());
    notification.add_event(Event::RewardEarned { earner, reward });
    Ok(())
}

fn fraud_status_updated(
    notification: &mut Notification,
    data: Data<'_>,
    _currency: Option<&str>,
) -> Result<(), String> {
    let participant = subject(notification, data.participant, data.referrer)?;
    notification.add_event(Event::FraudStatusChanged { participant });
    Ok(())
}

fn campaign_ended(notification: &mut Notification, data: Ended<'_>) -> Result<(), String> {
    let winners = data.winners.ok_or_else(|| missing("data.winners"))?;
    if winners.len() > WINNERS {
        return Err(format!("data.winners holds more than {WINNERS} people"));
    }
    for winner in winners {
        let winner = notification.add_participant(winner.into_snapshot("data.winners"));
        notification.add_event(Event::CampaignEnded { winner, ended_at: data.ended_at });
    }
    Ok(())
}
