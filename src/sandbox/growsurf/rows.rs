//! A participant as JSON: the row of the REST API, and the smaller shape of the webhooks.

use serde_json::{Map, Value, json};

use super::{
    campaign::{Campaign, Edit, NOW},
    rewards,
};

/// Every so many participants have a rank that is a string, as real rows have.
const RANK_IS_STRING: u64 = 10;
/// Every so many participants have a note.
const HAS_NOTES: u64 = 20;

/// The row of a participant.
pub(super) fn row(campaign: &Campaign, index: u64) -> Value {
    let mut row = ranked(campaign, index);
    if let Some(referrer) = campaign.living_referrer(index, NOW) {
        row.insert("referredBy".to_owned(), json!(campaign.id(referrer)));
        row.insert("referrer".to_owned(), referrer_row(campaign, referrer));
    }
    if campaign.rewards_in_rows {
        row.insert("rewards".to_owned(), json!(rewards::of(campaign, index)));
    }
    row.into()
}

/// A participant as a webhook of that time tells of them: what can be said inline.
pub(super) fn told(campaign: &Campaign, index: u64, at: i64) -> Map<String, Value> {
    let mut told = facts(campaign, index, at);
    let shares = told["shareCount"].as_object().into_iter().flat_map(Map::values);
    let shares: u64 = shares.filter_map(Value::as_u64).sum();
    told["shareCount"] = json!(shares);
    if told["notes"].is_null() {
        told["notes"] = json!("");
    }
    told.remove("inviteCount");
    told
}

/// First and last name, or null.
pub(super) fn names(campaign: &Campaign, index: u64, at: i64) -> [Value; 2] {
    let mut names = match campaign.joined(index) {
        Some(joined) => [json!(joined.first_name), json!(joined.last_name)],
        None => {
            let (first, last) = campaign.fiction.names(index);
            let has = |purpose| campaign.fiction.number(index, purpose, 12) != 0;
            [json!(has(5).then_some(first)), json!(has(6).then_some(last))]
        }
    };
    for edit in campaign.edits_until(index, at) {
        match edit {
            Edit::Set("firstName", name) => names[0] = name.clone(),
            Edit::Set("lastName", name) => names[1] = name.clone(),
            _ => {}
        }
    }
    names
}

/// The referrer in a row: one level, and without what is only theirs.
fn referrer_row(campaign: &Campaign, index: u64) -> Value {
    let mut row = ranked(campaign, index);
    for key in ["notes", "vanityKeys"] {
        row.remove(key);
    }
    row.into()
}

fn ranked(campaign: &Campaign, index: u64) -> Map<String, Value> {
    let mut row = facts(campaign, index, NOW);
    let rank = index + 1;
    let shown =
        if rank.is_multiple_of(RANK_IS_STRING) { json!(rank.to_string()) } else { json!(rank) };
    row.insert("rank".to_owned(), shown);
    row.insert("monthlyRank".to_owned(), json!(rank));
    if campaign.living_referrer(index, NOW).is_some() {
        let status = campaign.status(index, NOW).name();
        row.insert("referralStatus".to_owned(), json!(status));
    }
    if campaign.is_affiliate() {
        row.insert("isAffiliate".to_owned(), json!(is_affiliate(campaign, index)));
    }
    row
}

/// What both shapes tell. The shares are by channel.
fn facts(campaign: &Campaign, index: u64, at: i64) -> Map<String, Value> {
    let id = campaign.id(index);
    let counts = campaign.counts(index, at);
    let [first_name, last_name] = names(campaign, index, at);
    let is_made_up = campaign.joined(index).is_none();
    let fiction = &campaign.fiction;
    let impressions = if is_made_up { fiction.number(index, 7, 40) } else { 0 };
    let shares: Map<String, Value> = if is_made_up {
        fiction.shares(index).map(|(channel, times)| (channel.to_owned(), json!(times))).collect()
    } else {
        Map::new()
    };
    let source = match campaign.referrer(index) {
        None => "DIRECT",
        Some(referrer) if campaign.is_there(referrer, at) => "PARTICIPANT",
        Some(_) => "DELETED_PARTICIPANT",
    };

    let mut facts = Map::new();
    let mut set = |key: &str, value: Value| facts.insert(key.to_owned(), value);
    set("email", json!(campaign.email(index, at)));
    set("firstName", first_name);
    set("lastName", last_name);
    set("notes", json!(index.is_multiple_of(HAS_NOTES).then_some("internal note")));
    set("isWinner", json!(counts.awarded > 0));
    set("referralCount", json!(counts.awarded));
    set("monthlyReferralCount", json!(counts.awarded_this_month));
    set("prevMonthlyReferralCount", json!(0));
    set("leadCount", json!(counts.pending));
    set("inviteCount", json!(u64::from(fiction.has_invited(index))));
    set("vanityKeys", json!([]));
    set("impressionCount", json!(impressions));
    set("uniqueImpressionCount", json!(impressions / 2));
    set("shareCount", shares.into());
    set("createdAt", json!(campaign.created(index)));
    set("referralSource", json!(source));
    set("fraudRiskLevel", json!("LOW"));
    set("fraudReasonCode", json!("UNIQUE_IDENTITY"));
    set("metadata", json!({}));
    set("unsubscribed", json!(false));
    if !campaign.is_affiliate() || is_affiliate(campaign, index) {
        set("shareUrl", json!(format!("https://shop.example.com?grsf={id}")));
    }
    set("id", json!(id));
    for edit in campaign.edits_until(index, at) {
        apply(&mut facts, edit);
    }
    facts
}

fn apply(facts: &mut Map<String, Value>, edit: &Edit) {
    let mut inside = |field: &str, change: &dyn Fn(&mut Map<String, Value>)| {
        if let Some(Value::Object(object)) = facts.get_mut(field) {
            change(object);
        }
    };
    match edit {
        Edit::Set(field, value) => {
            facts.insert((*field).to_owned(), value.clone());
        }
        Edit::Metadata(key, None) => inside("metadata", &|metadata| {
            metadata.remove(key);
        }),
        Edit::Metadata(key, Some(value)) => inside("metadata", &|metadata| {
            metadata.insert(key.clone(), value.clone());
        }),
        Edit::Share(channel, times) => inside("shareCount", &|shares| {
            let before = shares.get(channel).and_then(Value::as_u64).unwrap_or(0);
            shares.insert(channel.clone(), json!(before + times));
        }),
    }
}

/// In an affiliate program, those who were referred are customers until they refer somebody.
fn is_affiliate(campaign: &Campaign, index: u64) -> bool {
    campaign.referrer(index).is_none() || campaign.all_friends(index).next().is_some()
}
