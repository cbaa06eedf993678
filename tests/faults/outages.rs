//! Customer.io out of reach: names, connections, bytes, and all of it for a long time.

use std::net::TcpListener;

use serde_json::json;

use crate::kit::eventually;
use crate::kit::faulty_proxy::{FaultyProxy, Trouble};
use crate::kit::http;
use crate::kit::machine::Machine;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::{Sandbox, on_calls};
use crate::kit::webhooks::joined;
use crate::promises::{assert_kept, assert_lanes_in_order, assert_no_lane_waits};

const RETRIED: &str = "relay_attempts_total{outcome=\"retry\"}";
const EXPECTED: &[&str] =
    &["referral_friend_signed_up rae@example.com", "referral_program_joined fay@example.com"];

/// Asserts that the relay stays ready and tries again while its calls can't be delivered.
#[track_caller]
fn accepts_meanwhile(relay: &Relay) {
    relay.accept(&joined("fay").referred_by("rae"));
    eventually("it was tried", || relay.count(RETRIED) >= 3.0);
    assert_eq!(http::get(relay.url("/readyz")).status, 200);
    assert_eq!(http::get(relay.url("/healthz")).status, 200);
}

#[test]
fn a_connection_reset_is_tried_again() {
    let sandbox = Sandbox::start();
    let proxy = FaultyProxy::to(&sandbox, Trouble::Reset);
    let relay = Setup::towards(&proxy.url()).start();
    accepts_meanwhile(&relay);
    assert!(sandbox.calls().is_empty(), "nothing had an effect");
    proxy.heal();
    assert_kept(&relay, &sandbox, EXPECTED);
}

#[test]
fn a_body_that_drips_without_end_is_a_timeout() {
    let sandbox = Sandbox::start();
    let proxy = FaultyProxy::to(&sandbox, Trouble::Drip);
    let relay = Setup::towards(&proxy.url()).set("customerio.timeout", "300ms").start();
    accepts_meanwhile(&relay);
    proxy.heal();
    assert_kept(&relay, &sandbox, EXPECTED);
}

#[test]
fn a_name_that_is_not_found_stops_nothing() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let url = sandbox.url().replace("127.0.0.1", "localhost");
    machine.names_are_gone(true);
    let mut relay = machine.beneath(Setup::towards(&url)).start();
    machine.is_beneath();
    accepts_meanwhile(&relay);
    machine.names_are_gone(false);
    assert_kept(&relay, &sandbox, EXPECTED);
    let log = relay.whole_log().join("\n");
    assert!(log.contains("failed to lookup address"), "{log}");
}

#[test]
fn a_destination_that_is_not_there_stops_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let relay = Setup::towards(&format!("http://{address}")).start();
    relay.accept(&joined("fay"));
    relay.accept(&joined("rae"));
    assert_eq!(http::get(relay.url("/readyz")).status, 200);
    let name = "relay_attempts_total{outcome=\"retry\"}";
    eventually("it was tried", || relay.metric(name).unwrap() >= 3.0);
    let sandbox = Sandbox::start_at(&address);
    relay.drained();
    let expected =
        ["referral_program_joined fay@example.com", "referral_program_joined rae@example.com"];
    assert_kept(&relay, &sandbox, &expected);
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
    assert_no_lane_waits(&relay);
}
