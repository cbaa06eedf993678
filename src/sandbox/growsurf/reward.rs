//! Rewards: those that a campaign has configured, and those that participants have earned.
//!
//! A conversion earns what is switched on: the referrer's reward, the friend's too if the reward
//! is double-sided, and a milestone at its number of conversions, which waits for approval.

use serde_json::{Value, json};

use super::api::{Answered, Call};
use super::campaign::{Campaign, Earned, with, without};
use super::participant::{Credit, in_webhook};
use super::world::Kind;

/// The reward that the made-up program switches off after a while.
pub(super) const LAUNCH: &str = "crew_launch";
/// The reward for the fifth conversion.
const MILESTONE: &str = "crew_vip005";

/// The fields of a configured reward that the campaign in a webhook leaves out.
const NOT_IN_WEBHOOK: &str = "commissionStructure event imageIconKey referralCouponCode referredRewardUpfront referredValue value";
/// The fields of an earned reward that a webhook leaves out.
const NOT_IN_EARNED: &str = "status isAvailable isFulfilled unread amount currencyISO";
/// The fields of its configuration that an earned reward has in a webhook, and those of a
/// double-sided one besides.
const IN_EARNED: &str =
    "conversionsRequired couponCode description imageUrl limit metadata title type";
const IN_DOUBLE: &str = "referralCouponCode referralDescription";

/// Returns the rewards that a campaign starts with, as the REST API shows them.
pub(super) fn configured(kind: Kind) -> Vec<Value> {
    let value = |usd: f64| json!({"fairMarketValueUSD": usd, "taxCharacter": null});
    match kind {
        Kind::Affiliate => vec![configuration(json!({
            "id": "crew_sales1", "type": "AFFILIATE", "title": "Sales", "event": null,
            "commissionStructure": {
                "event": "SALE", "type": "PERCENT", "percent": 25.0, "holdDuration": 7,
                "approvalRequired": true,
            },
        }))],
        Kind::Referral => vec![
            configuration(json!({
                "id": "crew_both01", "type": "DOUBLE_SIDED", "title": "Give 10, get 25",
                "metadata": {
                    "amount": "$25", "rewardForReferrer": "$25", "rewardForReferred": "$10",
                    "points": "1000",
                },
                "description": "$25 for you when a friend buys at the Example Shop",
                "couponCode": "REFERRER-25", "value": value(25.0),
                "referralDescription": "$10 off your first order at the Example Shop",
                "referralCouponCode": "FRIEND-10", "referredValue": value(10.0),
                "referredRewardUpfront": false,
            })),
            configuration(json!({
                "id": LAUNCH, "type": "SINGLE_SIDED", "title": "Launch gift",
                "metadata": {"amount": "$5"}, "couponCode": "LAUNCH-5",
            })),
            configuration(json!({
                "id": MILESTONE, "type": "MILESTONE", "title": "VIP",
                "metadata": {"amount": "$100"}, "conversionsRequired": 5, "isUnlimited": false,
                "limit": 1,
            })),
        ],
    }
}

fn configuration(own: Value) -> Value {
    let usual = json!({
        "metadata": {}, "description": "A gift of the Example Shop", "event": "CONVERSION",
        "isVisible": true, "isUnlimited": true, "limit": -1, "limitDuration": "IN_TOTAL",
        "conversionsRequired": 1, "numberOfWinners": null, "order": null,
        "imageUrl": "https://shop.example.com/reward.png", "imageIconKey": null,
        "couponCode": null, "referralCouponCode": null, "referralDescription": null,
        "referredRewardUpfront": null, "value": null, "referredValue": null,
        "nextMilestonePrefix": "You are only",
        "nextMilestoneSuffix": "referrals away from a reward!",
    });
    with(usual, own)
}

/// Returns the rewards that are switched on: the only ones that the campaign itself shows.
pub(super) fn visible(campaign: &Campaign) -> impl Iterator<Item = &Value> {
    campaign.rewards.iter().filter(|reward| reward["isVisible"] == true)
}

