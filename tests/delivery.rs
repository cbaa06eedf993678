//! How calls reach Customer.io whatever it answers: order, retries, batches, dead letters, halts.
//!
//! What belongs here: a relay that lives through it. What doesn't: its own death (`crash`) and
//! its orderly end (`shutdown`).

use std::collections::BTreeMap;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::kit::calls::Call;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};
use crate::kit::{eventually, now_seconds};

/// Faults for calls and not for the question about the workspace.
fn on_calls(fault: Value) -> [Value; 2] {
    ["/customers/", "/v2/batch"].map(|path| {
        let mut rule = fault.clone();
        rule["match"] = json!({"path": path});
        rule
    })
}

/// In each lane every track came right behind an identify, or again behind itself; and nothing
/// happened that Customer.io would have kept quiet about.
#[track_caller]
fn assert_lanes_in_order(sandbox: &Sandbox) {
    let mut lanes = BTreeMap::<String, Vec<Call>>::new();
    for call in sandbox.calls().into_iter().filter(|call| call.applied) {
        lanes.entry(call.person().to_owned()).or_default().push(call);
    }
    for (person, calls) in &lanes {
        assert!(calls[0].is_identify(), "{person}: {:?} before any identify", calls[0]);
        for pair in calls.windows(2) {
            assert!(pair[0].request < pair[1].request, "{person} twice in a request: {pair:?}");
            let is_behind_identify = pair[0].is_identify() || pair[0].id == pair[1].id;
            assert!(pair[1].is_identify() || is_behind_identify, "{person}: {pair:?}");
        }
    }
    assert!(sandbox.activity("dropped_older_update").is_empty());
    assert!(sandbox.activity("batch_order_unspecified").is_empty());
    assert!(sandbox.activity("event_id_reused").is_empty());
}

/// Twelve friends of one referrer, one after the other.
fn twelve_friends(relay: &Relay) {
    for number in 1..=12 {
        relay.accept(&joined(&format!("friend{number}")).referred_by_with("rae", number));
    }
}

/// What twelve friends must have led to, each once and in order.
#[track_caller]
fn assert_twelve_friends(sandbox: &Sandbox) {
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

#[test]
fn lost_answers_have_no_double_effect() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!(on_calls(json!({"probability": 0.5, "seed": 7, "drop": "after"}))));
    let relay = Relay::start(&sandbox);
    twelve_friends(&relay);
    relay.drained();
    assert_twelve_friends(&sandbox);
    let repeats: u64 =
        sandbox.events().iter().map(|event| event.shown["repeats"].as_u64().unwrap()).sum();
    assert!(repeats > 0, "no answer was lost");
    assert_eq!(relay.dead_letters(), 0);
}

#[test]
fn a_timeout_is_tried_again() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/customers/"}, "times": 1, "hang_ms": 60_000}]));
    let relay = Setup::new(&sandbox).set("customerio.timeout", "300ms").start();
    relay.accept(&joined("fay"));
    relay.drained();
    assert_eq!(sandbox.told(), ["referral_program_joined fay@example.com"]);
    assert_eq!(sandbox.identifies("fay@example.com").len(), 2);
}

