//! Rows of the REST API's answers, as they are kept and as the news they are.
//!
//! What belongs here: the form in which a row is kept in the inbox, beside webhooks, with all that
//! must be known to read it again; and what each kind of row tells. What doesn't: fetching them.
//!
//! A kept body is `{"at": milliseconds, "campaign_name": ..., "campaign_type": ..., "tell": ..., "shares": ..., "row": {...}}`.
//! The row's kind and campaign are columns of the inbox: a body says nothing of where it is from.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::types::Campaign;
use crate::domain::{
    self, Event, Labelled, Notification, Reward, SendFilter, Snapshot, Source, Time, Webhook,
    WebhookId,
};
use crate::growsurf::draft::Draft;
use crate::growsurf::json::parse;
use crate::growsurf::lenient::{Object, text};
use crate::growsurf::moment::moment;
use crate::growsurf::participant::{refer, snapshot};
use crate::growsurf::reward::{Earned, complete, is_approved};
use crate::growsurf::webhook::{Joining, joined};
use crate::growsurf::{affiliate, missing};

/// What a row tells of.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, strum::EnumString, strum::IntoStaticStr,
)]
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
    /// When it was fetched, in milliseconds: what it says was true then.
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campaign_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campaign_type: Option<String>,
    /// Which of its events are to be told.
    #[serde(default)]
    tell: SendFilter,
    /// Whether its counts of shares are taken.
    #[serde(default)]
    shares: bool,
    row: Value,
}

/// Where rows come from, and what is to be made of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Origin {
    /// The campaign they are of.
    pub campaign: Campaign,
    /// When they were fetched.
    pub at: Time,
    /// Which of their events are to be told.
    pub tell: SendFilter,
    /// Whether their counts of shares are taken.
    pub shares: bool,
}

impl Row {
    /// A row as it was fetched. Rewards get what the campaign says of them, where GrowSurf's rows
    /// leave it out and its webhooks don't.
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
            tell: origin.tell,
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

    /// Returns its kind.
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

    /// What it says, or why it leads to nothing known, naming the field.
    pub fn news(&self) -> Result<Notification, String> {
        let Content { at, campaign_name, campaign_type, tell, shares, row } = &self.content;
        let row = Object::of(row).ok_or("row is no object")?;
        let fetched_at = Time::from_millis(*at);
        let name = campaign_name.clone();
        let campaign = domain::Campaign { id: Some(self.campaign.clone()), name };
        let mut draft = Draft::new(campaign, Some(fetched_at));
        match self.kind {
            Kind::Participant => {
                let joining = Joining { object: row, campaign_type: campaign_type.as_deref() };
                participant(&mut draft, &joining, *shares, fetched_at)?;
            }
            Kind::Referral => conversion(&mut draft, row, fetched_at)?,
            Kind::Commission => {
                draft.at(moment(row, "createdAt", "row.createdAt", fetched_at)?);
                affiliate::commission_added(&mut draft, of(&commission(row)?)?, fetched_at)?;
            }
            Kind::Payout => {
                draft.at(moment(row, "issuedAt", "row.issuedAt", fetched_at)?);
                affiliate::payout_issued(&mut draft, of(&payout(row)?)?, fetched_at)?;
            }
            Kind::Counted => {
                let id = row.id("id").ok_or_else(|| missing("row.id"))?;
                let who = draft.person(Snapshot::with_id("row", id));
                draft.tell(Event::FullyCompared { participant: who });
            }
        }
        let mut news = draft.finish()?;
        news.filter = *tell;
        news.as_of = Some(fetched_at);
        Ok(news)
    }
}

