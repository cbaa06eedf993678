//! Changes to a campaign, as the control sends them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    campaign::{Campaign, Edit, Joined, NOW},
    fiction::Status,
    hooks,
    ids::MAX_PARTICIPANTS,
};

/// Changes of one campaign at one time. Without a campaign they are of the first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    pub(super) campaign: Option<String>,
    at: Option<i64>,
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Change {
    Join {
        email: String,
        first_name: Option<String>,
        last_name: Option<String>,
        referred_by: Option<String>,
    },
    Share {
        participant: String,
        channel: String,
        #[serde(default = "once")]
        times: u64,
    },
    Convert {
        friend: String,
    },
    Reward(Whose),
    Email {
        participant: String,
        email: String,
    },
    Unsubscribe(Whose),
    Resubscribe(Whose),
    Delete(Whose),
    Webhook(Map<String, Value>),
    Integration(Map<String, Value>),
}

/// The participant that a change is about, by id or address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    participant: String,
}

impl Changes {
    /// Makes the changes in order, and returns the ids of those who have joined.
    ///
    /// # Errors
    ///
    /// Says which change makes no sense, and why. Those before it stay.
    pub(super) fn apply(self, campaign: &mut Campaign, now: i64) -> Result<Vec<String>, String> {
        let at = self.at.unwrap_or(now);
        let mut ids = Vec::new();
        for (number, change) in self.changes.into_iter().enumerate() {
            let joined = change.apply(campaign, at);
            ids.extend(joined.map_err(|problem| format!("changes[{number}]: {problem}"))?);
        }
        Ok(ids)
    }
}

impl Change {
    /// Returns the id of who has joined by it.
    fn apply(self, campaign: &mut Campaign, at: i64) -> Result<Option<String>, String> {
        match self {
            Self::Join { email, first_name, last_name, referred_by } => {
                is_free(campaign, &email)?;
                if campaign.len() >= MAX_PARTICIPANTS {
                    return Err("there are no ids left".to_owned());
                }
                let referred_by = referred_by.map(|id| find(campaign, &id)).transpose()?;
                let index = campaign.join(Joined { at, email, first_name, last_name, referred_by });
                return Ok(Some(campaign.id(index)));
            }
            Self::Share { participant, channel, times } => {
                let index = find(campaign, &participant)?;
                campaign.edit(index, at, Edit::Share(channel, times));
            }
            Self::Convert { friend } => {
                let index = find(campaign, &friend)?;
                convert(campaign, index, at)?;
            }
            Self::Reward(Whose { participant }) => {
                if campaign.is_affiliate() {
                    return Err("an affiliate program has no rewards".to_owned());
                }
                let index = find(campaign, &participant)?;
                campaign.extra_rewards.push((at, index));
            }
            Self::Email { participant, email } => {
                let index = find(campaign, &participant)?;
                is_free(campaign, &email)?;
                campaign.edit(index, at, Edit::Set("email", json!(email)));
            }
            Self::Unsubscribe(whose) => unsubscribe(campaign, &whose, at, true)?,
            Self::Resubscribe(whose) => unsubscribe(campaign, &whose, at, false)?,
            Self::Delete(Whose { participant }) => {
                let index = find(campaign, &participant)?;
                campaign.delete(index, at);
            }
            Self::Webhook(fields) => {
                let primary = campaign.webhooks.iter_mut().find(|hook| hook["primary"] == true);
                hooks::merge(primary.ok_or("there is no primary webhook")?, &fields)?;
            }
            Self::Integration(fields) => {
                let id = fields.get("id").ok_or("an integration is told by its id")?;
                let mut integrations = campaign.integrations.iter_mut();
                let integration = integrations.find(|integration| integration["id"] == *id);
                hooks::merge(integration.ok_or("there is no such integration")?, &fields)?;
            }
        }
        Ok(None)
    }
}

/// Awards the referral of a friend that is pending.
///
/// # Errors
///
/// Says why there is nothing to award.
pub(super) fn convert(campaign: &mut Campaign, friend: u64, at: i64) -> Result<(), &'static str> {
    if campaign.living_referrer(friend, NOW).is_none() {
        return Err("Participant was not referred");
    }
    match campaign.status(friend, NOW) {
        Status::Awarded => Err("Referral credit has already been awarded"),
        Status::Expired => Err("Referral credit has expired"),
        Status::Pending => {
            campaign.converted.insert(friend, at);
            campaign.forget_totals();
            Ok(())
        }
    }
}

/// Whether somebody can have this address.
///
/// # Errors
///
/// Says why not.
pub(super) fn is_free(campaign: &Campaign, email: &str) -> Result<(), String> {
    let is_address = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !email.contains(char::is_whitespace)
    });
    if !is_address {
        return Err(format!("{email:?} is not an email address"));
    }
    match campaign.find(email) {
        Some(_) => Err(format!("{email} is another participant's")),
        None => Ok(()),
    }
}

fn unsubscribe(campaign: &mut Campaign, whose: &Whose, at: i64, to: bool) -> Result<(), String> {
    let index = find(campaign, &whose.participant)?;
    campaign.edit(index, at, Edit::Set("unsubscribed", json!(to)));
    Ok(())
}

fn find(campaign: &Campaign, id_or_email: &str) -> Result<u64, String> {
    campaign.find(id_or_email).ok_or_else(|| format!("there is no participant {id_or_email}"))
}

fn once() -> u64 {
    1
}
