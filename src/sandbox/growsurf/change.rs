//! Changes of a campaign: the only way in which anything happens to it.
//!
//! The made-up program, the control interface and the writes of the REST API all are changes. A
//! change that makes no sense changes nothing.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::campaign::{Campaign, Invitation};
use super::commission::{Commission, Payout};
use super::notice::Notice;
use super::participant::{Credit, Participant};
use super::program::DAY_MS;
use super::reward;
use super::update;

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
        /// The credit is awarded after this many days.
        #[serde(default)]
        delay_in_days: i64,
    },
    Cancel {
        friend: String,
    },
    Expire {
        friend: String,
    },
    Elapse {
        days: i64,
    },
    Invite(Whose),
    Reward {
        participant: String,
        #[serde(default = "yes")]
        approved: bool,
    },
    Approve(Whose),
    Pay(Whose),
    Reverse {
        friend: String,
    },
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
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Join {
    pub(super) email: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) referred_by: Option<String>,
    pub(super) is_affiliate: Option<bool>,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
}

/// The participant that a change is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    pub(super) participant: String,
}

impl Change {
    /// Makes the change at a time, and returns the webhooks that it leads to.
    ///
    /// # Errors
    ///
    /// Says why it makes no sense.
    pub(super) fn apply(&self, campaign: &mut Campaign, at: i64) -> Result<Vec<Notice>, String> {
        match self {
            Self::Join(join) => {
                return join.apply(campaign, at).map(|index| vec![Notice::Joined(index)]);
            }
            Self::Share { participant, channel, times } => {
                let index = find(campaign, participant)?;
                *campaign.participants[index].shares.entry(channel.clone()).or_default() += times;
            }
            Self::Convert { friend, delay_in_days } => {
                let friend = find(campaign, friend)?;
                return convert(campaign, friend, *delay_in_days, at);
            }
            Self::Cancel { friend } => {
                let friend = find(campaign, friend)?;
                let before = campaign.delayed.len();
                campaign.delayed.retain(|(_, delayed)| *delayed != friend);
                if campaign.delayed.len() == before {
                    return Err("Participant has no pending delayed referral trigger".to_owned());
                }
            }
            Self::Expire { friend } => {
                let friend = find(campaign, friend)?;
                pending(campaign, friend)?;
                campaign.participants[friend].credit = Credit::Expired;
                campaign.participants[friend].updated_at = at;
            }
            Self::Elapse { days } => {
                for (due, _) in &mut campaign.delayed {
                    *due -= days * DAY_MS;
                }
            }
            Self::Invite(whose) => {
                let referrer = find(campaign, &whose.participant)?;
                let id = campaign.new_id();
                campaign.invitations.push(Invitation { id, referrer, at });
            }
            Self::Reward { participant, approved } => {
                if campaign.is_affiliate() {
                    return Err("an affiliate program has no rewards".to_owned());
                }
                let earner = find(campaign, participant)?;
                return Ok(vec![Notice::Goal(reward::grant(campaign, earner, at, *approved))]);
            }
            Self::Approve(whose) => return approve(campaign, &whose.participant, at),
            Self::Pay(whose) => return pay(campaign, &whose.participant, at),
            Self::Reverse { friend } => {
                let friend = find(campaign, friend)?;
                let place = campaign.commissions.iter().position(|it| it.referred == friend);
                let place = place.ok_or("there is no commission on this friend")?;
                let commission = &mut campaign.commissions[place];
                (commission.status, commission.reversed_at) = ("REVERSED", Some(at));
                return Ok(vec![Notice::Adjusted(place)]);
            }
            Self::Fraud { participant, level, reason } => {
                let index = find(campaign, participant)?;
                campaign.participants[index].fraud = (level.clone(), reason.clone());
                return Ok(vec![Notice::Fraud(index)]);
            }
            Self::Email { participant, email } => {
                let index = find(campaign, participant)?;
                update::readdress(campaign, index, email)?;
            }
            Self::Update { participant, fields } => {
                let index = find(campaign, participant)?;
                return update::update(campaign, index, fields, at);
            }
            Self::Unsubscribe(whose) | Self::Resubscribe(whose) => {
                let index = find(campaign, &whose.participant)?;
                campaign.participants[index].unsubscribed = matches!(self, Self::Unsubscribe(_));
            }
            Self::Delete(whose) => delete(campaign, find(campaign, &whose.participant)?),
            Self::End {} => {
                campaign.ended_at = Some(at);
                return Ok(vec![Notice::Ended]);
            }
            Self::Configure(fields) => {
                let reward =
                    campaign.rewards.iter_mut().find(|it| Some(&it["id"]) == fields.get("id"));
                merge(reward.ok_or("a reward is named by its id")?, fields)?;
            }
            Self::Webhook(fields) => {
                let primary = campaign.webhooks.first_mut().and_then(Value::as_object_mut);
                merge(primary.ok_or("there is no primary webhook")?, fields)?;
            }
            Self::Integration(fields) => {
                let mut all = campaign.integrations.iter_mut().filter_map(Value::as_object_mut);
                let integration = all.find(|it| it.get("id") == fields.get("id"));
                merge(integration.ok_or("an integration is named by its id")?, fields)?;
            }
        }
        Ok(Vec::new())
    }
}

