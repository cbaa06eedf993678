//! Events of each side of a reward, of joins and of friends.
//!
//! What belongs here: sides of rewards, customers of affiliate programs, self-referrals. What doesn't:
//! the other events (`mapping`), and the many shapes that each of these has (unit tests).

use serde_json::{Value, json};

use crate::kit::ids::event_id;
use crate::kit::relay::{Setup, after, after_with};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{
    CAMPAIGN, CAMPAIGN_NAME, Webhook, commission_added, goal_reached, guide, joined, participant,
};

const CLAIMED: &str = "referral_reward_claimed";

/// Returns the data of the only reward that was sent, without the time of receipt.
#[track_caller]
fn claimed(sandbox: &Sandbox) -> Value {
    let mut data = sandbox.event(CLAIMED).data().clone();
    assert!(data.as_object_mut().unwrap().remove("tracked_at").unwrap().is_i64());
    data
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    sandbox.events().iter().map(|event| event.name().to_owned()).collect()
}

/// Returns a webhook of the friend's side of a double-sided reward, with everything of both sides.
fn friends_reward() -> Webhook {
    goal_reached("fay", "prew_friend")
        .without("/data/participant/referee")
        .with("/data/participant/referrer", participant("rae"))
        .with("/data/reward/type", "DOUBLE_SIDED")
        .with("/data/reward/isReferrer", false)
        .with("/data/reward/couponCode", "REFERRER-25")
        .with("/data/reward/referralCouponCode", "FRIEND-5")
        .with("/data/reward/referralDescription", "Five off")
        .with("/data/reward/metadata", json!({"amount": "$25", "rewardForReferred": "5,00 €"}))
}

#[test]
fn a_friend_is_sent_the_friends_side_and_nothing_of_the_referrers() {
    let sandbox = after(&[friends_reward()]);
    assert_eq!(sandbox.event(CLAIMED).id(), event_id("reward:ct8f71:prew_friend"));
    let expected = json!({
        "campaign_id": CAMPAIGN,
        "campaign_name": CAMPAIGN_NAME,
        "referral_code": "fay",
        "reward_id": "prew_friend",
        "reward_type": "DOUBLE_SIDED",
        "reward_description": "Five off",
        "reward_value": 5,
        "currency": "EUR",
        "coupon_code": "FRIEND-5",
        "earned_as": "friend",
    });
    assert_eq!(claimed(&sandbox), expected);
}

#[test]
fn what_a_friends_webhook_leaves_out_comes_from_the_campaigns_rewards_or_from_nowhere() {
    let bare = friends_reward()
        .without("/data/reward/referralCouponCode")
        .without("/data/reward/referralDescription")
        .with("/data/reward/metadata", json!({"amount": "$25"}));
    let data = claimed(&after(std::slice::from_ref(&bare)));
    for name in ["coupon_code", "reward_description", "reward_value", "reward_value_text"] {
        assert_eq!(data.get(name), None, "{name}");
    }
    let configured = json!([{"id": "crew_xlj123", "referralDescription": "Five off",
        "referralCouponCode": "FRIEND-5", "couponCode": "REFERRER-25",
        "referredValue": {"fairMarketValueUSD": 4.5}, "value": {"fairMarketValueUSD": 25}}]);
    let data = claimed(&after(&[bare.with("/data/campaign/rewards", configured)]));
    assert_eq!(
        (&data["coupon_code"], &data["reward_description"]),
        (&json!("FRIEND-5"), &json!("Five off"))
    );
    assert_eq!((&data["reward_value"], &data["currency"]), (&json!(4.5), &json!("USD")));
}

#[test]
fn a_value_that_is_no_plain_amount_is_sent_as_a_text() {
    let webhook = goal_reached("rae", "prew_1").with("/data/reward/metadata/amount", "1,000");
    let data = claimed(&after(&[webhook]));
    assert_eq!((data.get("reward_value"), &data["reward_value_text"]), (None, &json!("1,000")));
}

#[test]
fn the_settings_name_the_friends_key_and_send_the_title() {
    let change = |setup: Setup| {
        let setup = setup.set("mapping.reward_value_key", "rewardForReferrer");
        setup.set("mapping.friend_reward_value_key", "amount").set("mapping.reward_title", "true")
    };
    let data = claimed(&after_with(change, &[friends_reward()]));
    assert_eq!(
        (&data["reward_value"], &data["reward_title"]),
        (&json!(25), &json!("Early-Bird Reward"))
    );
}

