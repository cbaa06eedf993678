//! Rewards: which the program offers, and who has earned which.
//!
//! Each friend who converts earns the referrer a reward, which is approved at once. Changes give
//! rewards without a friend. Affiliate programs have none.

use serde_json::{Value, json};

use super::campaign::{Campaign, NOW};

/// How long a reward waits until it is fulfilled, if it is.
const FULFILMENT_MS: i64 = 60_000;

/// A reward that somebody has earned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Earned {
    /// For this friend.
    Friend(u64),
    /// By this change.
    Extra(usize),
}

/// The rewards that the campaign offers.
pub(super) fn offered(campaign: &Campaign) -> Vec<Value> {
    if campaign.is_affiliate() {
        return vec![offer(campaign, 'c', "AFFILIATE", "Commission", &json!({}))];
    }
    let friend = json!({"amount": "$25", "sku": "credit-25"});
    let milestone = json!({"amount": "$100", "sku": "vip"});
    vec![
        offer(campaign, 'f', "SINGLE_SIDED", "$25 credit", &friend),
        offer(campaign, 'm', "MILESTONE", "VIP status", &milestone),
    ]
}

/// What a participant has earned, the oldest first.
pub(super) fn of(campaign: &Campaign, referrer: u64) -> Vec<Value> {
    if campaign.is_affiliate() {
        return Vec::new();
    }
    let friends = campaign.all_friends(referrer).map(Earned::Friend);
    let extras = campaign.extra_rewards.iter().enumerate();
    let extras = extras.filter(|(_, (_, whose))| *whose == referrer);
    let earned = friends.chain(extras.map(|(number, _)| Earned::Extra(number)));
    let mut earned: Vec<(i64, Earned)> =
        earned.filter_map(|earned| Some((at(campaign, earned)?, earned))).collect();
    earned.sort_by_key(|(at, _)| *at);
    earned.into_iter().filter_map(|(_, earned)| reward(campaign, earned)).collect()
}

/// A reward as a webhook tells of it: with what its offer says.
pub(super) fn told(campaign: &Campaign, earned: Earned) -> Option<Value> {
    let reward = reward(campaign, earned)?;
    let offers = offered(campaign);
    let offer = offers.iter().find(|offer| offer["id"] == reward["rewardId"])?;
    Some(json!({
        "id": reward["id"], "rewardId": reward["rewardId"], "type": offer["type"],
        "title": offer["title"], "description": offer["description"],
        "imageUrl": offer["imageUrl"], "couponCode": offer["couponCode"],
        "limit": offer["limit"], "conversionsRequired": offer["conversionsRequired"],
        "metadata": offer["metadata"], "approved": true, "createdAt": reward["approvedAt"],
        "approvedAt": reward["approvedAt"], "fulfilledAt": null, "isReferrer": true,
        "referredId": reward["referredId"], "referrerId": reward["referrerId"],
    }))
}

/// Who has earned it.
pub(super) fn earner(campaign: &Campaign, earned: Earned) -> Option<u64> {
    match earned {
        Earned::Friend(friend) => campaign.referrer(friend),
        Earned::Extra(number) => campaign.extra_rewards.get(number).map(|(_, whose)| *whose),
    }
}

fn reward(campaign: &Campaign, earned: Earned) -> Option<Value> {
    let at = at(campaign, earned)?;
    let (id, offer, friend, is_fulfilled) = match earned {
        Earned::Friend(friend) => {
            let id = campaign.id(friend);
            (id.clone(), 'f', Some(id), friend.is_multiple_of(2))
        }
        Earned::Extra(number) => (format!("x{}{number:05}", campaign.slot), 'm', None, false),
    };
    Some(json!({
        "id": format!("prew_{id}"), "rewardId": offer_id(campaign, offer),
        "status": if is_fulfilled { "FULFILLED" } else { "PENDING" },
        "approved": true, "approvedAt": at, "isAvailable": true, "isFulfilled": is_fulfilled,
        "fulfilledAt": is_fulfilled.then_some(at.saturating_add(FULFILMENT_MS)),
        "isReferrer": true, "unread": false, "referredId": friend,
        "referrerId": campaign.id(earner(campaign, earned)?),
    }))
}

fn at(campaign: &Campaign, earned: Earned) -> Option<i64> {
    match earned {
        Earned::Friend(friend) => campaign.awarded_at(friend).filter(|at| *at < NOW),
        Earned::Extra(number) => campaign.extra_rewards.get(number).map(|(at, _)| *at),
    }
}

fn offer_id(campaign: &Campaign, letter: char) -> String {
    format!("crew_rwd{letter}0{}", campaign.slot)
}

fn offer(campaign: &Campaign, letter: char, kind: &str, title: &str, metadata: &Value) -> Value {
    json!({
        "id": offer_id(campaign, letter), "type": kind, "title": title, "metadata": metadata,
        "description": format!("{title} when you refer a friend to the Example Shop"),
        "referralDescription": null, "isActive": true, "isVisible": true, "isUnlimited": true,
        "limit": 0, "limitDuration": "IN_TOTAL", "numberOfWinners": null, "order": null,
        "conversionsRequired": if letter == 'm' { 5 } else { 1 },
        "imageUrl": "https://shop.example.com/reward.png",
        "couponCode": (letter == 'f').then_some("FRIEND25"),
        "nextMilestonePrefix": "You are only",
        "nextMilestoneSuffix": "referrals away from a reward!",
    })
}
