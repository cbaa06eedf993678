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

/// Lists of friends in a row end here.
const MAX_FRIENDS_IN_ROW: usize = 100;
const MAX_METADATA_KEYS: usize = 50;
const MAX_METADATA_KEY_CHARS: usize = 40;
const MAX_METADATA_CHARS: usize = 500;
const MAX_VANITY_KEYS: usize = 5;

/// The state of a referral.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) enum Credit {
    #[default]
    #[serde(rename = "CREDIT_PENDING")]
    Pending,
    #[serde(rename = "CREDIT_AWARDED")]
    Awarded,
    #[serde(rename = "CREDIT_EXPIRED")]
    Expired,
}

/// A member of a campaign.
#[derive(Clone, Debug, Default)]
pub(super) struct Participant {
    pub(super) id: String,
    /// The fields of the row that aren't derived.
    pub(super) fields: Value,
    pub(super) referrer: Option<usize>,
    pub(super) friends: Vec<usize>,
    pub(super) credit: Credit,
    /// When a delayed credit is awarded.
    pub(super) due: Option<i64>,
    pub(super) awarded_at: Option<i64>,
    /// The referral's last change.
    pub(super) updated_at: i64,
    pub(super) shares: BTreeMap<String, u64>,
    /// False for the customers of an affiliate program.
    pub(super) is_affiliate: bool,
    pub(super) is_deleted: bool,
}

/// Lists participants: newest first or, if metadata is asked for, in order of their ids.
pub(super) fn list(call: &mut Call<'_>) -> Answered {
    let metadata = call.query.metadata()?;
    let campaign = call.campaign();
    let of = |index: &usize| &campaign.participants[*index];
    let mut all: Vec<usize> = (0..campaign.participants.len()).rev().collect();
    if metadata.is_empty() {
        all.sort_by_cached_key(|index| Reverse(of(index).fields["createdAt"].as_i64()));
    } else {
        all.sort_by_key(|index| &of(index).id);
    }
    let fits = |index: &usize| {
        let has = |(key, value): &(&str, &str)| of(index).fields["metadata"][key] == *value;
        !of(index).is_deleted && metadata.iter().all(has)
    };
    let ranks = ranks(campaign, call.now);
    let shown = |index: &usize| row(campaign, *index, call.now, &ranks);
    call.query.page("participants", &all, |index| of(index).id.clone(), fits, shown)
}

/// Shows the participant in the path.
pub(super) fn show(call: &mut Call<'_>) -> Answered {
    let index = call.one()?;
    Ok(row_of(call, index))
}

/// Adds a participant and shows the row; one who is there already is shown unchanged.
pub(super) fn add(call: &mut Call<'_>) -> Answered {
    let email = call.body.get("email").and_then(Value::as_str).map(str::to_owned);
    let email = email.ok_or("email is required.")?;
    let is_new = call.campaign().find(&email).is_err();
    if is_new {
        let referrer = call.body.get("referredBy").and_then(Value::as_str);
        if referrer.is_some_and(|it| call.campaign().find(it).is_err()) {
            return Err("referredBy is nobody.".into());
        }
        call.change(json!({"join": call.body}))?;
    }
    let index = call.campaign().find(&email)?;
    let mut row = row_of(call, index);
    row["isNew"] = json!(is_new);
    Ok(row)
}

/// Changes fields of the participant in the path and shows the row.
pub(super) fn update(call: &mut Call<'_>) -> Answered {
    let index = call.one()?;
    call.change(json!({"update": {"participant": call.id, "fields": call.body}}))?;
    Ok(row_of(call, index))
}

/// Deletes the participant in the path.
pub(super) fn delete(call: &mut Call<'_>) -> Answered {
    call.one()?;
    call.change(json!({"delete": {"participant": call.id}}))?;
    Ok(json!({"success": true}))
}

fn row_of(call: &Call<'_>, index: usize) -> Value {
    row(call.campaign(), index, call.now, &ranks(call.campaign(), call.now))
}

/// Ranks all participants by all referrals, by those of this month and of the month before.
fn ranks(campaign: &Campaign, at: i64) -> Vec<[usize; 3]> {
    let all = 0..campaign.participants.len();
    let counts: Vec<_> = all.clone().map(|index| campaign.counts(index, at)).collect();
    let mut ranks = vec![[0; 3]; counts.len()];
    for kind in 0..3 {
        let mut order: Vec<usize> = all.clone().collect();
        order.sort_by_key(|index| Reverse(counts[*index][kind]));
        for (place, index) in order.into_iter().enumerate() {
            ranks[index][kind] = place + 1;
        }
    }
    ranks
}

/// Returns the participant as the REST API shows it.
fn row(campaign: &Campaign, index: usize, now: i64, ranks: &[[usize; 3]]) -> Value {
    let participant = &campaign.participants[index];
    let mut row = ranked(campaign, index, now, ranks);
    row["payoutSettings"] = json!({"requiredActions": []});
    if campaign.rewards_in_rows {
        let rewards = campaign.earned.iter().filter(|it| it.earner == index);
        row["rewards"] = rewards.map(|it| it.row.clone()).collect();
    }
    if let Some(referrer) = participant.referrer {
        row["referredBy"] = json!(campaign.participants[referrer].id);
        row["referrer"] =
            without(ranked(campaign, referrer, now, ranks), "notes vanityKeys language");
    }
    if campaign.is_affiliate() {
        let is_affiliate = participant.is_affiliate;
        row["isAffiliate"] = json!(is_affiliate);
        row["affiliateStatus"] = json!(is_affiliate.then_some("APPROVED"));
        row["affiliateEnrollmentSource"] = json!(is_affiliate.then_some("REST_API"));
    }
    row
}

