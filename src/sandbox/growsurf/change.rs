//! Changes of a campaign: the only way in which anything happens to it.
//!
//! The made-up program, the control interface and the writes of the REST API all are changes. A
//! change that makes no sense changes nothing.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::participant::{Credit, Participant, metadata, updated, with_referrer};
use super::world::DAY_MS;
use super::{commission, referral, reward};
use crate::sandbox::limits;

/// A change, as the control interface sends it; a participant is named by id or address.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Change {
    Join(Join),
    Share {
        participant: String,
        channel: String,
        #[serde(default = "once")]
        times: u64,
    },
    Convert {
        friend: String,
        #[serde(default)]
        delay_in_days: i64,
    },
    Cancel(Whose),
    Expire(Whose),
    Elapse {
        days: i64,
    },
    Invite(Whose),
    Reward(Whose),
    Approve(Whose),
    Pay(Whose),
    Reverse(Whose),
    Fraud {
        participant: String,
        level: String,
        reason: String,
    },
    Email {
        participant: String,
        email: String,
    },
    Update {
        participant: String,
        fields: Map<String, Value>,
    },
    Unsubscribe(Whose),
    Resubscribe(Whose),
    Delete(Whose),
    End {},
    Configure(Map<String, Value>),
    Webhook(Map<String, Value>),
    Integration(Map<String, Value>),
}

/// A new participant.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Join {
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    #[serde(default)]
    notes: String,
    referred_by: Option<String>,
    is_affiliate: Option<bool>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// The participant that a change is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    #[serde(alias = "friend")]
    participant: String,
}

impl Change {
    /// Makes the change at a time.
    pub(super) fn apply(&self, campaign: &mut Campaign, at: i64) -> Result<(), String> {
        let of = |whose: &Whose| campaign.find(&whose.participant);
        match self {
            Self::Join(join) => join.apply(campaign, at)?,
            Self::Share { participant, channel, times } => {
                let index = campaign.find(participant)?;
                *campaign.participants[index].shares.entry(channel.clone()).or_default() += times;
            }
            Self::Convert { friend, delay_in_days } => {
                convert(campaign, friend, *delay_in_days, at)?;
            }
            Self::Cancel(whose) => {
                let friend = of(whose)?;
                let due = campaign.participants[friend].due.take();
                due.ok_or("Participant has no pending delayed referral trigger")?;
            }
            Self::Expire(whose) => {
                let friend = of(whose)?;
                pending(campaign, friend)?;
                let friend = &mut campaign.participants[friend];
                (friend.credit, friend.due, friend.updated_at) = (Credit::Expired, None, at);
            }
            Self::Elapse { days } => {
                for participant in &mut campaign.participants {
                    let past = days.saturating_mul(DAY_MS);
                    participant.due = participant.due.map(|due| due.saturating_sub(past));
                }
            }
            Self::Invite(whose) => {
                let referrer = campaign.participants[of(whose)?].id.clone();
                let invitation = referral::invitation(&campaign.new_id(), &referrer, at);
                campaign.invitations.push(invitation);
            }
            Self::Reward(whose) => reward::grant(campaign, of(whose)?, at)?,
            Self::Approve(whose) => {
                let index = of(whose)?;
                commission::approve(campaign, index, at);
                reward::approve(campaign, index, at);
            }
            Self::Pay(whose) => commission::pay(campaign, of(whose)?, at),
            Self::Reverse(whose) => commission::reverse(campaign, of(whose)?, at)?,
            Self::Fraud { participant, level, reason } => {
                let index = campaign.find(participant)?;
                campaign.participants[index].fields["fraudRiskLevel"] = json!(level);
                campaign.participants[index].fields["fraudReasonCode"] = json!(reason);
                let data = |it: &Campaign| json!({"participant": with_referrer(it, index, at)});
                campaign.tell(at, "PARTICIPANT_FRAUD_STATUS_UPDATED", data);
            }
            Self::Email { participant, email } => {
                update(campaign, participant, &json!({"email": email}), at)?;
            }
            Self::Update { participant, fields } => {
                update(campaign, participant, &json!(fields), at)?;
            }
            Self::Unsubscribe(whose) | Self::Resubscribe(whose) => {
                let wish = json!({"unsubscribed": matches!(self, Self::Unsubscribe(_))});
                update(campaign, &whose.participant, &wish, at)?;
            }
            Self::Delete(whose) => delete(campaign, of(whose)?),
            Self::End {} => {
                campaign.ended_at = Some(at);
                campaign.tell(at, "CAMPAIGN_ENDED", |campaign| campaign.ended(at));
            }
            Self::Configure(fields) => configure(&mut campaign.rewards, fields)?,
            Self::Webhook(fields) => {
                let mut named = fields.clone();
                named.entry("id").or_insert(json!("primary"));
                configure(&mut campaign.webhooks, &named)?;
            }
            Self::Integration(fields) => configure(&mut campaign.integrations, fields)?,
        }
        Ok(())
    }
}

