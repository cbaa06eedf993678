//! Delivery of calls to Customer.io: order, batches, dead letters, history.
//!
//! What belongs here: what happens where Customer.io answers, now and then with a refusal. What
//! doesn't: each way that it or the machine can fail (`faults`), and the relay's own death (`crash`)
//! and orderly end (`shutdown`).

use serde_json::{Value, json};

use crate::kit::calls::edit;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::{Sandbox, on_calls};
use crate::kit::webhooks::{email, joined, suspected};
use crate::kit::{eventually, now_seconds};
use crate::promises::assert_lanes_in_order;

/// Sends the sign-ups of twelve friends of one referrer, in order.
pub fn twelve_friends(relay: &Relay) {
    for number in 1..=12 {
        relay.accept(&joined(&format!("friend{number}")).referred_by_with("rae", number));
    }
}

/// Asserts the effects of twelve friends, each once and in order.
#[track_caller]
pub fn assert_twelve_friends(sandbox: &Sandbox) {
    let signed_up = sandbox.events_named("referral_friend_signed_up");
    let friends: Vec<&str> =
        signed_up.iter().map(|event| event.data()["friend_email"].as_str().unwrap()).collect();
    let expected: Vec<String> = (1..=12).map(|number| email(&format!("friend{number}"))).collect();
    assert_eq!(friends, expected);
    assert_eq!(sandbox.events().len(), 24);
    assert_eq!(sandbox.attributes("rae@example.com")["total_referrals"], 12);
    assert_eq!(sandbox.attributes("rae@example.com")["referral_tier"], "champion");
    assert_lanes_in_order(sandbox);
}

#[test]
fn a_lane_keeps_its_order_when_everything_works() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    twelve_friends(&relay);
    relay.drained();
    assert_twelve_friends(&sandbox);
}

#[test]
fn a_lane_keeps_its_order_under_errors_and_rate_limits() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([
        {"match": {"path": "/api/v1/customers"}, "probability": 0.3, "seed": 1, "status": 500},
        {"match": {"path": "/v2/batch"}, "probability": 0.3, "seed": 2, "status": 503},
        {"probability": 0.2, "seed": 3, "status": 429},
        {"probability": 0.2, "seed": 4, "drop": "before"},
        {"probability": 0.1, "seed": 5, "half_response": true},
        {"probability": 0.2, "seed": 6, "latency_ms": 30}
    ]));
    let relay = Relay::start(&sandbox);
    twelve_friends(&relay);
    relay.drained();
    assert_twelve_friends(&sandbox);
    assert_eq!(relay.dead_letters(), 0);
}

/// Puts ten lanes in a queue, so that they go together when it opens.
pub fn ten_lanes_together(sandbox: &Sandbox, then: Value) -> Relay {
    let fault = json!({"times": 1, "status": 503, "headers": {"Retry-After": "1"}});
    let [hold, _] = on_calls(fault);
    let mut rules = vec![hold];
    rules.extend(then.as_array().unwrap().iter().cloned());
    sandbox.faults(json!(rules));
    let relay = Relay::start(sandbox);
    relay.accept(&joined("lane0"));
    eventually("the queue is held", || sandbox.uses(0) == 1);
    for number in 1..10 {
        relay.accept(&joined(&format!("lane{number}")));
    }
    relay.drained();
    relay
}

#[test]
fn many_lanes_go_as_one_batch() {
    let sandbox = Sandbox::start();
    ten_lanes_together(&sandbox, json!([]));
    assert_eq!(sandbox.events().len(), 10);
    assert_lanes_in_order(&sandbox);
    let requests = sandbox.requests().into_iter();
    let batches = requests.filter(|request| request["path"] == "/api/v2/batch").count();
    assert!((1..=6).contains(&batches), "{batches} batches");
}

#[test]
fn a_batch_refused_as_a_whole_is_taken_apart() {
    let sandbox = Sandbox::start();
    let rules =
        json!([{"match": {"path": "/v2/batch", "identifier": "lane3@example.com"}, "status": 400}]);
    let relay = ten_lanes_together(&sandbox, rules);
    assert_eq!(relay.dead_letters(), 0, "alone it was taken");
    assert_eq!(sandbox.events().len(), 10);
    assert_lanes_in_order(&sandbox);
}

#[test]
fn a_discarded_dead_letter_is_gone() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/events"}, "times": 1, "status": 422}]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    let id = relay.only_dead_letter();
    let printed = relay.command(&["dead-letters", "discard", &id]).expect(0);
    assert_eq!(printed, "1 dead letter discarded.\n");
    assert_eq!(relay.dead_letters(), 0);
    relay.command(&["dead-letters", "show", &id]).expect(1);
    relay.command(&["dead-letters", "discard", &id]).expect(1);
    relay.command(&["dead-letters", "discard"]).expect(64);
    // The effect stays in the ledger: a replay doesn't bring it back.
    relay.command(&["replay"]).expect(0);
    relay.drained();
    assert!(sandbox.events().is_empty());
}

#[test]
fn nothing_is_given_up_while_nothing_else_is_accepted() {
    let sandbox = Sandbox::start();
    let asked = json!({"status": 429, "times": 2, "headers": {"Retry-After": "1"}});
    let fault = json!({"status": 500, "times": 8});
    sandbox.faults(json!([on_calls(asked)[0], on_calls(fault)[0]]));
    let relay = Setup::new(&sandbox).set("delivery.give_up_after", "100ms").start();
    relay.accept(&joined("fay"));
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(sandbox.events().len(), 1);
}

