//! Rows of the REST API's answers, as they are kept and as the notifications they are.
//!
//! What belongs here: the form of a row in the inbox, with all that reading it again requires, and
//! the notification of each kind. What doesn't: fetching them.
//!
//! A kept body is `{"at": milliseconds, "campaign_name": ..., "campaign_type": ..., "filter": ..., "shares": ..., "row": {...}}`.
//! The row's kind and campaign are columns of the inbox: a body says nothing of where it is from.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use serde_with::{DeserializeAs, serde_as};

use super::growsurf::affiliate::{Commission, Payout, commission_added, payout_issued};
use super::growsurf::json::parse;
use super::growsurf::missing;
use super::growsurf::moment::moment;
use super::growsurf::participant::Participant;
use super::growsurf::referrer::Fields;
use super::growsurf::reward::{Earned, Reward, Rewards};
use super::growsurf::webhook::{Data, Joining, joined};
use super::lenient::{self, Count, Id, Objects, OrDefault, Text};
use crate::domain::{
    self, Event, Labelled, Notification, SendFilter, Snapshot, Source, Time, TimedEvent, Webhook,
    WebhookId,
};

/// The fields of a row's participant and of who referred them.
const FIELDS: Fields =
    Fields { participant: "row", referrer: "row.referrer", referred_by: "row.referredBy" };

/// The fields of a configured reward that an earned one of a row lacks.
const WANTED: [&str; 9] = [
    "type",
    "title",
    "description",
    "couponCode",
    "referralDescription",
    "referralCouponCode",
    "value",
    "referredValue",
    "metadata",
];

/// A campaign (<https://docs.growsurf.com/developer-tools/rest-api/api-objects>).
#[serde_as]
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Campaign {
    /// GrowSurf's id; empty if it has none.
    #[serde_as(as = "OrDefault<Id>")]
    pub id: String,
    /// Its name.
    #[serde_as(as = "Text")]
    pub name: Option<String>,
    /// `REFERRAL` or `AFFILIATE`.
    #[serde_as(as = "Text")]
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Such as `IN_PROGRESS` or `DRAFT`.
    #[serde_as(as = "Text")]
    pub status: Option<String>,
    /// The number of participants by GrowSurf's count.
    #[serde_as(as = "Count")]
    #[serde(rename = "participantCount")]
    pub participants: Option<i64>,
    /// The rewards that can be earned, by their ids, as GrowSurf writes them.
    #[serde_as(as = "ById")]
    pub rewards: BTreeMap<String, Value>,
}

impl Campaign {
    /// True if it is a program of affiliates, who earn commissions.
    pub fn is_affiliate(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("AFFILIATE"))
    }

    /// True if anybody can be in it.
    pub fn is_live(&self) -> bool {
        !matches!(self.status.as_deref(), Some("DRAFT" | "PENDING" | "DELETED"))
    }
}

/// The objects of an array by their ids.
pub struct ById;

impl<'de> DeserializeAs<'de, BTreeMap<String, Value>> for ById {
    fn deserialize_as<D>(deserializer: D) -> Result<BTreeMap<String, Value>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let rows: Option<Vec<Value>> = Objects::deserialize_as(deserializer)?;
        Ok(by_id(&rows.unwrap_or_default()))
    }
}

/// Returns rows by their ids.
pub fn by_id(rows: &[Value]) -> BTreeMap<String, Value> {
    rows.iter().filter_map(|row| Some((id_of(row)?, row.clone()))).collect()
}

/// The kinds of rows.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// A participant, with their rewards.
    Participant,
    /// A friend who converted.
    Referral,
    /// A commission of an affiliate.
    Commission,
    /// A payout to an affiliate.
    Payout,
    /// A participant's id, behind everything of their campaign: all of it was counted.
    Counted,
}

/// A row, and all that must be known to read it.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    kind: Kind,
    campaign: String,
    content: Content,
}

/// The part of it that is the body in the inbox.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Content {
    /// The time of the fetch in milliseconds, at which its facts were true.
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campaign_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campaign_type: Option<String>,
    /// The filter of its events.
    #[serde(default)]
    filter: SendFilter,
    /// True if its counts of shares are used.
    #[serde(default)]
    shares: bool,
    row: Value,
}

/// The origin of rows, and the rules for them.
#[derive(Clone, PartialEq, Debug)]
pub struct Origin {
    pub campaign: Campaign,
    /// The time of the fetch.
    pub at: Time,
    /// The filter of their events.
    pub filter: SendFilter,
    /// True if their counts of shares are used.
    pub shares: bool,
}