/// Returns what the row of a participant and that of its referrer share.
fn ranked(campaign: &Campaign, index: usize, now: i64, ranks: &[[usize; 3]]) -> Value {
    let participant = &campaign.participants[index];
    let awarded: Vec<usize> = campaign.friends(index, Credit::Awarded).collect();
    let newest = |is_in: &dyn Fn(&usize) -> bool| -> Vec<&String> {
        let friends = awarded.iter().rev().filter(|friend| is_in(friend));
        friends.take(MAX_FRIENDS_IN_ROW).map(|it| &campaign.participants[*it].id).collect()
    };
    let invitations = campaign.invitations.iter();
    let [rank, monthly, previous] = ranks[index];
    let further = json!({
        "shareCount": participant.shares, "rank": rank, "monthlyRank": monthly,
        "prevMonthlyRank": previous, "referrals": newest(&|_| true),
        "monthlyReferrals": newest(&|friend| campaign.months_ago(*friend, now) == 0),
        "inviteCount": invitations.filter(|it| it["referredBy"] == participant.id).count(),
    });
    let mut row = with(facts(campaign, index, now), further);
    if participant.referrer.is_some() {
        row["referralStatus"] = json!(participant.credit);
    }
    row
}

/// Returns the participant as a webhook of this time shows it.
pub(super) fn in_webhook(campaign: &Campaign, index: usize, at: i64) -> Value {
    without(facts(campaign, index, at), "language")
}

/// Returns the participant with the referrer, as webhooks show the person they are about.
pub(super) fn with_referrer(campaign: &Campaign, index: usize, at: i64) -> Value {
    let mut shown = in_webhook(campaign, index, at);
    if let Some(referrer) = campaign.participants[index].referrer {
        shown["referredBy"] = json!(campaign.participants[referrer].id);
        shown["referrer"] = in_webhook(campaign, referrer, at);
    }
    shown
}

/// Returns what all shapes share.
fn facts(campaign: &Campaign, index: usize, at: i64) -> Value {
    let participant = &campaign.participants[index];
    let [all, monthly, previous] = campaign.counts(index, at);
    let shares: u64 = participant.shares.values().sum();
    let impressions = 3 * shares + participant.friends.len() as u64;
    let derived = json!({
        "referralCount": all, "monthlyReferralCount": monthly,
        "prevMonthlyReferralCount": previous,
        "leadCount": campaign.friends(index, Credit::Pending).count(),
        "impressionCount": impressions, "uniqueImpressionCount": impressions / 2,
        "shareCount": shares,
    });
    let mut facts = with(participant.fields.clone(), derived);
    if !campaign.is_affiliate() || participant.is_affiliate {
        facts["shareUrl"] = json!(format!("https://shop.example.com?grsf={}", participant.id));
    }
    facts
}

/// Returns a participant's fields after an update by their names in the REST API.
pub(super) fn updated(fields: &Value, changes: &Map<String, Value>) -> Result<Value, String> {
    let mut fields = fields.clone();
    for (key, value) in changes {
        let is_fit = match key.as_str() {
            "email" => value.is_string(),
            "firstName" | "lastName" | "notes" => value.is_string() || value.is_null(),
            "language" => value.is_string(),
            "unsubscribed" => value.is_boolean(),
            "metadata" => value.is_object(),
            "vanityKeys" => value.as_array().is_some_and(|keys| keys.len() <= MAX_VANITY_KEYS),
            _ => return Err(format!("{key} can't be updated.")),
        };
        if !is_fit {
            return Err(format!("{key} has a wrong type."));
        }
        fields[key] = match value.as_object() {
            Some(added) => metadata(&fields["metadata"], added)?,
            None => value.clone(),
        };
    }
    Ok(fields)
}

/// Merges metadata: keys become camel case, values become strings, and null removes.
pub(super) fn metadata(before: &Value, added: &Map<String, Value>) -> Result<Value, String> {
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
        let [name_chars, text_chars] = [&name, &text].map(|it| it.chars().count());
        if !(1..=MAX_METADATA_KEY_CHARS).contains(&name_chars) || text_chars > MAX_METADATA_CHARS {
            return Err(format!("metadata {key} is too long, or empty."));
        }
        merged.insert(name, json!(text));
    }
    if merged.len() > MAX_METADATA_KEYS {
        return Err("metadata has too many keys.".into());
    }
    Ok(merged.into())
}

/// Turns `My Metadata Key` and `my_metadata_key` into `myMetadataKey`.
fn camel_case(key: &str) -> String {
    let words = key.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut camel = String::new();
    for word in words {
        let (head, tail) = word.split_at(1);
        let is_first = camel.is_empty();
        camel += &if is_first { head.to_ascii_lowercase() } else { head.to_ascii_uppercase() };
        camel += tail;
    }
    camel
}
