//! Time that goes wrong: clocks that are set, requests that outlive their lease, loops that stand
//! still.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::kit::eventually;
use crate::kit::http;
use crate::kit::machine::{Machine, Trouble};
use crate::kit::relay::Setup;
use crate::kit::sandbox::{Sandbox, on_calls};
use crate::kit::webhooks::joined;
use crate::promises::assert_kept;

const HOUR: Duration = Duration::from_secs(3_600);
const FAY_AND_RAE: &[&str] =
    &["referral_program_joined fay@example.com", "referral_program_joined rae@example.com"];

const RETRIED: &str = "relay_attempts_total{outcome=\"retry\"}";
const FAY_JOINED_BY_RAE: &[&str] =
    &["referral_friend_signed_up rae@example.com", "referral_program_joined fay@example.com"];

/// Calls that wait for a time don't wait an hour longer, and older commits don't prove a healthy store.
#[test]
fn a_clock_that_jumps_back_an_hour_holds_up_nothing() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    sandbox.faults(json!(on_calls(json!({"status": 503}))));
    let mut relay = machine.beneath(Setup::new(&sandbox)).start();
    machine.is_beneath();
    relay.accept(&joined("fay"));
    relay.destination_is("broken");
    machine.set_back(HOUR);
    relay.accept(&joined("rae"));
    assert_eq!(http::get(relay.url("/healthz")).status, 200);
    sandbox.heal();
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
    relay.logs("the clock was set back");

    assert_eq!(http::get(relay.url("/readyz")).status, 200);
    machine.set_back(HOUR);
    machine.store_is(Trouble::Broken);
    relay.answers("/readyz", 503);
    machine.set_back(HOUR);
    machine.store_is_well();
    relay.answers("/readyz", 200);
    relay.terminate();
    relay.restart();
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
}

/// A pause that was asked for is an hour all the same.
#[test]
fn a_clock_that_jumps_back_shortens_no_pause() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let fault = json!({"times": 1, "status": 429, "headers": {"Retry-After": "3600"}});
    sandbox.faults(json!([on_calls(fault)[0]]));
    let relay = machine.beneath(Setup::new(&sandbox)).start();
    machine.is_beneath();
    relay.accept(&joined("fay"));
    relay.destination_is("paused");
    machine.set_back(HOUR);
    relay.logs("the clock was set back");
    relay.accept(&joined("rae"));
    machine.passes(HOUR - Duration::from_secs(30));
    relay.destination_is("paused");
    assert_eq!(sandbox.calls().len(), 1, "nothing went within the hour");
    machine.passes(Duration::from_secs(30));
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
}

/// The lane is taken up again, and the answer that comes late changes nothing.
#[test]
fn a_lease_that_expires_during_a_slow_request_is_fenced() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    sandbox.faults(json!([{"match": {"path": "/events"}, "times": 1, "latency_ms": 1_500}]));
    let relay = machine.beneath(Setup::new(&sandbox)).start();
    machine.is_beneath();
    relay.accept(&joined("fay"));
    eventually("the slow request is under way", || sandbox.events().len() == 1);
    machine.set_forward(Duration::from_secs(61));
    eventually("its answer came too late", || relay.count("relay_fenced_total") == 1.0);
    relay.accept(&joined("rae"));
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
    let fay = sandbox.events().into_iter().find(|event| event.person() == "fay@example.com");
    assert_eq!(fay.unwrap().shown["repeats"], 1, "the same id was sent again");
}

/// A disk that hangs ends no write and fails none, so only its silence shows.
#[test]
fn a_loop_that_stalls_turns_healthz_red() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let setup = Setup::new(&sandbox).set("server.answer_timeout", "300ms");
    let mut relay = machine.beneath(setup).start();
    machine.is_beneath();
    relay.accept(&joined("fay"));
    relay.drained();
    machine.passes(Duration::from_secs(60));
    relay.answers("/healthz", 200);

    machine.disk_hangs(true);
    let rae = joined("rae");
    assert_eq!(relay.send(&rae).status, 503);
    assert_eq!(http::get(relay.url("/healthz")).status, 200, "it may be slow");
    machine.passes(Duration::from_secs(31));
    relay.answers("/healthz", 503);
    for path in ["/healthz", "/readyz", "/health"] {
        let why = http::get(relay.url(path)).body;
        assert!(why.contains("the store has been busy with one write for 3"), "{path} {why}");
    }

    machine.disk_hangs(false);
    relay.answers("/healthz", 200);
    // It was written after all; the sender who got 503 may send it again.
    eventually("it is known", || relay.send(&rae).json()["status"] == "duplicate");
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
    relay.terminate();
}

#[test]
fn a_relay_ends_within_its_grace_though_the_disk_hangs() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let setup = Setup::new(&sandbox).set("server.answer_timeout", "300ms");
    let mut relay = machine.beneath(setup.set("server.shutdown_grace", "3s")).start();
    machine.is_beneath();
    let (fay, rae) = (joined("fay"), joined("rae"));
    relay.accept(&fay);
    relay.drained();
    machine.disk_hangs(true);
    assert_eq!(relay.send(&rae).status, 503);
    let begun = Instant::now();
    relay.terminate();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

    machine.disk_hangs(false);
    relay.restart();
    relay.must("duplicate", &fay);
    assert_eq!(relay.send(&rae).status, 200);
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
}

/// With the waits that everybody has: 15 minutes at most between two tries, and 14 days until what
/// fails alone is given up.
#[test]
fn a_destination_down_for_longer_than_every_backoff_costs_no_call() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    sandbox.faults(json!(on_calls(json!({"drop": "before"}))));
    let setup = Setup::new(&sandbox).unset("delivery.backoff_base").unset("delivery.probe_every");
    let relay = machine.beneath(setup.unset("delivery.backoff_cap")).start();
    machine.is_beneath();
    relay.accept(&joined("fay").referred_by("rae"));
    for round in 1..=40_u32 {
        let tries = relay.count(RETRIED);
        machine.passes(Duration::from_secs(16 * 60));
        eventually(&format!("it is tried in round {round}"), || relay.count(RETRIED) > tries);
    }
    relay.destination_is("broken");
    let tries = relay.count(RETRIED);
    machine.passes(Duration::from_secs(15 * 24 * 3_600));
    eventually("it is tried after 15 days", || relay.count(RETRIED) > tries);
    assert_eq!(relay.count("relay_dead_letters"), 0.0);
    let warnings = http::get(relay.url("/readyz")).json()["warnings"].to_string();
    assert!(warnings.contains("hours old"), "{warnings}");
    sandbox.heal();
    machine.passes(Duration::from_secs(16 * 60));
    assert_kept(&relay, &sandbox, FAY_JOINED_BY_RAE);
}

#[test]
fn status_429_with_an_hour_is_waited_in_full() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let fault = json!({"times": 1, "status": 429, "headers": {"Retry-After": "3600"}});
    sandbox.faults(json!([on_calls(fault)[0]]));
    let relay = machine.beneath(Setup::new(&sandbox)).start();
    machine.is_beneath();
    relay.accept(&joined("fay"));
    relay.destination_is("paused");
    machine.passes(Duration::from_secs(3_590));
    relay.accept(&joined("rae"));
    relay.destination_is("paused");
    assert_eq!(http::get(relay.url("/healthz")).status, 200);
    machine.passes(Duration::from_secs(5));
    relay.destination_is("paused");
    assert_eq!(sandbox.calls().len(), 1, "nothing went within the hour");
    machine.passes(Duration::from_secs(5));
    assert_kept(&relay, &sandbox, FAY_AND_RAE);
}