impl Join {
    fn apply(&self, campaign: &mut Campaign, at: i64) -> Result<usize, String> {
        update::is_free(campaign, &self.email)?;
        let referred_by = self.referred_by.as_deref();
        let referrer = referred_by.map(|referrer| find(campaign, referrer)).transpose()?;
        let is_affiliate = self.is_affiliate.unwrap_or(referrer.is_none());
        let participant = Participant {
            id: campaign.new_id(),
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            notes: self.notes.clone(),
            created_at: at,
            updated_at: at,
            awarded_at: None,
            referrer,
            source: if referrer.is_some() { "PARTICIPANT" } else { "DIRECT" },
            credit: Credit::Pending,
            friends: Vec::new(),
            shares: std::collections::BTreeMap::new(),
            fraud: ("LOW".to_owned(), "UNIQUE_IDENTITY".to_owned()),
            metadata: update::metadata(&Map::new(), &self.metadata)?,
            vanity_keys: Vec::new(),
            language: json!("en"),
            unsubscribed: false,
            affiliate: is_affiliate.then(|| "APPROVED".to_owned()),
            is_deleted: false,
        };
        let index = campaign.participants.len();
        campaign.ids.insert(participant.id.clone(), index);
        campaign.emails.insert(self.email.to_lowercase(), index);
        if let Some(referrer) = referrer {
            campaign.participants[referrer].friends.push(index);
        }
        campaign.participants.push(participant);
        Ok(index)
    }
}

/// Awards the credit for a friend, now or after a delay.
fn convert(
    campaign: &mut Campaign,
    friend: usize,
    delay_in_days: i64,
    at: i64,
) -> Result<Vec<Notice>, String> {
    let referrer = pending(campaign, friend)?;
    if delay_in_days > 0 {
        campaign.delayed.push((at + delay_in_days * DAY_MS, friend));
        return Ok(Vec::new());
    }
    campaign.delayed.retain(|(_, delayed)| *delayed != friend);
    let participant = &mut campaign.participants[friend];
    participant.credit = Credit::Awarded;
    (participant.updated_at, participant.awarded_at) = (at, Some(at));
    if campaign.is_affiliate() {
        let commission = Commission::new(campaign, referrer, friend, at);
        campaign.commissions.push(commission);
        return Ok(vec![Notice::Commission(campaign.commissions.len() - 1)]);
    }
    Ok(reward::earn(campaign, referrer, friend, at).map(Notice::Goal).collect())
}

/// Returns the referrer of a friend whose credit is pending; says in GrowSurf's words why it isn't.
fn pending(campaign: &Campaign, friend: usize) -> Result<usize, String> {
    let referrer = campaign.referrer(friend).ok_or("Participant was not referred")?;
    match campaign.participants[friend].credit {
        Credit::Pending => Ok(referrer),
        Credit::Awarded => Err("Referral credit has already been awarded".to_owned()),
        Credit::Expired => Err("Referral credit has expired".to_owned()),
    }
}

/// Approves what waits for a participant: rewards or commissions.
fn approve(campaign: &mut Campaign, participant: &str, at: i64) -> Result<Vec<Notice>, String> {
    let index = find(campaign, participant)?;
    for commission in &mut campaign.commissions {
        if commission.referrer == index && commission.status == "PENDING" {
            (commission.status, commission.approved_at) = ("APPROVED", Some(at));
        }
    }
    let mut notices = Vec::new();
    for (place, earned) in campaign.earned.iter_mut().enumerate() {
        if earned.earner == index && earned.approved_at.is_none() {
            earned.approved_at = Some(at);
            notices.push(Notice::Goal(place));
        }
    }
    Ok(notices)
}

/// Pays the approved commissions of an affiliate, if there are any.
fn pay(campaign: &mut Campaign, participant: &str, at: i64) -> Result<Vec<Notice>, String> {
    let affiliate = find(campaign, participant)?;
    let mut paid = Vec::new();
    for (place, commission) in campaign.commissions.iter_mut().enumerate() {
        if commission.referrer == affiliate && commission.status == "APPROVED" {
            (commission.status, commission.paid_at) = ("PAID", Some(at));
            paid.push(place);
        }
    }
    if paid.is_empty() {
        return Ok(Vec::new());
    }
    let id = format!("po_{}", campaign.new_id());
    campaign.payouts.push(Payout { id, affiliate, commissions: paid, at });
    Ok(vec![Notice::Payout(campaign.payouts.len() - 1)])
}

/// Deletes a participant, whose address becomes free, and whose friends have no referrer any more.
fn delete(campaign: &mut Campaign, index: usize) {
    campaign.emails.remove(&campaign.participants[index].email.to_lowercase());
    campaign.participants[index].is_deleted = true;
    for friend in campaign.participants[index].friends.clone() {
        campaign.participants[friend].source = "DELETED_PARTICIPANT";
    }
}

fn merge(into: &mut Map<String, Value>, fields: &Map<String, Value>) -> Result<(), String> {
    if let Some(key) = fields.keys().find(|key| !into.contains_key(*key)) {
        return Err(format!("there is no field {key}"));
    }
    into.extend(fields.clone());
    Ok(())
}

fn find(campaign: &Campaign, id_or_email: &str) -> Result<usize, String> {
    campaign.find(id_or_email).ok_or_else(|| format!("there is no participant {id_or_email}"))
}

fn once() -> u64 {
    1
}

fn yes() -> bool {
    true
}
