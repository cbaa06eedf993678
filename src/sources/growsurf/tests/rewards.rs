//! Which side a reward was earned on, and that no side gets what is meant for the other.

use serde_json::{Value, json};

use crate::domain::{Amount, Event, Reward, Scalar, SendFilter, Side, Time};
use crate::sources::growsurf_api::Campaign;
use crate::sources::growsurf_api::{Kind, Origin, Row};

use super::{events, fixtures, notification, reason, with, without};

/// Returns a configured reward with everything of both sides.
fn configured() -> Value {
    json!({
        "id": "crew_1", "type": "DOUBLE_SIDED", "title": "Internal",
        "description": "You get 25", "couponCode": "REFERRER-25",
        "referralDescription": "Your friend gets 5", "referralCouponCode": "FRIEND-5",
        "value": {"fairMarketValueUSD": 25}, "referredValue": {"fairMarketValueUSD": 5},
        "metadata": {"amount": "$25", "rewardForReferred": "$5"},
    })
}

/// Returns a webhook of a double-sided reward, merged of the earned and the configured one.
fn webhook(fields: Value) -> Value {
    let mut body = fixtures::goal_reached();
    let mut reward = configured();
    reward["rewardId"] = reward["id"].take();
    for (name, value) in [("id", json!("prew_1")), ("approved", json!(true))] {
        reward[name] = value;
    }
    reward.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body["data"]["reward"] = reward;
    body
}

fn read(body: &Value) -> Reward {
    let notification = notification(body);
    let [Event::RewardEarned { reward, .. }] = events(&notification)[..] else {
        panic!("{notification:?}")
    };
    reward.clone()
}

/// Returns the reward in the row of the participant `p1`.
fn of_row(rewards: &[Value], earned: Value) -> Reward {
    let rewards = rewards.iter().map(|it| (it["id"].as_str().unwrap().to_owned(), it.clone()));
    let campaign =
        Campaign { id: "c1".to_owned(), rewards: rewards.collect(), ..Campaign::default() };
    let at = Time::from_seconds(1_780_000_000);
    let origin = Origin { campaign, at, filter: SendFilter::All, shares: false };
    let mut reward = json!({"id": "prew_1", "rewardId": "crew_1", "status": "FULFILLED"});
    reward.as_object_mut().unwrap().extend(earned.as_object().unwrap().clone());
    let row = json!({"id": "p1", "email": "fay@example.com", "createdAt": 1_770_000_000_000_i64,
        "rewards": [reward]});
    let notification = Row::new(Kind::Participant, row, &origin).notification().unwrap();
    let Event::RewardEarned { reward, .. } = &notification.events[1].event else {
        panic!("{notification:?}")
    };
    reward.clone()
}

fn texts(reward: &Reward) -> (Option<&str>, Option<&str>, Option<Scalar>) {
    let Reward { description, coupon_code, fair_value_usd, .. } = reward;
    (description.as_deref(), coupon_code.as_deref(), fair_value_usd.clone())
}

fn assert_side(reward: &Reward, side: Option<Side>) {
    assert_eq!(reward.side, side, "{reward:?}");
    let expected = match side {
        Some(Side::Referrer) => {
            (Some("You get 25"), Some("REFERRER-25"), Some(Scalar::Integer(25)))
        }
        Some(Side::Friend) => {
            (Some("Your friend gets 5"), Some("FRIEND-5"), Some(Scalar::Integer(5)))
        }
        None => (None, None, None),
    };
    assert_eq!(texts(reward), expected);
    assert_eq!(reward.kind.as_deref(), Some("DOUBLE_SIDED"));
}

#[test]
fn a_webhook_says_the_side() {
    for (is_referrer, side) in [
        (json!(true), Side::Referrer),
        (json!("true"), Side::Referrer),
        (json!(false), Side::Friend),
        (json!("false"), Side::Friend),
    ] {
        assert_side(&read(&webhook(json!({"isReferrer": is_referrer}))), Some(side));
    }
}