#[test]
fn old_history_goes_together_and_ends_in_the_same_state() {
    let sandbox = Sandbox::start();
    let fault = json!({"times": 1, "status": 503, "headers": {"Retry-After": "1"}});
    sandbox.faults(json!(on_calls(fault)));
    let relay = Relay::start(&sandbox);
    let start = now_seconds() - 10 * 24 * 3_600;
    let friend = |number: i64| {
        let count = u64::try_from(number).unwrap();
        let joined = joined(&format!("friend{number}")).referred_by_with("rae", count);
        joined.at((start + number) * 1_000)
    };
    relay.accept(&friend(1));
    eventually("the queue is held", || sandbox.uses(0) + sandbox.uses(1) > 0);
    for number in 2..=40 {
        relay.accept(&friend(number));
    }
    relay.drained();
    let signed_up = sandbox.events_named("referral_friend_signed_up");
    let mut times: Vec<i64> = signed_up.iter().map(|event| event.timestamp()).collect();
    times.sort_unstable();
    assert_eq!(times, (1..=40).map(|number| start + number).collect::<Vec<_>>());
    let attributes = sandbox.attributes("rae@example.com");
    assert_eq!(attributes["total_referrals"], 40);
    assert_eq!(attributes["last_referral_date"], start + 40);
    assert!(sandbox.identifies("rae@example.com").len() < 20, "identifies in a row shrink");
    assert!(sandbox.activity("batch_order_unspecified").is_empty());
    assert!(sandbox.activity("dropped_older_update").is_empty());
}

#[test]
fn a_redelivered_identify_does_not_take_the_profile_back() {
    let sandbox = Sandbox::start();
    let path = "/customers/rae%40example.com";
    sandbox.faults(json!([{"match": {"path": path, "method": "PUT"}, "times": 1, "status": 400}]));
    let relay = Setup::new(&sandbox).set("delivery.batch_calls", "1").start();
    relay.accept(&joined("fay").referred_by_with("rae", 1));
    relay.drained();
    let id = relay.only_dead_letter();
    relay.accept(&joined("gus").referred_by_with("rae", 2));
    relay.drained();
    assert_eq!(sandbox.attributes("rae@example.com")["total_referrals"], 2);
    relay.command(&["dead-letters", "redeliver", &id]).expect(0);
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(sandbox.attributes("rae@example.com")["total_referrals"], 2);
}

/// Asserts that an edit of the profile between event and delivery removes nothing.
///
/// An address that begins with `cio_` can't stand in a v1 path, so its calls go over v2.
///
/// An address that begins with `cio_` can't stand in a v1 path, so its calls go over v2.
fn assert_an_edit_in_between_takes_nothing_away(name: &str, is_v1: bool) {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("delivery.batch_calls", "1").start();
    relay.accept(&joined(name));
    relay.drained();
    let hold = json!({"times": 1, "status": 503, "headers": {"Retry-After": "1"}});
    sandbox.faults(json!(on_calls(hold)));
    let reported = suspected(name)
        .with("/data/participant/unsubscribed", true)
        .with("/data/participant/metadata/cioAnonymousId", "visitor-0001");
    relay.accept(&reported);
    eventually("the calls are held", || sandbox.uses(0) + sandbox.uses(1) == 1);
    sandbox.heal();
    sandbox.edited_by_others(&email(name));
    relay.drained();
    let people = sandbox.people();
    let [person] = &people[..] else { panic!("{people:?}") };
    let attributes = &person["attributes"];
    assert_eq!(attributes["plan"], "pro");
    assert_eq!(attributes["fraud_risk_level"], "HIGH", "the identify counts");
    assert_eq!(attributes["unsubscribed"], true, "so does the end of the subscription");
    assert_eq!(person["anonymous_ids"], json!(["visitor-0001"]), "and so does the join");
    assert!(sandbox.activity("dropped_older_update").is_empty());
    let mut calls = sandbox.identifies(&email(name));
    calls.retain(|call| call.data != edit());
    assert!(calls.len() == 5 && calls.iter().all(|call| call.alone == is_v1), "{calls:?}");
}

#[test]
fn another_writers_edit_takes_nothing_away_over_v1() {
    assert_an_edit_in_between_takes_nothing_away("fay", true);
}

#[test]
fn another_writers_edit_takes_nothing_away_over_v2() {
    assert_an_edit_in_between_takes_nothing_away("cio_fay", false);
}

#[test]
fn values_over_customerios_limits_are_made_to_fit() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let webhook = joined("fay")
        .with("/data/firstName", "é".repeat(2_000))
        .with("/data/shareUrl", format!("https://shop.example.com/{}", "x".repeat(2_000)))
        .with("/data/campaign/name", "n".repeat(200_000));
    relay.accept(&webhook);
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    let attributes = sandbox.attributes("fay@example.com");
    assert_eq!(attributes["first_name"], "é".repeat(500));
    assert_eq!(attributes.get("referral_link"), None, "half a link leads nowhere");
    let event = sandbox.event("referral_program_joined");
    assert_eq!(event.data()["campaign_name"], "n".repeat(1_000));
}
