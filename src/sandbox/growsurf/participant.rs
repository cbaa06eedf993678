//! A participant: what is known of one, and the two shapes in which GrowSurf shows it.
//!
//! The row of the REST API has ranks, rewards and shares by channel; the smaller shape of webhooks
//! has the total of the shares.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::campaign::{Campaign, Counts};
use super::reward;

/// Lists of friends in a row end here.
const MAX_FRIENDS_IN_ROW: usize = 100;

/// How far a referral has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credit {
    /// The friend has signed up.
    Pending,
    /// The friend has converted.
    Awarded,
    /// The friend has not converted in time.
    Expired,
}

/// A member of a campaign.
#[derive(Clone, Debug)]
pub(super) struct Participant {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) created_at: i64,
    /// The referral's last change.
    pub(super) updated_at: i64,
    pub(super) awarded_at: Option<i64>,
    pub(super) referrer: Option<usize>,
    pub(super) source: &'static str,
    pub(super) credit: Credit,
    pub(super) friends: Vec<usize>,
    pub(super) shares: BTreeMap<String, u64>,
    pub(super) fraud: (String, String),
    pub(super) metadata: Map<String, Value>,
    pub(super) vanity_keys: Vec<Value>,
    pub(super) language: Value,
    pub(super) unsubscribed: bool,
    /// The status of an affiliate; in an affiliate program, others are customers.
    pub(super) affiliate: Option<String>,
    pub(super) is_deleted: bool,
}

/// The ranks of all participants of a campaign, by index.
#[derive(Debug)]
pub(super) struct Ranks([Vec<usize>; 3]);

impl Credit {
    /// Returns the name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "CREDIT_PENDING",
            Self::Awarded => "CREDIT_AWARDED",
            Self::Expired => "CREDIT_EXPIRED",
        }
    }
}

impl Ranks {
    /// Ranks by all referrals, by those of this month, and by those of the month before.
    pub(super) fn of(campaign: &Campaign, now: i64) -> Self {
        let counts: Vec<Counts> =
            (0..campaign.participants.len()).map(|index| campaign.counts(index, now)).collect();
        let ranked = |count: fn(&Counts) -> u64| {
            let mut order: Vec<usize> = (0..counts.len()).collect();
            order.sort_by_key(|index| std::cmp::Reverse(count(&counts[*index])));
            let mut ranks = vec![0; order.len()];
            for (place, index) in order.into_iter().enumerate() {
                ranks[index] = place + 1;
            }
            ranks
        };
        Self([
            ranked(|it| it.awarded),
            ranked(|it| it.awarded_this_month),
            ranked(|it| it.awarded_last_month),
        ])
    }
}

/// Returns the participant as the REST API shows it.
pub(super) fn row(campaign: &Campaign, index: usize, now: i64, ranks: &Ranks) -> Value {
    let participant = &campaign.participants[index];
    let mut row = ranked(campaign, index, now, ranks);
    let mut set = |key: &str, value: Value| row.insert(key.to_owned(), value);
    set("notes", json!(participant.notes));
    set("vanityKeys", json!(participant.vanity_keys));
    set("language", participant.language.clone());
    set("payoutSettings", json!({"requiredActions": []}));
    if campaign.rewards_in_rows {
        let earned = campaign.earned.iter().filter(|earned| earned.earner == index);
        let rewards: Vec<Value> = earned.map(|earned| reward::row(campaign, earned)).collect();
        set("rewards", json!(rewards));
    }
    if let Some(referrer) = campaign.referrer(index) {
        set("referredBy", json!(campaign.participants[referrer].id));
        set("referrer", ranked(campaign, referrer, now, ranks).into());
    }
    if campaign.is_affiliate() {
        set("isAffiliate", json!(participant.affiliate.is_some()));
        set("affiliateStatus", json!(participant.affiliate));
        set("affiliateEnrollmentSource", json!(participant.affiliate.as_ref().map(|_| "REST_API")));
    }
    row.into()
}

/// Returns the participant as a webhook of this time shows it.
pub(super) fn in_webhook(campaign: &Campaign, index: usize, at: i64) -> Map<String, Value> {
    let participant = &campaign.participants[index];
    let mut shown = facts(campaign, index, at);
    let mut set = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    set("notes", json!(participant.notes.as_deref().unwrap_or_default()));
    set("vanityKeys", json!(participant.vanity_keys));
    set("shareCount", json!(participant.shares.values().sum::<u64>()));
    shown
}

/// Returns the participant with the referrer, as webhooks show the person they are about.
pub(super) fn with_referrer(campaign: &Campaign, index: usize, at: i64) -> Map<String, Value> {
    let mut shown = in_webhook(campaign, index, at);
    if let Some(referrer) = campaign.referrer(index) {
        shown.insert("referredBy".to_owned(), json!(campaign.participants[referrer].id));
        shown.insert("referrer".to_owned(), in_webhook(campaign, referrer, at).into());
    }
    shown
}

/// Returns what the row of a participant and that of its referrer share.
fn ranked(campaign: &Campaign, index: usize, now: i64, ranks: &Ranks) -> Map<String, Value> {
    let mut row = facts(campaign, index, now);
    let mut set = |key: &str, value: Value| row.insert(key.to_owned(), value);
    let invitations = campaign.invitations.iter().filter(|it| it.referrer == index).count();
    set("inviteCount", json!(invitations));
    set("rank", json!(ranks.0[0][index]));
    set("monthlyRank", json!(ranks.0[1][index]));
    set("prevMonthlyRank", json!(ranks.0[2][index]));
    let newest = |friends: Vec<usize>| {
        let ids = friends.into_iter().rev().take(MAX_FRIENDS_IN_ROW);
        ids.map(|friend| json!(campaign.participants[friend].id)).collect::<Vec<Value>>()
    };
    set("referrals", json!(newest(campaign.awarded(index).collect())));
    let recent = campaign.awarded(index).filter(|friend| campaign.months_ago(*friend, now) == 0);
    set("monthlyReferrals", json!(newest(recent.collect())));
    if campaign.referrer(index).is_some() {
        set("referralStatus", json!(campaign.participants[index].credit.name()));
    }
    row
}

/// Returns what all shapes share.
fn facts(campaign: &Campaign, index: usize, at: i64) -> Map<String, Value> {
    let participant = &campaign.participants[index];
    let counts = campaign.counts(index, at);
    let shares: u64 = participant.shares.values().sum();
    let impressions = 3 * shares + participant.friends.len() as u64;
    let mut facts = json!({
        "id": participant.id,
        "email": participant.email,
        "firstName": participant.first_name,
        "lastName": participant.last_name,
        "isWinner": campaign.is_winner(index),
        "referralCount": counts.awarded,
        "monthlyReferralCount": counts.awarded_this_month,
        "prevMonthlyReferralCount": counts.awarded_last_month,
        "leadCount": counts.pending,
        "impressionCount": impressions,
        "uniqueImpressionCount": impressions / 2,
        "shareCount": participant.shares,
        "createdAt": participant.created_at,
        "referralSource": participant.source,
        "fraudRiskLevel": participant.fraud.0,
        "fraudReasonCode": participant.fraud.1,
        "metadata": participant.metadata,
        "unsubscribed": participant.unsubscribed,
    });
    if !campaign.is_affiliate() || participant.affiliate.as_deref() == Some("APPROVED") {
        facts["shareUrl"] = json!(format!("https://shop.example.com?grsf={}", participant.id));
    }
    let Value::Object(facts) = facts else { unreachable!("it is an object, above") };
    facts
}
