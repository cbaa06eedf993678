//! Faults of the disk.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use crate::kit::eventually;
use crate::kit::http;
use crate::kit::machine::{Machine, Trouble};
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{Webhook, joined};
use crate::promises::assert_kept;

const ANN_AND_BOB: &[&str] =
    &["referral_program_joined ann@example.com", "referral_program_joined bob@example.com"];

/// Asserts that a webhook is refused with an invitation to try again.
#[track_caller]
fn assert_refused(relay: &Relay, webhook: &Webhook) {
    let refused = relay.send(webhook);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
}

/// Returns the store refuses every write while a call is under way: the relay says so, keeps what
/// it has, and goes on by itself when the disk does.
fn outlives(trouble: Trouble, word: &str) -> (Relay, Machine, Sandbox) {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    sandbox.faults(json!([{"match": {"path": "/events"}, "latency_ms": 300}]));
    let mut relay = machine.beneath(Setup::new(&sandbox)).start();
    machine.is_beneath();
    relay.accept(&joined("ann"));
    eventually("a call is under way", || sandbox.events().len() == 1);
    machine.store_is(trouble);
    assert_refused(&relay, &joined("bob"));
    // A probe might fit where no webhook does, so none is needed for this.
    let unready = http::get(relay.url("/readyz"));
    assert_eq!(unready.status, 503);
    assert!(unready.body.contains("has just refused a webhook"), "{}", unready.body);
    relay.logs("can't settle; trying again");
    assert_eq!(http::get(relay.url("/healthz")).status, 200, "a restart wouldn't help");
    assert_refused(&relay, &joined("bob"));

    machine.store_is_well();
    relay.accept(&joined("bob"));
    assert_kept(&relay, &sandbox, ANN_AND_BOB);
    relay.answers("/readyz", 200);
    let log = relay.whole_log().join("\n");
    assert!(log.contains(word), "{log}");
    (relay, machine, sandbox)
}

#[test]
fn a_full_disk_refuses_webhooks_and_loses_nothing() {
    outlives(Trouble::Full, "database or disk is full");
}

#[test]
fn a_read_only_file_refuses_webhooks_and_loses_nothing() {
    let (mut relay, machine, sandbox) = outlives(Trouble::ReadOnly, "readonly");
    relay.terminate();
    machine.store_is(Trouble::ReadOnly);
    let refused = relay.command(&["serve"]).expect(1);
    assert!(refused.contains("can't open the store"), "{refused}");
    machine.store_is_well();
    relay.restart();
    assert_kept(&relay, &sandbox, ANN_AND_BOB);
}

/// Nobody who sends or looks on is needed for any loop to find its way back.
#[test]
fn a_store_that_fails_for_three_seconds_is_outlived_by_every_loop() {
    const QUARTER: Duration = Duration::from_secs(15 * 60);
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    // The workspace isn't known yet, so that question stays open.
    sandbox.faults(json!([{"match": {"path": "/accounts/region"}, "status": 503}]));
    let setup = Setup::new(&sandbox).set("store.keep_payloads", "1s");
    let mut relay = machine.beneath(setup).start();
    machine.is_beneath();
    relay.accept(&joined("ann"));
    relay.drained();
    sandbox.faults(json!([{"match": {"path": "/customers/"}, "latency_ms": 500}]));
    relay.accept(&joined("bob"));
    eventually("a call is under way", || {
        sandbox.calls().iter().any(|call| call.person() == "bob@example.com")
    });

    machine.store_is(Trouble::Broken);
    let broken = Instant::now();
    machine.passes(QUARTER);
    while broken.elapsed() < Duration::from_secs(3) {
        assert_refused(&relay, &joined("cid"));
    }
    for loop_fails in ["the dispatcher can't reach the store", "can't prune now", "can't settle"] {
        relay.logs(loop_fails);
    }
    machine.store_is_well();
    assert_kept(&relay, &sandbox, ANN_AND_BOB);
    machine.passes(QUARTER);
    relay.logs("pruned old payloads");
    eventually("the workspace is remembered", || {
        relay.command(&["check"]).stdout.contains("the one that the store belongs to")
    });
    assert_eq!(http::get(relay.url("/healthz")).status, 200);
    relay.accept(&joined("cid"));
    relay.drained();
    assert_eq!(sandbox.events().len(), 3);
    relay.terminate();
}

/// All pieces of one round are reported together, a last one that is full as well.
#[test]
fn what_was_pruned_is_logged_as_a_sum_and_a_replay_says_what_it_does_not_reach() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let setup = Setup::new(&sandbox).set("store.keep_parked", "1s");
    let relay = machine.beneath(setup.set("store.keep_payloads", "1s")).start();
    machine.is_beneath();
    let unknown = joined("ann").with("/event", "PARTICIPANT_TELEPORTED");
    for number in 0..400 {
        relay.must("parked", &unknown.clone().with("/number", number));
    }
    machine.passes(Duration::from_secs(15 * 60));
    relay.logs("\"pruned\":400,");
    let (finished, parked) = ("Finished webhooks received up to", "Parked webhooks received up to");
    for command in [&["replay"][..], &["replay", "--parked"]] {
        let printed = relay.command(command).expect(0);
        assert!(printed.contains(parked) && printed.contains("(store.keep_parked)"), "{printed}");
        assert!(!printed.contains(finished), "{printed}");
    }
    relay.accept(&joined("bob"));
    relay.drained();
    machine.passes(Duration::from_secs(15 * 60));
    relay.logs("\"pruned\":1,");
    let printed = relay.command(&["replay"]).expect(0);
    assert!(printed.contains(finished) && printed.contains("(store.keep_payloads)"), "{printed}");
    let printed = relay.command(&["replay", "--parked"]).expect(0);
    assert!(!printed.contains(finished) && !printed.contains("keep_payloads"), "{printed}");
}

