//! Rewards: those that a campaign has configured, and those that participants have earned.
//!
//! A conversion earns what is switched on: the referrer's reward, the friend's too if the reward
//! is double-sided, and a milestone at its number of conversions, which waits for approval.

use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::program::Kind;
use super::query::Query;
use super::refusal::Refusal;

/// The double-sided reward for each conversion.
const BOTH: &str = "crew_both01";
/// The reward that the made-up program switches off after a while.
pub(super) const LAUNCH: &str = "crew_launch";
/// The reward for the fifth conversion.
const MILESTONE: &str = "crew_vip005";

/// The fields of a configured reward that the campaign in a webhook leaves out.
const NOT_IN_WEBHOOK: &str = "commissionStructure event imageIconKey referralCouponCode referredRewardUpfront referredValue value";
/// What an earned reward tells of its configuration in a webhook.
const IN_EARNED: &str =
    "conversionsRequired couponCode description imageUrl limit metadata title type";

/// A reward that a participant has earned.
#[derive(Clone, Debug)]
pub(super) struct Earned {
    pub(super) id: String,
    /// The id of the configured reward.
    pub(super) reward: String,
    pub(super) earner: usize,
    pub(super) referrer: usize,
    pub(super) referred: Option<usize>,
    pub(super) is_referrer: bool,
    pub(super) created_at: i64,
    pub(super) approved_at: Option<i64>,
    pub(super) fulfilled_at: Option<i64>,
}

/// Returns the rewards that a campaign starts with, as the REST API shows them.
pub(super) fn configured(kind: Kind) -> Vec<Map<String, Value>> {
    if kind == Kind::Affiliate {
        let structure = json!({
            "event": "SALE", "type": "PERCENT", "percent": 25.0, "holdDuration": 7,
            "approvalRequired": true,
        });
        let mut commission = configuration("crew_sales1", "AFFILIATE", "Sales", json!({}));
        commission.insert("commissionStructure".to_owned(), structure);
        return vec![commission];
    }
    let amounts = json!({
        "amount": "$25", "rewardForReferrer": "$25", "rewardForReferred": "$10", "points": "1000",
    });
    let mut both = configuration(BOTH, "DOUBLE_SIDED", "Give 10, get 25", amounts);
    let sides = [
        ("description", json!("$25 for you when a friend buys at the Example Shop")),
        ("couponCode", json!("REFERRER-25")),
        ("value", json!({"fairMarketValueUSD": 25.0, "taxCharacter": null})),
        ("referralDescription", json!("$10 off your first order at the Example Shop")),
        ("referralCouponCode", json!("FRIEND-10")),
        ("referredValue", json!({"fairMarketValueUSD": 10.0, "taxCharacter": null})),
        ("referredRewardUpfront", json!(false)),
    ];
    both.extend(sides.map(|(key, value)| (key.to_owned(), value)));

    let mut launch = configuration(LAUNCH, "SINGLE_SIDED", "Launch gift", json!({"amount": "$5"}));
    launch.insert("couponCode".to_owned(), json!("LAUNCH-5"));

    let mut milestone = configuration(MILESTONE, "MILESTONE", "VIP", json!({"amount": "$100"}));
    milestone.insert("conversionsRequired".to_owned(), json!(5));
    milestone.insert("isUnlimited".to_owned(), json!(false));
    milestone.insert("limit".to_owned(), json!(1));
    vec![both, launch, milestone]
}

fn configuration(id: &str, kind: &str, title: &str, metadata: Value) -> Map<String, Value> {
    let configured = json!({
        "id": id, "type": kind, "title": title, "metadata": metadata,
        "description": format!("{title}, for you and your friends at the Example Shop"),
        "event": if kind == "AFFILIATE" { Value::Null } else { json!("CONVERSION") },
        "isVisible": true, "isUnlimited": true, "limit": -1, "limitDuration": "IN_TOTAL",
        "conversionsRequired": 1, "numberOfWinners": null, "order": null,
        "imageUrl": "https://shop.example.com/reward.png", "imageIconKey": null,
        "couponCode": null, "referralCouponCode": null, "referralDescription": null,
        "referredRewardUpfront": null, "value": null, "referredValue": null,
        "nextMilestonePrefix": "You are only",
        "nextMilestoneSuffix": "referrals away from a reward!",
    });
    let Value::Object(configured) = configured else { unreachable!("it is an object, above") };
    configured
}

/// Returns the rewards that are switched on: the only ones that the campaign itself shows.
pub(super) fn visible(campaign: &Campaign) -> impl Iterator<Item = &Map<String, Value>> {
    campaign.rewards.iter().filter(|reward| reward["isVisible"] == true)
}

