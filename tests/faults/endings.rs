//! SIGTERM at bad moments: requests are finished, leases given back, nothing is lost, and the end
//! comes within the grace period.

use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::kit::eventually;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};
use crate::promises::{assert_kept, assert_lanes_in_order, assert_no_lane_waits};

/// Number of senders that are busy while the relay ends.
const SENDERS: usize = 8;

#[test]
fn sigterm_while_webhooks_come_keeps_what_was_acknowledged() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"probability": 0.3, "seed": 1, "latency_ms": 50}]));
    let relay = RwLock::new(Relay::start(&sandbox));
    let acknowledged = AtomicUsize::new(0);
    let acks: Vec<String> = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (relay, acknowledged) = (&relay, &acknowledged);
                scope.spawn(move || {
                    let mut acks = Vec::new();
                    for number in 0.. {
                        let name = format!("s{sender}n{number}");
                        let answer = relay.read().unwrap().try_send(&joined(&name));
                        // The first refusal is the listener's end.
                        let Ok(answer) = answer else { break };
                        assert_eq!(answer.status, 200, "{answer:?}");
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                        acks.push(email(&name));
                    }
                    acks
                })
            })
            .collect();
        eventually("the relay is busy", || acknowledged.load(Ordering::Relaxed) >= 100);
        relay.read().unwrap().signal_termination();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let mut relay = relay.into_inner().unwrap();
    relay.ended_well();
    let log = relay.whole_log().join("\n");
    assert!(log.contains("\"message\":\"stopped\""), "{log}");
    assert!(!log.contains("\"level\":\"WARN\"") && !log.contains("\"level\":\"ERROR\""), "{log}");

    sandbox.heal();
    relay.restart();
    relay.drained();
    let mut arrived: Vec<String> =
        sandbox.events().iter().map(|event| event.person().to_owned()).collect();
    let mut expected = acks;
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected, "every acknowledged webhook once, and no other");
    assert_eq!(relay.dead_letters(), 0);
    assert_no_lane_waits(&relay);
    assert_lanes_in_order(&sandbox);
}

#[test]
fn sigterm_during_a_batch_takes_its_answer() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([
        {"match": {"path": "/customers/"}, "times": 1, "status": 503, "headers": {"Retry-After": "1"}},
        {"match": {"path": "/v2/batch"}, "latency_ms": 700}
    ]));
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("lane0"));
    relay.destination_is("paused");
    for number in 1..10 {
        relay.accept(&joined(&format!("lane{number}")));
    }
    let batch = || sandbox.calls().into_iter().filter(|call| !call.alone).collect::<Vec<_>>();
    eventually("the batch is under way", || !batch().is_empty());
    relay.terminate();
    let sent = batch();
    assert!(sent.len() > 5 && sent.iter().all(|call| call.status == Some(200)), "{sent:?}");

    sandbox.heal();
    relay.restart();
    let expected: Vec<String> =
        (0..10).map(|lane| format!("referral_program_joined lane{lane}@example.com")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_kept(&relay, &sandbox, &expected);
    for call in sent {
        let identifies = sandbox.identifies(call.person()).into_iter();
        assert_eq!(identifies.filter(|it| it.applied).count(), 1, "{call:?} was sent again");
    }
}

#[test]
fn sigterm_with_a_destination_that_hangs_is_obeyed_in_time() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/customers/"}, "hang_ms": 120_000}]));
    let mut relay = Setup::new(&sandbox).set("server.shutdown_grace", "3s").start();
    relay.accept(&joined("fay").referred_by("rae"));
    eventually("a call is under way", || !sandbox.requests().is_empty());
    let expected = Instant::now();
    relay.terminate();
    let took = expected.elapsed();
    assert!(took < Duration::from_millis(3_500), "the end took {took:?}");
    sandbox.heal();
    let restarted = Instant::now();
    relay.restart();
    relay.drained();
    assert!(restarted.elapsed() < Duration::from_secs(20), "a lease was not given back");
    let expected =
        ["referral_friend_signed_up rae@example.com", "referral_program_joined fay@example.com"];
    assert_kept(&relay, &sandbox, &expected);
}