/// Adds what the conversion of a friend earns.
pub(super) fn earn(campaign: &mut Campaign, referrer: usize, friend: usize, at: i64) {
    let first = campaign.earned.len();
    let conversions = campaign.friends(referrer, Credit::Awarded).count();
    let rewards: Vec<Value> = visible(campaign).cloned().collect();
    for reward in rewards {
        let kind = reward["type"].as_str();
        if kind != Some("MILESTONE") || reward["conversionsRequired"] == conversions {
            let is_approved = kind != Some("MILESTONE");
            add(campaign, &reward["id"], (referrer, Some(friend)), true, is_approved, at);
        }
        if kind == Some("DOUBLE_SIDED") {
            add(campaign, &reward["id"], (friend, Some(referrer)), false, true, at);
        }
    }
    for place in first..campaign.earned.len() {
        tell(campaign, place, at);
    }
}

/// Adds an approved milestone that no conversion has earned.
pub(super) fn grant(campaign: &mut Campaign, earner: usize, at: i64) -> Result<(), String> {
    if campaign.is_affiliate() {
        return Err("an affiliate program has no rewards".into());
    }
    add(campaign, &json!(MILESTONE), (earner, None), true, true, at);
    tell(campaign, campaign.earned.len() - 1, at);
    Ok(())
}

/// Approves the rewards of a participant that wait.
pub(super) fn approve(campaign: &mut Campaign, earner: usize, at: i64) {
    for place in 0..campaign.earned.len() {
        let earned = &mut campaign.earned[place];
        if earned.earner == earner && earned.row["approved"] == false {
            earned.row["approved"] = json!(true);
            earned.row["approvedAt"] = json!(at);
            campaign.participants[earner].fields["isWinner"] = json!(true);
            tell(campaign, place, at);
        }
    }
}

fn add(
    campaign: &mut Campaign,
    reward: &Value,
    (earner, other): (usize, Option<usize>),
    is_referrer: bool,
    is_approved: bool,
    at: i64,
) {
    let is_fulfilled = is_approved && campaign.earned.len().is_multiple_of(2);
    let id = |index: usize| &campaign.participants[index].id;
    let (referrer, referred) =
        if is_referrer { (Some(earner), other) } else { (other, Some(earner)) };
    let mut row = json!({
        "rewardId": reward, "status": if is_fulfilled { "FULFILLED" } else { "PENDING" },
        "approved": is_approved, "approvedAt": is_approved.then_some(at), "isAvailable": true,
        "isFulfilled": is_fulfilled, "fulfilledAt": is_fulfilled.then_some(at),
        "isReferrer": is_referrer, "referrerId": referrer.map(id), "referredId": referred.map(id),
        "unread": false, "amount": null, "currencyISO": null,
    });
    row["id"] = json!(format!("prew_{}", campaign.new_id()));
    if is_approved {
        campaign.participants[earner].fields["isWinner"] = json!(true);
    }
    campaign.earned.push(Earned { row, earner, other, at });
}

/// Notes the webhook of an earned reward: merged with its configuration, both sides of it.
fn tell(campaign: &mut Campaign, place: usize, at: i64) {
    campaign.tell(at, "PARTICIPANT_REACHED_A_GOAL", |campaign| {
        let Earned { row, earner, other, at: created_at } = &campaign.earned[place];
        let mut participant = in_webhook(campaign, *earner, at);
        if let Some(other) = other {
            let role = if row["isReferrer"] == true { "referee" } else { "referrer" };
            participant[role] = in_webhook(campaign, *other, at);
        }
        let mut reward = without(row.clone(), NOT_IN_EARNED);
        reward["createdAt"] = json!(created_at);
        let configured = campaign.rewards.iter().find(|it| it["id"] == row["rewardId"]);
        if let Some(configured) = configured {
            let double = if configured["type"] == "DOUBLE_SIDED" { IN_DOUBLE } else { "" };
            for name in IN_EARNED.split(' ').chain(double.split_whitespace()) {
                reward[name] = configured[name].clone();
            }
        }
        json!({"participant": participant, "reward": reward})
    });
}

/// Returns the rewards of the campaign in a webhook.
pub(super) fn of_campaign_in_webhook(campaign: &Campaign) -> Vec<Value> {
    let shown =
        |reward: &Value| with(without(reward.clone(), NOT_IN_WEBHOOK), json!({"isActive": true}));
    visible(campaign).map(shown).collect()
}

/// Lists what the participant in the path has earned.
pub(super) fn list(call: &mut Call<'_>) -> Answered {
    let of = call.one()?;
    let all = call.campaign().earned.iter().filter(|it| it.earner == of);
    let all: Vec<&Earned> = all.collect();
    let id = |it: &&Earned| it.row["id"].as_str().unwrap_or_default().to_owned();
    call.query.page("rewards", &all, id, |_| true, |it| it.row.clone())
}
