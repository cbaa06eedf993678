//! Participants: the two shapes in which GrowSurf shows them, and what is written to them.
//!
//! The row of the REST API has ranks, rewards and shares by channel; the smaller shape of webhooks
//! has the total of the shares.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::api::{Answered, Call};
use super::campaign::{Campaign, with, without};
use super::program::DAY_MS;
use super::reward;
use crate::sandbox::limits;

const MONTH_MS: i64 = 30 * DAY_MS;

/// The state of a referral.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) enum ReferralStatus {
    #[default]
    #[serde(rename = "CREDIT_PENDING")]
    Pending,
    #[serde(rename = "CREDIT_AWARDED")]
    Awarded,
    #[serde(rename = "CREDIT_EXPIRED")]
    Expired,
}

/// A member of a campaign.
#[derive(Debug, Default)]
pub(super) struct Participant {
    pub(super) id: String,
    /// The fields of the row that aren't derived.
    pub(super) fields: Value,
    pub(super) referrer: Option<usize>,
    pub(super) friends: Vec<usize>,
    pub(super) credit: ReferralStatus,
    /// The time at which a delayed credit is awarded.
    pub(super) due: Option<i64>,
    /// The last change of the credit.
    pub(super) updated_at: i64,
    pub(super) shares: BTreeMap<String, u64>,
    /// The rows of earned rewards, oldest first.
    pub(super) rewards: Vec<Value>,
    pub(super) is_deleted: bool,
}

impl Campaign {
    /// Adds a participant. Those who are referred to an affiliate program are customers.
    pub(super) fn join(&mut self, mut join: Map<String, Value>, at: i64) -> Result<usize, String> {
        let referrer = join.remove("referredBy");
        let referrer = referrer.as_ref().and_then(Value::as_str).map(|it| self.find(it));
        let referrer = referrer.transpose().map_err(|_| "referredBy is nobody.")?;
        let index = self.participants.len();
        let fields = json!({
            "email": null, "firstName": null, "lastName": null, "notes": "", "metadata": {},
            "createdAt": at,
            "referralSource": if referrer.is_some() { "PARTICIPANT" } else { "DIRECT" },
        });
        let mut fields = self.changed(index, self.like("participant", fields), &join)?;
        let id = self.new_id();
        fields["id"] = json!(id);
        if self.is_affiliate() {
            fields["isAffiliate"] = json!(referrer.is_none());
            fields["affiliateStatus"] = json!(referrer.is_none().then_some("APPROVED"));
        }
        if !self.is_affiliate() || referrer.is_none() {
            fields["shareUrl"] = json!(format!("https://shop.example.com?grsf={id}"));
        }
        self.index.insert(id.clone(), index);
        self.index.insert(address(&fields), index);
        let joined = Participant { id, fields, referrer, updated_at: at, ..Participant::default() };
        self.participants.push(joined);
        if let Some(referrer) = referrer {
            self.participants[referrer].friends.push(index);
        }
        self.keep_webhook(at, "NEW_PARTICIPANT_ADDED", self.with_referrer(index, at));
        Ok(index)
    }

    /// Changes fields by their names in the REST API.
    pub(super) fn update(
        &mut self,
        index: usize,
        changes: &Map<String, Value>,
    ) -> Result<(), String> {
        let before = self.participants[index].fields.clone();
        let fields = self.changed(index, before.clone(), changes)?;
        self.index.remove(&address(&before));
        self.index.insert(address(&fields), index);
        self.participants[index].fields = fields;
        Ok(())
    }

    /// Returns the fields of a participant after a change of them.
    fn changed(
        &self,
        index: usize,
        mut fields: Value,
        changes: &Map<String, Value>,
    ) -> Result<Value, String> {
        for (key, value) in changes {
            let is_fit = match key.as_str() {
                "firstName" | "lastName" => value.is_string() || value.is_null(),
                "email" | "notes" => value.is_string(),
                "unsubscribed" => value.is_boolean(),
                "metadata" => value.is_object(),
                _ => return Err(format!("{key} can't be changed.")),
            };
            if !is_fit {
                return Err(format!("{key} has a wrong type."));
            }
            fields[key] = match value.as_object() {
                Some(added) => metadata(&fields["metadata"], added)?,
                None => value.clone(),
            };
        }
        let address = address(&fields);
        limits::email("email", &address).map_err(|problem| problem.message)?;
        if self.find(&address).is_ok_and(|other| other != index) {
            return Err(format!("{address} is another participant's"));
        }
        Ok(fields)
    }

    /// Deletes a participant, whose address becomes free, and whose friends lose their referrer.
    pub(super) fn delete(&mut self, index: usize) {
        let deleted = &mut self.participants[index];
        self.index.remove(&address(&deleted.fields));
        self.index.remove(&deleted.id);
        self.invitations.retain(|invitation| invitation["referredBy"] != deleted.id);
        (deleted.is_deleted, deleted.due) = (true, None);
        let (friends, referrer) = (std::mem::take(&mut deleted.friends), deleted.referrer);
        for friend in friends {
            let friend = &mut self.participants[friend];
            (friend.referrer, friend.due) = (None, None);
            friend.fields["referralSource"] = json!("DELETED_PARTICIPANT");
        }
        if let Some(referrer) = referrer {
            self.participants[referrer].friends.retain(|friend| *friend != index);
        }
    }