/// Adds what the conversion of a friend earns, and returns the places of what is new.
pub(super) fn earn(
    campaign: &mut Campaign,
    referrer: usize,
    friend: usize,
    at: i64,
) -> std::ops::Range<usize> {
    let first = campaign.earned.len();
    let conversions = campaign.awarded(referrer).count();
    let rewards: Vec<Map<String, Value>> = visible(campaign).cloned().collect();
    for reward in rewards {
        let id = reward["id"].as_str().unwrap_or_default();
        match reward["type"].as_str() {
            Some("MILESTONE") if reward["conversionsRequired"] == conversions => {
                add(campaign, id, (referrer, Some(friend)), true, at, false);
            }
            Some("SINGLE_SIDED") => add(campaign, id, (referrer, Some(friend)), true, at, true),
            Some("DOUBLE_SIDED") => {
                add(campaign, id, (referrer, Some(friend)), true, at, true);
                add(campaign, id, (referrer, Some(friend)), false, at, true);
            }
            _ => {}
        }
    }
    first..campaign.earned.len()
}

/// Adds a milestone that no conversion has earned, and returns its place.
pub(super) fn grant(campaign: &mut Campaign, earner: usize, at: i64, is_approved: bool) -> usize {
    add(campaign, MILESTONE, (earner, None), true, at, is_approved);
    campaign.earned.len() - 1
}

fn add(
    campaign: &mut Campaign,
    reward: &str,
    (referrer, referred): (usize, Option<usize>),
    is_referrer: bool,
    at: i64,
    is_approved: bool,
) {
    let earner = if is_referrer { referrer } else { referred.unwrap_or(referrer) };
    let is_fulfilled = is_approved && campaign.earned.len().is_multiple_of(2);
    let earned = Earned {
        id: format!("prew_{}", campaign.new_id()),
        reward: reward.to_owned(),
        earner,
        referrer,
        referred,
        is_referrer,
        created_at: at,
        approved_at: is_approved.then_some(at),
        fulfilled_at: is_fulfilled.then_some(at),
    };
    campaign.earned.push(earned);
}

/// Returns the page of a participant's earned rewards that a query asks for.
pub(super) fn list(campaign: &Campaign, of: usize, query: &Query) -> Result<Value, Refusal> {
    let all: Vec<&Earned> = campaign.earned.iter().filter(|earned| earned.earner == of).collect();
    let page = query.page(all, |earned| earned.id.clone(), |_| true)?;
    let rows: Vec<Value> = page.rows.into_iter().map(|earned| row(campaign, earned)).collect();
    Ok(json!({"rewards": rows, "limit": page.limit, "nextId": page.next}))
}

/// Returns an earned reward as the REST API shows it: with the id of its configuration only.
pub(super) fn row(campaign: &Campaign, earned: &Earned) -> Value {
    let status = if earned.fulfilled_at.is_some() { "FULFILLED" } else { "PENDING" };
    json!({
        "id": earned.id, "rewardId": earned.reward, "status": status,
        "approved": earned.approved_at.is_some(), "approvedAt": earned.approved_at,
        "isAvailable": true, "isFulfilled": earned.fulfilled_at.is_some(),
        "fulfilledAt": earned.fulfilled_at, "isReferrer": earned.is_referrer, "unread": false,
        "referrerId": campaign.participants[earned.referrer].id,
        "referredId": earned.referred.map(|friend| &campaign.participants[friend].id),
        "amount": null, "currencyISO": null,
    })
}

/// Returns an earned reward as a webhook shows it: merged with its configuration, both sides of it.
pub(super) fn in_webhook(campaign: &Campaign, earned: &Earned) -> Value {
    let mut shown = json!({
        "id": earned.id, "rewardId": earned.reward, "isReferrer": earned.is_referrer,
        "approved": earned.approved_at.is_some(), "createdAt": earned.created_at,
        "approvedAt": earned.approved_at, "fulfilledAt": earned.fulfilled_at,
        "referrerId": campaign.participants[earned.referrer].id,
        "referredId": earned.referred.map(|friend| &campaign.participants[friend].id),
    });
    let configured = campaign.rewards.iter().find(|reward| reward["id"] == earned.reward);
    if let Some(reward) = configured {
        for key in IN_EARNED.split_whitespace() {
            shown[key] = reward[key].clone();
        }
        if reward["type"] == "DOUBLE_SIDED" {
            for key in ["referralCouponCode", "referralDescription"] {
                shown[key] = reward[key].clone();
            }
        }
    }
    shown
}

/// Returns the rewards of the campaign in a webhook.
pub(super) fn of_campaign_in_webhook(campaign: &Campaign) -> Vec<Value> {
    let shown = |reward: &Map<String, Value>| {
        let mut shown = reward.clone();
        shown.retain(|key, _| NOT_IN_WEBHOOK.split_whitespace().all(|left_out| left_out != key));
        shown.insert("isActive".to_owned(), json!(true));
        Value::Object(shown)
    };
    visible(campaign).map(shown).collect()
}