impl Join {
    fn apply(&self, campaign: &mut Campaign, at: i64) -> Result<(), String> {
        let referrer = self.referred_by.as_deref().map(|it| campaign.find(it)).transpose()?;
        let index = campaign.participants.len();
        let added = metadata(&json!({}), &self.metadata)?;
        take_address(campaign, index, &self.email)?;
        let id = campaign.new_id();
        campaign.index.insert(id.clone(), index);
        let fields = json!({
            "id": id, "email": self.email, "firstName": self.first_name,
            "lastName": self.last_name, "notes": self.notes, "createdAt": at, "isWinner": false,
            "referralSource": if referrer.is_some() { "PARTICIPANT" } else { "DIRECT" },
            "fraudRiskLevel": "LOW", "fraudReasonCode": "UNIQUE_IDENTITY", "metadata": added,
            "vanityKeys": [], "language": "en", "unsubscribed": false,
        });
        campaign.participants.push(Participant {
            id,
            fields,
            referrer,
            updated_at: at,
            is_affiliate: self.is_affiliate.unwrap_or(referrer.is_none()),
            ..Participant::default()
        });
        if let Some(referrer) = referrer {
            campaign.participants[referrer].friends.push(index);
        }
        campaign.tell(at, "NEW_PARTICIPANT_ADDED", |it| with_referrer(it, index, at));
        Ok(())
    }
}

/// Awards the credit for a friend, now or after a delay.
fn convert(campaign: &mut Campaign, friend: &str, days: i64, at: i64) -> Result<(), String> {
    let friend = campaign.find(friend)?;
    let referrer = pending(campaign, friend)?;
    let participant = &mut campaign.participants[friend];
    if days > 0 {
        participant.due = Some(at.saturating_add(days.saturating_mul(DAY_MS)));
        return Ok(());
    }
    participant.due = None;
    participant.credit = Credit::Awarded;
    (participant.updated_at, participant.awarded_at) = (at, Some(at));
    if campaign.is_affiliate() {
        commission::earn(campaign, referrer, friend, at);
    } else {
        reward::earn(campaign, referrer, friend, at);
    }
    Ok(())
}

/// Returns the referrer of a friend whose credit is pending; says in GrowSurf's words why it isn't.
fn pending(campaign: &Campaign, friend: usize) -> Result<usize, String> {
    let participant = &campaign.participants[friend];
    let referrer = participant.referrer.ok_or("Participant was not referred")?;
    match participant.credit {
        Credit::Pending => Ok(referrer),
        Credit::Awarded => Err("Referral credit has already been awarded".to_owned()),
        Credit::Expired => Err("Referral credit has expired".to_owned()),
    }
}

/// Changes fields of a participant, or none if one of them makes no sense.
fn update(campaign: &mut Campaign, who: &str, changes: &Value, at: i64) -> Result<(), String> {
    let index = campaign.find(who)?;
    let changes = changes.as_object().cloned().unwrap_or_default();
    let fields = updated(&campaign.participants[index].fields, &changes)?;
    if let Some(email) = changes.get("email").and_then(Value::as_str) {
        take_address(campaign, index, email)?;
        let email = email.to_lowercase();
        campaign.index.retain(|key, of| *of != index || !key.contains('@') || *key == email);
    }
    campaign.participants[index].fields = fields;
    campaign.participants[index].updated_at = at;
    Ok(())
}

/// Gives a participant an address.
fn take_address(campaign: &mut Campaign, index: usize, email: &str) -> Result<(), String> {
    limits::email("email", email).map_err(|problem| problem.message)?;
    if campaign.find(email).is_ok_and(|other| other != index) {
        return Err(format!("{email} is another participant's"));
    }
    campaign.index.insert(email.to_lowercase(), index);
    Ok(())
}

/// Deletes a participant, whose address becomes free, and whose friends lose their referrer.
fn delete(campaign: &mut Campaign, index: usize) {
    campaign.index.retain(|_, of| *of != index);
    let id = campaign.participants[index].id.clone();
    campaign.invitations.retain(|invitation| invitation["referredBy"] != id);
    (campaign.participants[index].is_deleted, campaign.participants[index].due) = (true, None);
    for participant in &mut campaign.participants {
        participant.friends.retain(|friend| *friend != index);
        if participant.referrer == Some(index) {
            (participant.referrer, participant.due) = (None, None);
            participant.fields["referralSource"] = json!("DELETED_PARTICIPANT");
        }
    }
}

/// Changes fields of the one that has the id among them.
fn configure(all: &mut [Value], fields: &Map<String, Value>) -> Result<(), String> {
    let found = all.iter_mut().find(|it| Some(&it["id"]) == fields.get("id"));
    let found = found.ok_or("id: there is none of this id")?;
    if let Some(key) = fields.keys().find(|key| found.get(key).is_none()) {
        return Err(format!("there is no field {key}"));
    }
    for (key, value) in fields {
        found[key] = value.clone();
    }
    Ok(())
}

fn once() -> u64 {
    1
}