fn participant(
    draft: &mut Draft,
    joining: &Joining<'_>,
    shares: bool,
    fetched_at: Time,
) -> Result<(), String> {
    let row = joining.object;
    draft.at(moment(row, "createdAt", "row.createdAt", fetched_at)?);
    let mut participant = snapshot(row, "row");
    let told = row.person("referrer").map(|object| snapshot(object, "row.referrer"));
    let referrer = refer(&mut participant, told, row, "row.referredBy").map(|referrer| {
        // They have a row of their own.
        referrer.map(|referrer| Snapshot { is_subject: false, ..referrer })
    });
    let id = participant.id.clone();
    let who = joined(draft, participant, referrer, joining);
    let rewards = row.items("rewards").unwrap_or_default().iter();
    for (at, reward) in rewards.filter_map(|it| reward(it, id.as_deref(), fetched_at)) {
        match at {
            Some(at) => draft.at(at),
            None => draft.at_no_known_time(),
        }
        draft.tell(Event::RewardEarned { earner: who, reward });
    }
    if let (true, Some(counts)) = (shares, row.counts("shareCount")) {
        draft.as_fetched();
        draft.tell(Event::SharesCounted { participant: who, counts });
    }
    Ok(())
}

/// An approved reward and when it was approved. One that waits for approval is no news yet, and one
/// that was cancelled none any more.
fn reward(value: &Value, earner: Option<&str>, fetched_at: Time) -> Option<(Option<Time>, Reward)> {
    let object = Object::of(value)?;
    let status = object.text("status").unwrap_or_default();
    let at = |name| moment(object, name, name, fetched_at).ok();
    let approved_at = at("approvedAt");
    let is_approved = is_approved(object) || status == "FULFILLED";
    if !is_approved || status == "CANCELLED" {
        return None;
    }
    let at = approved_at.or_else(|| at("fulfilledAt")).or_else(|| at("createdAt"));
    let earned = Earned::in_row(object, earner);
    Some((at, earned.read(object.id("id")?, earned.side_in_row(), is_approved)))
}

/// A friend's conversion. GrowSurf tells when the row last changed, not when the friend converted.
fn conversion(draft: &mut Draft, row: Object<'_>, fetched_at: Time) -> Result<(), String> {
    let status = row.text("referralStatus").unwrap_or_default();
    if status != "CREDIT_AWARDED" {
        return Err(format!("row.referralStatus is {status:?}"));
    }
    let updated_at = moment(row, "updatedAt", "row.updatedAt", fetched_at);
    draft.at(updated_at
        .or_else(|why| moment(row, "createdAt", "row.createdAt", fetched_at).map_err(|_| why))?);
    let mut friend = snapshot(row, "row");
    // They have a row of their own among the participants; this list may be minutes old.
    friend.is_subject = false;
    let referrer = refer(&mut friend, None, row, "row.referredBy")
        .map_err(|_| "row.referredBy is the friend, and nobody is their own friend".to_owned())?;
    let friend = draft.person(friend);
    let referrer = referrer.map(|referrer| draft.person(referrer));
    draft.tell(Event::ReferralConverted { friend, referrer, value: None, product: None });
    Ok(())
}

/// A commission as its webhook writes it.
fn commission(row: Object<'_>) -> Result<Value, String> {
    let affiliate = row.id("referrerId").ok_or_else(|| missing("row.referrerId"))?;
    let friend = row.id("referredId").map(|id| json!({ "id": id, "referredBy": affiliate }));
    Ok(json!({
        "participant": { "id": affiliate },
        "referredParticipant": friend,
        "commission": row.value(),
    }))
}

/// A payout as its webhook writes it.
fn payout(row: Object<'_>) -> Result<Value, String> {
    let affiliate = row.id("participantId").ok_or_else(|| missing("row.participantId"))?;
    Ok(json!({ "participant": { "id": affiliate }, "payout": row.value() }))
}

fn of(value: &Value) -> Result<Object<'_>, String> {
    Object::of(value).ok_or_else(|| "row is no object".to_owned())
}

/// Returns the id of a row, as the store holds it.
pub fn id_of(row: &Value) -> Option<String> {
    Object::of(row)?.id("id")
}

/// The id of the configured reward that an earned one of a participant's row names.
pub fn configured_id(reward: &Value) -> Option<&str> {
    reward.get("rewardId").and_then(text)
}