#[test]
fn retry_after_pauses_the_whole_destination() {
    let sandbox = Sandbox::start();
    let fault = json!({"times": 1, "status": 429, "headers": {"Retry-After": "1"}});
    sandbox.faults(json!([on_calls(fault)[0]]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    eventually("the first call was refused", || sandbox.uses(0) == 1);
    relay.accept(&joined("rae"));
    relay.drained();
    let calls = sandbox.calls();
    assert_eq!(calls[0].status, Some(429));
    let paused = calls[1].received_at - calls[0].received_at;
    assert!(paused >= 990, "the next call came after {paused} ms");
    assert_eq!(sandbox.events().len(), 2);
}

/// Puts ten lanes in a queue, so that they go together when it opens.
fn ten_lanes_together(sandbox: &Sandbox, then: Value) -> Relay {
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
fn one_bad_item_of_a_batch_is_the_only_dead_letter() {
    let sandbox = Sandbox::start();
    let relay = ten_lanes_together(&sandbox, json!([{"times": 1, "batch_item_errors": [1]}]));
    assert_eq!(relay.dead_letters(), 1);
    let refused = sandbox.calls().into_iter().filter(|call| call.status == Some(207)).nth(1);
    let refused = refused.unwrap();
    let listed = relay.command(&["dead-letters", "list"]).expect(0);
    assert!(listed.contains("l***@example.com"), "{listed}");
    assert_eq!(sandbox.events().len(), if refused.is_identify() { 10 } else { 9 });
    let told = relay.command(&["dead-letters", "redeliver", "--all"]).expect(0);
    assert!(told.starts_with("1 put back"), "{told}");
    relay.drained();
    assert_eq!((relay.dead_letters(), sandbox.events().len()), (0, 10));
    assert_eq!(sandbox.people().len(), 10);
    let attributes = sandbox.attributes(refused.person());
    assert_eq!(attributes["last_name"], "Tester");
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

/// The number of the only dead letter, from its list.
#[track_caller]
fn only_dead_letter(relay: &Relay) -> String {
    assert_eq!(relay.dead_letters(), 1);
    let listed = relay.command(&["dead-letters", "list"]).expect(0);
    let line = listed.lines().nth(1).unwrap_or_else(|| panic!("{listed}"));
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_refused_call_is_a_dead_letter_and_its_lane_goes_on() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{
        "match": {"path": "fay%40example.com/events"},
        "times": 1,
        "status": 400,
        "body": {"meta": {"errors": ["data is no good"]}}
    }]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay").with("/data/metadata/card", "4711"));
    relay.drained();
    let id = only_dead_letter(&relay);
    assert!(sandbox.events().is_empty());
    // The lane goes on: fay becomes a referrer.
    relay.accept(&joined("gus").referred_by("fay"));
    relay.drained();
    assert_eq!(sandbox.events().len(), 2);

    let listed = relay.command(&["dead-letters", "list"]).expect(0);
    assert!(listed.contains("track") && listed.contains("data is no good"), "{listed}");
    assert!(listed.contains("f***@example.com") && !listed.contains("fay@"), "{listed}");
    let shown = relay.command(&["dead-letters", "show", &id]).expect(0);
    for word in ["referral_program_joined", "data is no good", "status 400", "attempt"] {
        assert!(shown.contains(word), "{shown}");
    }

    let told = relay.command(&["dead-letters", "redeliver", &id]).expect(0);
    assert!(told.starts_with("1 put back"), "{told}");
    eventually("it is redelivered by the relay beside", || sandbox.events().len() == 3);
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(relay.command(&["dead-letters", "list"]).expect(0), "No dead letters.\n");
    relay.command(&["dead-letters", "redeliver", &id]).expect(1);
}

#[test]
fn a_discarded_dead_letter_is_gone() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/events"}, "times": 1, "status": 422}]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    let id = only_dead_letter(&relay);
    let told = relay.command(&["dead-letters", "discard", &id]).expect(0);
    assert_eq!(told, "1 discarded.\n");
    assert_eq!(relay.dead_letters(), 0);
    relay.command(&["dead-letters", "show", &id]).expect(1);
    relay.command(&["dead-letters", "discard", &id]).expect(1);
    relay.command(&["dead-letters", "discard"]).expect(64);
    // The effect stays told: a replay doesn't bring it back.
    relay.command(&["replay"]).expect(0);
    relay.drained();
    assert!(sandbox.events().is_empty());
}

/// The destination halts under this fault, keeps everything, and heals by itself.
#[track_caller]
fn assert_halts(fault: Value, word: &str) {
    let sandbox = Sandbox::start();
    sandbox.faults(json!(on_calls(fault)));
    let mut relay = Relay::start(&sandbox);
    for number in 0..5 {
        relay.accept(&joined(&format!("lane{number}")));
    }
    relay.destination_is("halted");
    // Each of the five lanes may have been tried once before; the others are probes.
    eventually("it is probed again", || sandbox.uses(0) + sandbox.uses(1) >= 8);
    assert_eq!(relay.metric("relay_dead_letters"), Some(0.0));
    assert_eq!(relay.metric("relay_pending_calls"), Some(10.0));
    let readiness = crate::kit::http::get(relay.url("/readyz"));
    assert_eq!(readiness.status, 200, "Customer.io's trouble is not the relay's");
    let warnings = readiness.json()["warnings"].to_string();
    assert!(warnings.contains("halted") && warnings.contains(word), "{warnings}");
    let calls = sandbox.calls();
    let probes = &calls[calls.len() - 3..];
    assert!(probes.iter().all(|probe| probe.alone), "a probe is one call");
    assert!(probes.iter().all(|probe| probe.person() == probes[0].person()), "always the same");

    sandbox.heal();
    relay.destination_is("running");
    relay.drained();
    assert_eq!((sandbox.events().len(), relay.dead_letters()), (5, 0));
    assert_lanes_in_order(&sandbox);
    let log = relay.whole_log().join("\n");
    assert!(log.contains("\"level\":\"ERROR\"") && log.contains("halted"), "no alarm was raised");
}

#[test]
fn wrong_credentials_halt_everything_and_lose_nothing() {
    assert_halts(json!({"status": 401}), "401");
}

#[test]
fn a_forbidden_workspace_halts_everything_and_loses_nothing() {
    assert_halts(json!({"status": 403}), "403");
}

#[test]
fn a_redirect_halts_everything_and_is_not_followed() {
    let headers = json!({"Location": "https://track-eu.customer.io/api/v1/"});
    assert_halts(json!({"status": 302, "headers": headers}), "302");
}

#[test]
fn a_destination_that_is_down_is_probed_and_gets_everything_later() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!(on_calls(json!({"drop": "before"}))));
    let relay = Setup::new(&sandbox).set("delivery.breaker_failures", "3").start();
    for number in 0..20 {
        relay.accept(&joined(&format!("lane{number}")).referred_by("rae"));
    }
    relay.destination_is("broken");
    // What was under way when the breaker opened comes first.
    eventually("single calls go out as probes", || {
        sandbox.calls().iter().rev().take(3).all(|probe| probe.alone)
    });
    sandbox.heal();
    relay.drained();
    relay.destination_is("running");
    assert_eq!((sandbox.events().len(), relay.dead_letters()), (40, 0));
    assert_lanes_in_order(&sandbox);
}