#[test]
fn the_log_is_synced_before_each_answer() {
    let machine = Machine::new();
    // Nothing answers there, and a call isn't tried twice within this test.
    let setup = Setup::towards("http://127.0.0.1:9")
        .set("delivery.backoff_base", "1m")
        .set("delivery.backoff_cap", "1m");
    let relay = machine.beneath(setup).start();
    machine.is_beneath();
    for number in 0..20 {
        let before = machine.log_syncs();
        relay.accept(&joined(&format!("p{number}")));
        assert!(machine.log_syncs() > before, "webhook {number} may be lost with the machine");
    }
}

/// Locked isn't stalled: the store gives up one write after another, and a restart wouldn't help.
#[test]
fn a_locked_database_is_waited_for() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.answer_timeout", "300ms").start();
    relay.accept(&joined("ann"));
    relay.drained();
    let other = Connection::open(relay.setup().folder().join("relay.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_refused(&relay, &joined("bob"));
    // A probe might fit where no webhook does, so none is needed for this.
    let unready = http::get(relay.url("/readyz"));
    assert_eq!(unready.status, 503);
    assert!(unready.body.contains("has just refused a webhook"), "{}", unready.body);
    relay.logs("the dispatcher can't reach the store");
    assert_eq!(http::get(relay.url("/healthz")).status, 200);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    relay.answers("/readyz", 200);
    // The sender got 503 while it was locked, and sends it again.
    let answer = relay.send(&joined("bob").at(1_700_000_000_000));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_kept(&relay, &sandbox, ANN_AND_BOB);
}

/// SQLite reads a log with a damaged last page up to that page.
///
/// The page held an acknowledged webhook, which the disk destroyed after the sync. Sent again, it is
/// `accepted` and not `duplicate`: the relay claims nothing that it doesn't have.
#[test]
fn a_corrupt_last_page_of_the_log_costs_what_was_in_it_and_no_more() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("ann"));
    relay.drained();
    eventually("the workspace is remembered", || {
        relay.command(&["check"]).stdout.contains("the one that the store belongs to")
    });
    relay.terminate();
    // In another workspace nothing is even claimed, so that only webhooks are in the log.
    let other = json!({"url": "http://elsewhere", "region": "us", "environment_id": 2});
    sandbox.faults(json!([{"match": {"path": "/region"}, "status": 200, "body": other}]));
    relay.restart();
    relay.destination_is("halted");
    let (bob, cid) = (joined("bob"), joined("cid"));
    relay.accept(&bob);
    relay.accept(&cid);
    relay.kill();

    let log = relay.setup().folder().join("relay.db-wal");
    let log = File::options().read(true).write(true).open(log).unwrap();
    let end = log.metadata().unwrap().len();
    let mut page = [0; 64];
    log.read_exact_at(&mut page, end - 64).unwrap();
    log.write_all_at(&page.map(|byte| !byte), end - 64).unwrap();
    drop(log);

    sandbox.heal();
    relay.restart();
    assert_kept(&relay, &sandbox, ANN_AND_BOB);
    assert_eq!(http::get(relay.url("/readyz")).json(), json!({"status": "ready"}));
    relay.must("duplicate", &bob);
    relay.accept(&cid);
    relay.drained();
    assert_eq!(sandbox.events().len(), 3);
}

#[test]
fn a_store_that_is_taken_away_turns_health_red_and_is_never_written_to_unseen() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    let ann = joined("ann");
    relay.accept(&ann);
    relay.drained();

    let store = relay.setup().folder().join("relay.db");
    let away = relay.setup().folder().join("away.db");
    fs::rename(&store, &away).unwrap();
    let refused = relay.send(&joined("bob"));
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(!refused.header("retry-after").is_empty());
    relay.answers("/health", 503);
    relay.command(&["healthcheck", "--address", relay.address()]).expect(1);
    assert_eq!(http::get(relay.url("/healthz")).status, 200, "a restart wouldn't help");

    // Another file in its place isn't the store either.
    fs::copy(&away, &store).unwrap();
    assert_eq!(relay.send(&joined("bob")).status, 503);

    fs::rename(&away, &store).unwrap();
    relay.accept(&joined("bob"));
    relay.must("duplicate", &ann);
    assert_kept(&relay, &sandbox, ANN_AND_BOB);
    assert_eq!(http::get(relay.url("/health")).status, 200);
    relay.terminate();
    let log = relay.whole_log().join("\n");
    assert!(log.contains("was moved or deleted"), "{log}");
    assert!(log.contains("another file is at"), "{log}");
}

#[test]
fn a_log_that_is_taken_away_costs_nothing() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    let (ann, bob, cid) = (joined("ann"), joined("bob"), joined("cid"));
    relay.accept(&ann);
    let log = relay.setup().folder().join("relay.db-wal");
    let away = relay.setup().folder().join("away");
    fs::rename(&log, &away).unwrap();
    assert_refused(&relay, &bob);
    relay.answers("/health", 503);
    fs::rename(&away, &log).unwrap();
    relay.accept(&bob);

    let index = relay.setup().folder().join("relay.db-shm");
    for gone in [log, index] {
        for ends in [Relay::kill, Relay::terminate] {
            fs::remove_file(&gone).unwrap();
            assert_refused(&relay, &cid);
            ends(&mut relay);
            relay.restart();
            relay.must("duplicate", &ann);
            relay.must("duplicate", &bob);
        }
    }
    assert_kept(&relay, &sandbox, ANN_AND_BOB);
    let log = relay.whole_log().join("\n");
    assert!(log.contains("relay.db-wal was moved or deleted"), "{log}");
}