#[test]
fn where_a_webhook_does_not_say_it_ids_and_people_do() {
    let both = fixtures::goal_reached()["data"]["participant"].clone();
    let alone = without(without(json!({"p": both}), "/p/referee"), "/p/referrer")["p"].clone();
    let with_referrer = without(json!({"p": both}), "/p/referee")["p"].clone();
    for (fields, participant, side) in [
        (json!({"referrerId": "ref001", "referredId": "x"}), &alone, Some(Side::Referrer)),
        (json!({"referrerId": "x", "referredId": "ref001"}), &both, Some(Side::Friend)),
        (json!({"referrerId": "x", "referredId": "y"}), &both, Some(Side::Referrer)),
        (json!({}), &with_referrer, Some(Side::Friend)),
        (json!({"isReferrer": null}), &alone, None),
        (json!({"isReferrer": "perhaps"}), &alone, None),
        (json!({"referrerId": "ref001", "referredId": "ref001"}), &alone, None),
    ] {
        let body = with(webhook(fields.clone()), "/data/participant", participant.clone());
        let reward = read(&body);
        assert_eq!(reward.side, side, "{fields}");
        assert_side(&reward, side);
    }
    for kind in [json!("SINGLE_SIDED"), json!("MILESTONE")] {
        let body = with(webhook(json!({"type": kind})), "/data/participant", with_referrer.clone());
        assert_eq!(read(&body).side, Some(Side::Referrer));
    }
}

/// Returns a reward with the referrer's fields, without type and side.
fn untyped(fields: Value) -> Value {
    let mut reward = json!({"id": "prew_1", "approved": true, "couponCode": "REFERRER-25",
        "description": "You get 25", "value": {"fairMarketValueUSD": 25},
        "metadata": {"amount": "$25"}});
    reward.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    reward
}

#[test]
fn a_reward_of_an_unknown_side_names_no_side() {
    let body = fixtures::goal_reached();
    let alone = without(without(body, "/data/participant/referee"), "/data/participant/referrer");
    let referrer = json!({"id": "top001", "email": "ada@example.com"});
    let referred = with(alone.clone(), "/data/participant/referrer", referrer.clone());
    let beside = with(alone.clone(), "/data/referrer", referrer.clone());
    let mut unsaid = vec![json!({}), json!({"type": "NEW_KIND"}), json!({"type": " "})];
    let illegible = [json!(null), json!(0), json!(1), json!("no"), json!(" "), json!({})];
    unsaid.extend(illegible.iter().map(|it| json!({"isReferrer": it})));
    unsaid.push(json!({"type": "SINGLE_SIDED", "isReferrer": 0}));
    unsaid.push(json!({"type": "MILESTONE", "referredId": "ref001", "referrerId": "top001"}));
    for fields in &unsaid {
        for body in [&alone, &referred, &beside] {
            let reward = read(&with(body.clone(), "/data/reward", untyped(fields.clone())));
            assert_eq!((reward.side, texts(&reward)), (None, (None, None, None)), "{fields}");
        }
        let guide = with(fixtures::guided_reward(), "/reward", untyped(fields.clone()));
        let guide = with(guide, "/participant/id", json!("ref001"));
        for body in [without(guide.clone(), "/referrer"), guide] {
            let reward = read(&body);
            let Reward { side, amount, .. } = &reward;
            assert_eq!((*side, texts(&reward)), (None, (None, None, None)), "{fields}");
            assert_eq!(*amount, None);
        }
    }
    for fields in [json!({}), json!({"isReferrer": null}), json!({"isReferrer": 0})] {
        let reward = of_row(&[], untyped(fields.clone()));
        assert_eq!((reward.side, texts(&reward)), (None, (None, None, None)), "{fields}");
    }
}

#[test]
fn what_only_referrers_earn_is_theirs() {
    for kind in ["SINGLE_SIDED", "milestone", "LEADERBOARD", "AFFILIATE"] {
        for fields in [json!({}), json!({"isReferrer": null})] {
            let mut reward = untyped(fields);
            reward["type"] = json!(kind);
            let row = of_row(&[], reward.clone());
            let hook = read(&with(fixtures::goal_reached(), "/data/reward", reward.clone()));
            let guide = read(&with(fixtures::guided_reward(), "/reward", reward));
            for reward in [row, hook, guide] {
                assert_eq!(reward.side, Some(Side::Referrer), "{kind}");
                assert_eq!(reward.coupon_code.as_deref(), Some("REFERRER-25"));
            }
        }
    }
    // A friend in the webhook is the earner's.
    let body = with(fixtures::goal_reached(), "/data/reward", untyped(json!({})));
    assert_eq!(read(&body).side, Some(Side::Referrer));
}