#[test]
fn a_destination_that_is_not_there_stops_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let relay = Setup::towards(&format!("http://{address}")).start();
    relay.accept(&joined("fay"));
    relay.accept(&joined("rae"));
    assert_eq!(crate::kit::http::get(relay.url("/readyz")).status, 200);
    let name = "relay_attempts_total{outcome=\"retry\"}";
    eventually("it was tried", || relay.metric(name).unwrap() >= 3.0);
    let sandbox = Sandbox::start_at(&address);
    relay.drained();
    assert_eq!((sandbox.events().len(), relay.dead_letters()), (2, 0));
}

#[test]
fn what_fails_for_good_is_given_up_while_others_are_accepted() {
    let sandbox = Sandbox::start();
    // Alone it fails always; in a batch it would take the others along.
    sandbox.faults(json!([{"match": {"identifier": "bad@example.com"}, "status": 500}]));
    let setup = Setup::new(&sandbox).set("delivery.give_up_after", "300ms");
    let relay = setup.set("delivery.batch_calls", "1").start();
    relay.accept(&joined("bad"));
    let mut number = 0;
    eventually("identify and track are given up", || {
        number += 1;
        relay.accept(&joined(&format!("good{number}")));
        relay.dead_letters() == 2
    });
    let listed = relay.command(&["dead-letters", "list"]).expect(0);
    assert!(listed.contains("gave up"), "{listed}");
    relay.drained();
    assert_eq!(sandbox.events_named("referral_program_joined").len(), number);
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
    assert_eq!(attributes["first_referral_date"], start + 1);
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
    let id = only_dead_letter(&relay);
    relay.accept(&joined("gus").referred_by_with("rae", 2));
    relay.drained();
    assert_eq!(sandbox.attributes("rae@example.com")["total_referrals"], 2);
    relay.command(&["dead-letters", "redeliver", &id]).expect(0);
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(sandbox.attributes("rae@example.com")["total_referrals"], 2);
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