impl Row {
    /// Returns a row as it was fetched. Rewards get what the campaign says of them, where
    /// GrowSurf's rows leave it out and its webhooks don't.
    pub fn new(kind: Kind, mut row: Value, origin: &Origin) -> Self {
        let Campaign { id, name, kind: of_kind, rewards, .. } = &origin.campaign;
        for reward in row.get_mut("rewards").and_then(Value::as_array_mut).into_iter().flatten() {
            let configured = configured_id(reward).and_then(|id| rewards.get(id));
            if let Some(configured) = configured {
                complete(reward, configured);
            }
        }
        let content = Content {
            at: origin.at.millis(),
            campaign_name: name.clone(),
            campaign_type: of_kind.clone(),
            filter: origin.filter,
            shares: origin.shares,
            row,
        };
        Self { kind, campaign: id.clone(), content }
    }

    /// Reads the body of a row of this kind and campaign, as the inbox keeps it.
    ///
    /// # Errors
    /// The reason to park it.
    pub fn read(kind: Kind, campaign: &str, body: &[u8]) -> Result<Self, String> {
        let value = parse(body).map_err(|error| error.to_string())?;
        let content = Content::deserialize(value).map_err(|error| error.to_string())?;
        Ok(Self { kind, campaign: campaign.to_owned(), content })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the row as the inbox keeps it. Its campaign is the owner, its kind the event.
    pub fn to_webhook(&self, id: WebhookId, received_at: Time) -> Webhook {
        Webhook {
            id,
            received_at,
            source: Source::GrowsurfApi,
            owner: Some(self.campaign.clone()),
            event: Some(self.kind.label().to_owned()),
            body: serde_json::to_vec(&self.content).expect("it was JSON before"),
        }
    }

    /// Returns what it says.
    ///
    /// # Errors
    /// The reason to park it, naming the field.
    pub fn notification(&self) -> Result<Notification, String> {
        let Content { at, campaign_name, campaign_type, filter, shares, row } = &self.content;
        let row = row.as_object().ok_or("row is no object")?;
        let fetched_at = Time::from_millis(*at);
        let name = campaign_name.clone();
        let campaign = domain::Campaign { id: Some(self.campaign.clone()), name };
        let mut notification = match self.kind {
            Kind::Participant => {
                let shares = shares.then_some(fetched_at);
                participant(campaign, row, campaign_type.as_deref(), fetched_at, shares)?
            }
            Kind::Referral => conversion(campaign, lenient::read(row), fetched_at)?,
            Kind::Commission => commission(campaign, lenient::read(row), fetched_at)?,
            Kind::Payout => payout(campaign, lenient::read(row), fetched_at)?,
            Kind::Counted => {
                let id = lenient::read::<Participant<'_>>(row).id;
                let id = id.ok_or_else(|| missing("row.id"))?;
                let mut notification = Notification::new(campaign, Some(fetched_at));
                let participant = notification.add_participant(Snapshot::with_id("row", id));
                notification.add_event(Event::FullyCompared { participant });
                notification
            }
        };
        notification.leave_out_long_ids()?;
        notification.filter = *filter;
        notification.as_of = Some(fetched_at);
        Ok(notification)
    }
}

/// Reads a participant with their rewards; with their counts of shares, if they were counted at a time.
fn participant(
    campaign: domain::Campaign,
    row: &Map<String, Value>,
    campaign_type: Option<&str>,
    fetched_at: Time,
    shares_at: Option<Time>,
) -> Result<Notification, String> {
    let mut participant: Participant<'_> = lenient::read(row);
    let joined_at = moment(participant.created_at, "row.createdAt", fetched_at)?;
    let mut notification = Notification::new(campaign, Some(joined_at));
    let id = participant.id.clone();
    let counts = participant.share_count.by_name.take();
    let joining = Joining::of(&participant, campaign_type);
    let (participant, referrer) = participant.into_referred(&FIELDS);
    let referrer = referrer.map(|referrer| {
        // They have a row of their own.
        referrer.map(|referrer| Snapshot { is_subject: false, ..referrer })
    });
    let who = joined(&mut notification, (participant, referrer), joining);
    let rewards: Rewards<'_> = lenient::read(row);
    let rewards = rewards.rewards.unwrap_or_default();
    let earned = rewards.iter().filter_map(|it| earned(it, id.as_deref(), fetched_at));
    notification.events.extend(earned.map(|(at, reward)| {
        let event = Event::RewardEarned { earner: who, reward };
        TimedEvent { at, event }
    }));
    notification.events.extend(shares_at.zip(counts).map(|(at, counts)| {
        let event = Event::SharesCounted { participant: who, counts };
        TimedEvent { at: Some(at), event }
    }));
    Ok(notification)
}

/// Returns an approved reward and when it was approved. One that waits for approval has no event yet, and one
/// that was cancelled has none any more.
fn earned(
    reward: &Reward<'_>,
    earner: Option<&str>,
    fetched_at: Time,
) -> Option<(Option<Time>, domain::Reward)> {
    let is_approved = reward.is_approved() || reward.status == Some("FULFILLED");
    if !is_approved || reward.status == Some("CANCELLED") {
        return None;
    }
    let times = [reward.approved_at, reward.fulfilled_at, reward.created_at];
    let at = times.into_iter().find_map(|at| moment(at, "", fetched_at).ok());
    let earned = Earned::in_row(reward, earner);
    Some((at, earned.read(reward.id.clone()?, earned.side_in_row(), is_approved)))
}

/// Reads a friend's conversion. GrowSurf reports the row's last change, not the time of the conversion.
fn conversion(
    campaign: domain::Campaign,
    row: Participant<'_>,
    fetched_at: Time,
) -> Result<Notification, String> {
    if row.referral_status != Some("CREDIT_AWARDED") {
        return Err("row.referralStatus isn't CREDIT_AWARDED".to_owned());
    }
    let changed_at = moment(row.updated_at, "row.updatedAt", fetched_at);
    let at = changed_at
        .or_else(|why| moment(row.created_at, "row.createdAt", fetched_at).map_err(|_| why))?;
    let mut notification = Notification::new(campaign, Some(at));
    let (friend, referrer) = Participant { referrer: None, ..row }.into_referred(&FIELDS);
    let referrer = referrer
        .map_err(|_| "row.referredBy is the friend, and nobody is their own friend".to_owned())?;
    // They have a row of their own among the participants; this list may be minutes old.
    let friend = notification.add_participant(Snapshot { is_subject: false, ..friend });
    let referrer = referrer.map(|referrer| notification.add_participant(referrer));
    notification.add_event(Event::ReferralConverted {
        friend,
        referrer,
        value: None,
        product: None,
    });
    Ok(notification)
}

/// Reads a commission as its webhook writes it.
fn commission(
    campaign: domain::Campaign,
    mut row: Commission<'_>,
    fetched_at: Time,
) -> Result<Notification, String> {
    let at = moment(row.created_at, "row.createdAt", fetched_at)?;
    let affiliate = row.referrer_id.take().ok_or_else(|| missing("row.referrerId"))?;
    let friend = row.referred_id.take().map(|id| Participant {
        id: Some(id),
        referred_by: Some(affiliate.clone()),
        ..Participant::default()
    });
    let mut notification = Notification::new(campaign, Some(at));
    let participant = Some(Participant { id: Some(affiliate), ..Participant::default() });
    let data = Data {
        participant,
        referred_participant: friend,
        commission: Some(row),
        ..Data::default()
    };
    commission_added(&mut notification, data, None)?;
    Ok(notification)
}

/// Reads a payout as its webhook writes it.
fn payout(
    campaign: domain::Campaign,
    mut row: Payout<'_>,
    fetched_at: Time,
) -> Result<Notification, String> {
    let at = moment(row.issued_at, "row.issuedAt", fetched_at)?;
    let affiliate = row.participant_id.take().ok_or_else(|| missing("row.participantId"))?;
    let mut notification = Notification::new(campaign, Some(at));
    let participant = Some(Participant { id: Some(affiliate), ..Participant::default() });
    payout_issued(
        &mut notification,
        Data { participant, payout: Some(row), ..Data::default() },
        None,
    )?;
    Ok(notification)
}

/// Keeps a configured reward in the earned one of a row, so that the row can be read alone.
fn complete(reward: &mut Value, configured: &Value) {
    let Some(reward) = reward.as_object_mut() else { return };
    let wanted = WANTED.into_iter().filter_map(|name| {
        let value = configured.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    reward.insert("configured".to_owned(), Value::Object(wanted.collect()));
}

/// Returns the id of a row, as the store holds it.
pub fn id_of(row: &Value) -> Option<String> {
    lenient::of::<Id>(row.get("id")?)
}

/// Returns the id of the configured reward that an earned one of a participant's row names.
pub fn configured_id(reward: &Value) -> Option<&str> {
    lenient::of::<Text>(reward.get("rewardId")?)
}