    /// Returns the participant as a webhook of this time shows it.
    pub(super) fn in_webhook(&self, index: usize, at: i64) -> Value {
        let mut shown = without(self.facts(index, at), "isAffiliate affiliateStatus");
        shown["shareCount"] = json!(self.participants[index].shares.values().sum::<u64>());
        shown
    }

    /// Returns the participant with the referrer, as webhooks show the person they are about.
    pub(super) fn with_referrer(&self, index: usize, at: i64) -> Value {
        let mut shown = self.in_webhook(index, at);
        if let Some(referrer) = self.participants[index].referrer {
            shown["referredBy"] = json!(self.participants[referrer].id);
            shown["referrer"] = self.in_webhook(referrer, at);
        }
        shown
    }

    /// Returns what all shapes share.
    fn facts(&self, index: usize, at: i64) -> Value {
        let participant = &self.participants[index];
        let month = at - MONTH_MS;
        let derived = json!({
            "referralCount": self.friends(index, ReferralStatus::Awarded).count(),
            "monthlyReferralCount": self.awarded(index, month, i64::MAX),
            "prevMonthlyReferralCount": self.awarded(index, month - MONTH_MS, month),
            "leadCount": self.friends(index, ReferralStatus::Pending).count(),
            "shareCount": participant.shares,
        });
        with(participant.fields.clone(), derived)
    }

    /// Returns the numbers of awarded friends of all participants since a time, most first.
    fn standings(&self, since: i64) -> Vec<usize> {
        let counts = self.shown().map(|index| self.awarded(index, since, i64::MAX));
        let mut counts: Vec<usize> = counts.collect();
        counts.sort_unstable_by_key(|count| Reverse(*count));
        counts
    }

    /// Returns the rows of participants as the REST API shows them.
    fn rows(&self, now: i64) -> impl Fn(&usize) -> Value {
        let month = now - MONTH_MS;
        let (ever, monthly) = (self.standings(i64::MIN), self.standings(month));
        move |index| {
            let participant = &self.participants[*index];
            let rank = |of: &[usize], since| {
                let own = self.awarded(*index, since, i64::MAX);
                1 + of.partition_point(|count| *count > own)
            };
            let mut row = self.facts(*index, now);
            row["rank"] = json!(rank(&ever, i64::MIN));
            row["monthlyRank"] = json!(rank(&monthly, month));
            if self.rewards_in_rows {
                let own = participant.rewards.iter().cloned();
                row["rewards"] = own.map(|it| without(it, reward::NOT_IN_ROW)).collect();
            }
            if let Some(referrer) = participant.referrer {
                let hidden = "notes vanityKeys isAffiliate affiliateStatus";
                row["referralStatus"] = json!(participant.credit);
                row["referredBy"] = json!(self.participants[referrer].id);
                row["referrer"] = without(self.facts(referrer, now), hidden);
            }
            row
        }
    }
}

/// Lists participants, newest first, only those who have the metadata that is asked for.
pub(super) fn list(call: &Call<'_>) -> Answered {
    let metadata = call.query.metadata();
    let of = |index: &usize| &call.campaign.participants[*index];
    let mut all: Vec<usize> = (0..call.campaign.participants.len()).rev().collect();
    all.sort_by_key(|index| Reverse(of(index).fields["createdAt"].as_i64()));
    let fits = |index: &usize| {
        let has = |(key, value): &(&str, &str)| of(index).fields["metadata"][key] == *value;
        !of(index).is_deleted && metadata.iter().all(has)
    };
    let id = |index: &usize| of(index).id.clone();
    call.query.page("participants", &all, id, fits, call.campaign.rows(call.now))
}

pub(super) fn show(call: &Call<'_>, index: usize) -> Answered {
    Ok(call.campaign.rows(call.now)(&index))
}

/// Adds a participant and shows the row; one who is there already is shown unchanged.
pub(super) fn add(call: &mut Call<'_>) -> Answered {
    let known = call.campaign.find(&address(&call.body.clone().into())).ok();
    let index = known.map_or_else(|| call.campaign.join(call.body.clone(), call.now), Ok)?;
    Ok(with(show(call, index)?, json!({"isNew": known.is_none()})))
}

/// Returns the key of an address.
fn address(fields: &Value) -> String {
    fields["email"].as_str().unwrap_or_default().to_lowercase()
}

/// Merges metadata: keys become camel case, values become strings, and null removes.
fn metadata(before: &Value, added: &Map<String, Value>) -> Result<Value, String> {
    let mut merged = before.as_object().cloned().unwrap_or_default();
    for (key, value) in added {
        let name = camel_case(key);
        let text = match value {
            Value::Null => {
                merged.remove(&name);
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) => return Err("metadata must be shallow.".into()),
            other => other.to_string(),
        };
        merged.insert(name, json!(text));
    }
    Ok(merged.into())
}

/// Turns `My Metadata Key` and `my_metadata_key` into `myMetadataKey`.
fn camel_case(key: &str) -> String {
    let words = key.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let cased = words.enumerate().map(|(place, word)| {
        let (head, tail) = word.split_at(1);
        let head = if place == 0 { head.to_ascii_lowercase() } else { head.to_ascii_uppercase() };
        head + tail
    });
    cased.collect()
}