#[test]
fn a_webhook_and_a_row_are_merged_with_the_configured_reward_alike() {
    for own in [
        json!({"metadata": {"batch": "7"}}),
        json!({"metadata": {"amount": "$30"}, "couponCode": "MINE"}),
        json!({"metadata": {"amount": null, "rewardForReferred": " "}}),
        json!({"metadata": {}, "value": {}, "description": " "}),
        json!({"metadata": null, "value": {"fairMarketValueUSD": 30}}),
        json!({}),
    ] {
        for is_referrer in [true, false] {
            let mut earned = own.clone();
            earned["isReferrer"] = json!(is_referrer);
            let row = of_row(&[configured()], earned.clone());
            for (name, value) in
                [("id", "prew_1"), ("rewardId", "crew_1"), ("approvedAt", "1770000000000")]
            {
                earned[name] = json!(value);
            }
            let body = with(fixtures::goal_reached(), "/data/reward", earned);
            let hook = read(&with(body, "/data/campaign/rewards", json!([configured()])));
            assert_eq!(row, hook, "{own}");
            let expected = if own["metadata"]["amount"] == "$30" { "$30" } else { "$25" };
            assert_eq!(row.metadata["amount"], Scalar::from(expected), "{own}");
        }
    }
}

#[test]
fn what_a_friends_webhook_lacks_is_the_campaigns_and_never_the_referrers() {
    let fields = json!({"isReferrer": false, "referralCouponCode": null, "referredValue": null,
        "referralDescription": null});
    let bare = read(&webhook(fields.clone()));
    assert_eq!(texts(&bare), (None, None, None));
    let body =
        with(webhook(fields), "/data/campaign/rewards", json!([{"id": "crew_2"}, configured()]));
    assert_side(&read(&body), Some(Side::Friend));
    let earned = webhook(json!({"isReferrer": false, "amount": 4.5, "currencyISO": "eur"}));
    let amount = Amount { value: Scalar::Decimal(4.5), currency: Some("EUR".to_owned()) };
    assert_eq!(read(&earned).amount, Some(amount));
    assert_eq!(read(&without(earned, "/data/reward/currencyISO")).amount, None);
}

#[test]
fn a_row_is_completed_and_says_the_side_of_double_sided_rewards_only() {
    let double = [configured()];
    for (fields, side) in [
        (json!({"isReferrer": true}), Some(Side::Referrer)),
        (json!({"isReferrer": false}), Some(Side::Friend)),
        (json!({"referredId": "p1", "referrerId": "p0"}), Some(Side::Friend)),
        (json!({"referredId": "p2", "referrerId": "p1", "isReferrer": null}), Some(Side::Referrer)),
        (json!({}), None),
    ] {
        assert_side(&of_row(&double, fields), side);
    }
    for kind in ["SINGLE_SIDED", "MILESTONE", "LEADERBOARD"] {
        let mut single = configured();
        single["type"] = json!(kind);
        for fields in [json!({}), json!({"isReferrer": null}), json!({"isReferrer": false})] {
            let reward = of_row(&[single.clone()], fields);
            assert_eq!(reward.side, Some(Side::Referrer));
            assert_eq!(reward.coupon_code.as_deref(), Some("REFERRER-25"));
        }
    }
    let unknown = of_row(&[], json!({"isReferrer": false}));
    assert_eq!((unknown.side, texts(&unknown)), (Some(Side::Friend), (None, None, None)));
}

#[test]
fn the_guides_reward_is_read_where_it_names_an_earned_one() {
    let body = fixtures::guided_reward();
    let reward = read(&body);
    assert_eq!((reward.id.as_str(), reward.approved), ("prew_9", true));
    assert_eq!(reward.side, Some(Side::Referrer));
    assert_eq!(
        (reward.coupon_code.as_deref(), reward.kind.as_deref()),
        (Some("MUG"), Some("MILESTONE"))
    );
    assert_eq!(reward.amount, Some(Amount { value: Scalar::from("€12"), currency: None }));
    assert!(!read(&with(body.clone(), "/reward/approved", json!(false))).approved);
    let nested =
        with(without(body.clone(), "/reward"), "/participant/reward", body["reward"].clone());
    assert_eq!(read(&nested).id, "prew_9");
    let by_reward_id = with(
        with(body.clone(), "/reward/id", json!("crew_1")),
        "/reward/rewardId",
        json!("prew_7"),
    );
    assert_eq!(read(&by_reward_id).id, "prew_7");

    assert_eq!(reason(&without(body.clone(), "/reward")), "reward.id is missing");
    assert_eq!(reason(&without(body.clone(), "/reward/id")), "reward.id is missing");
    let configured = reason(&with(body.clone(), "/reward/id", json!("crew_1")));
    assert_eq!(configured, "reward.id is that of a configured reward, not of an earned one");

    let friend =
        with(with(body, "/reward/type", json!("DOUBLE_SIDED")), "/reward/isReferrer", json!(false));
    let reward = read(&friend);
    assert_eq!((reward.coupon_code, reward.description, reward.amount), (None, None, None));
}
