//! Answers of Customer.io, and answers that never come whole.

use serde_json::{Value, json};

use crate::delivery::{assert_twelve_friends, twelve_friends};
use crate::kit::http;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::{Sandbox, on_calls};
use crate::kit::webhooks::joined;
use crate::kit::{eventually, now_seconds};
use crate::promises::{assert_kept, assert_lanes_in_order, assert_no_lane_waits};

const RETRIED: &str = "relay_attempts_total{outcome=\"retry\"}";
const FAY_AND_RAE: &[&str] =
    &["referral_program_joined fay@example.com", "referral_program_joined rae@example.com"];
const FAY: &[&str] = &["referral_program_joined fay@example.com"];

/// Delivers `fay` though her first calls on this path meet a fault, so often.
#[track_caller]
fn survives(path: &str, fault: Value, times: u32) -> (Relay, Sandbox) {
    let sandbox = Sandbox::start();
    let mut rule = fault;
    rule["match"] = json!({"path": path});
    rule["times"] = json!(times);
    sandbox.faults(json!([rule]));
    let relay = Setup::new(&sandbox).set("customerio.timeout", "400ms").start();
    relay.accept(&joined("fay"));
    assert_kept(&relay, &sandbox, FAY);
    assert_eq!(relay.count(RETRIED), f64::from(times), "each was counted");
    assert_eq!(sandbox.uses(0), u64::from(times));
    (relay, sandbox)
}

/// Returns the number of times that Customer.io ignored a repeat of the event.
fn repeats(sandbox: &Sandbox) -> u64 {
    sandbox.event("referral_program_joined").shown["repeats"].as_u64().unwrap()
}

#[test]
fn status_500_is_tried_again() {
    let (mut relay, _sandbox) = survives("/customers/", json!({"status": 500}), 3);
    let log = relay.whole_log().join("\n");
    assert!(log.contains("customer.io answered 500"), "{log}");
}

#[test]
fn status_503_is_tried_again() {
    survives("/customers/", json!({"status": 503}), 3);
}

#[test]
fn what_passes_by_itself_is_tried_again() {
    for status in [408, 409, 423] {
        survives("/customers/", json!({"status": status}), 2);
    }
}

#[test]
fn a_success_that_is_no_json_is_a_proxys_and_is_tried_again() {
    for (status, body) in [(200, "<html>welcome</html>"), (202, "OK"), (200, "{}{}")] {
        let (mut relay, _sandbox) = survives("/events", json!({"status": status, "body": body}), 2);
        let log = relay.whole_log().join("\n");
        assert!(log.contains("isn't JSON: check for a proxy"), "{log}");
    }
}

#[test]
fn a_retry_after_of_a_year_is_waited_for_no_longer_than_the_settings_say() {
    let years = ["31536000", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"];
    for (status, header) in [(429, years[0]), (503, years[1]), (429, years[2]), (500, years[0])] {
        let sandbox = Sandbox::start();
        let headers = json!({"retry-after": header});
        let fault = json!({"times": 2, "status": status, "headers": headers});
        sandbox.faults(json!(on_calls(fault)));
        let relay = Setup::new(&sandbox).set("delivery.max_wait", "300ms").start();
        relay.accept(&joined("fay"));
        assert_kept(&relay, &sandbox, FAY);
        relay.accept(&joined("rae"));
        assert_kept(&relay, &sandbox, FAY_AND_RAE);
        assert!(sandbox.uses(0) > 0, "{status} {header}");
    }
}

#[test]
fn a_timeout_before_the_effect_is_tried_again() {
    let (_relay, sandbox) = survives("/customers/", json!({"hang_ms": 60_000}), 1);
    assert_eq!(sandbox.identifies("fay@example.com").len(), 2);
}

#[test]
fn a_timeout_after_the_effect_has_no_double_effect() {
    let (_relay, sandbox) = survives("/events", json!({"latency_ms": 60_000}), 1);
    assert_eq!(repeats(&sandbox), 1, "the same id was sent again");
}

#[test]
fn half_a_response_has_no_double_effect() {
    let (_relay, sandbox) = survives("/events", json!({"half_response": true}), 1);
    assert_eq!(repeats(&sandbox), 1, "the same id was sent again");
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
    assert_no_lane_waits(&relay);
}

#[test]
fn status_429_with_seconds_pauses_the_whole_destination() {
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
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
}

#[test]
fn status_429_with_a_date_pauses_until_then() {
    let sandbox = Sandbox::start();
    let until = now_seconds() + 2;
    let date = jiff::Timestamp::from_second(until).unwrap();
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let fault = json!({"times": 1, "status": 429, "headers": {"Retry-After": date}});
    sandbox.faults(json!([on_calls(fault)[0]]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.destination_is("paused");
    relay.accept(&joined("rae"));
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
    let calls = sandbox.calls();
    assert_eq!(calls[0].status, Some(429));
    let early = until * 1_000 - calls[1].received_at;
    assert!(early <= 10, "the next call came {early} ms early");
}

/// Asserts that the destination halts under this fault, keeps everything, and recovers by itself.
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
    let readiness = http::get(relay.url("/readyz"));
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
    assert_no_lane_waits(&relay);
    let log = relay.whole_log().join("\n");
    assert!(log.contains("\"level\":\"ERROR\"") && log.contains("halted"), "no alarm was raised");
}

#[test]
fn status_302_halts_everything_and_is_not_followed() {
    let headers = json!({"Location": "https://login.example.com/"});
    assert_halts(json!({"status": 302, "headers": headers}), "302");
}

/// A workspace of the EU that is reached at the US host is redirected.
#[test]
fn the_wrong_region_halts_everything_and_names_the_setting() {
    let headers = json!({"Location": "https://track-eu.customer.io/api/v1/"});
    assert_halts(json!({"status": 301, "headers": headers}), "customerio.region");
}

#[test]
fn status_401_halts_everything_until_it_is_fixed() {
    assert_halts(json!({"status": 401}), "401");
}

#[test]
fn status_403_halts_everything_until_it_is_fixed() {
    assert_halts(json!({"status": 403}), "403");
}