#[test]
fn the_guides_reward_is_claimed_and_parked_without_an_id() {
    let reward = json!({"id": "prew_guide", "type": "MILESTONE", "couponCode": "MUG"});
    let webhook = guide("PARTICIPANT_REACHED_REWARD", "rae").with("/reward", reward);
    let sandbox = after(std::slice::from_ref(&webhook));
    let data = claimed(&sandbox);
    assert_eq!((&data["reward_type"], &data["coupon_code"]), (&json!("MILESTONE"), &json!("MUG")));
    assert_eq!(sandbox.event(CLAIMED).id(), event_id("reward:ct8f71:prew_guide"));

    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).start();
    let answer = relay.must("parked", &webhook.without("/reward/id"));
    assert_eq!(answer["reason"], "reward.id is missing");
}

#[test]
fn a_referred_customer_of_an_affiliate_program_has_not_joined() {
    for customer in
        [joined("cus").with("/data/isAffiliate", false), joined("cus").without("/data/shareUrl")]
    {
        let customer = customer.with("/data/campaign/type", "AFFILIATE").referred_by("ada");
        let sandbox = after(&[customer]);
        assert_eq!(names(&sandbox), ["referral_friend_signed_up"]);
        assert!(sandbox.person("cus@example.com").is_some());
    }
    let deleted = joined("cus").with("/data/campaign/type", "AFFILIATE");
    let deleted = deleted.with("/data/referralSource", "DELETED_PARTICIPANT");
    for customer in [
        deleted.clone().with("/data/isAffiliate", false),
        deleted.clone().with("/data/isAffiliate", false).with("/data/referralSource", "DIRECT"),
        deleted.without("/data/shareUrl"),
    ] {
        let sandbox = after(&[customer]);
        assert_eq!(names(&sandbox), Vec::<String>::new());
        assert!(sandbox.person("cus@example.com").is_some());
    }
}

#[test]
fn a_commission_without_an_event_is_a_sale() {
    let webhook = commission_added("comm_1", "ada", "dana").without("/data/commission/event");
    let sandbox = after(&[webhook]);
    assert_eq!(sandbox.event("affiliate_commission_earned").data()["commission_type"], "SALE");
    assert_eq!(sandbox.event("referral_converted").data()["conversion_value"], 100);
}

#[test]
fn nobody_is_their_own_friend() {
    for webhook in [
        joined("fay").referred_by("fay"),
        joined("fay").with("/data/vanityKeys", json!(["fay-s"])).with("/data/referredBy", "fay-s"),
        joined("fay").with("/data/referredBy", "Fay@Example.com"),
        guide("PARTICIPANT_CREATED", "fay").referred_by("fay"),
    ] {
        let sandbox = after(std::slice::from_ref(&webhook));
        assert_eq!(names(&sandbox), ["referral_program_joined"], "{webhook:?}");
        assert_eq!(sandbox.event("referral_program_joined").data()["source"], "organic");
        let attributes = sandbox.attributes("fay@example.com");
        for name in ["referred_by", "first_referral_date"] {
            assert_eq!(attributes.get(name), None, "{webhook:?}");
        }
    }
    // Under an id from before, or a key that only the store knows.
    for named_as in ["fay", "fay-s"] {
        let before = joined("fay").with("/data/vanityKeys", json!(["fay-s"]));
        let again = joined("fay").with("/data/id", "fay002").with("/data/referredBy", named_as);
        let sandbox = after(&[before, again.with("/data/referralSource", "PARTICIPANT")]);
        assert_eq!(names(&sandbox), ["referral_program_joined", "referral_program_joined"]);
        for event in sandbox.events() {
            assert_eq!(event.data()["source"], "organic", "{named_as}");
            assert_eq!(event.data().get("referred_by"), None, "{named_as}");
        }
        assert_eq!(sandbox.attributes("fay@example.com").get("referred_by"), None);
    }
    let sandbox = after(&[commission_added("comm_1", "ada", "ada")]);
    assert_eq!(names(&sandbox), ["affiliate_commission_earned"]);
    assert_eq!(sandbox.attributes("ada@example.com").get("total_conversions"), None);
}

#[test]
fn a_conversions_amount_is_read_as_a_rewards_is() {
    for (value, expected) in [
        ("$49.50", [json!(49.5), Value::Null, Value::Null]),
        ("49,50 €", [json!(49.5), Value::Null, json!("EUR")]),
    ] {
        let webhook = guide("CAMPAIGN_REFERRAL_CONVERTED", "fay").with("/conversionValue", value);
        assert_eq!(worth(&after(&[webhook])), expected);
    }
    let webhook = guide("CAMPAIGN_REFERRAL_CONVERTED", "fay");
    let webhook = webhook.with("/value", "1,000").with("/currency", "EUR");
    assert_eq!(worth(&after(&[webhook])), [Value::Null, json!("1,000"), Value::Null]);
}

fn worth(sandbox: &Sandbox) -> [Value; 3] {
    let data = sandbox.event("referral_converted").data().clone();
    ["conversion_value", "conversion_value_text", "currency"].map(|name| data[name].clone())
}
