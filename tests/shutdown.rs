//! SIGTERM and SIGINT: requests are finished, leases given back, nothing is lost, and the end
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

/// How many senders are busy while the relay ends.
const SENDERS: usize = 8;

#[test]
fn an_end_under_load_keeps_what_was_acknowledged() {
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
}

#[test]
fn a_hanging_destination_does_not_hold_up_the_end() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/customers/"}, "hang_ms": 120_000}]));
    let mut relay = Setup::new(&sandbox).set("server.shutdown_grace", "3s").start();
    relay.accept(&joined("fay").referred_by("rae"));
    eventually("a call is under way", || !sandbox.requests().is_empty());
    let told = Instant::now();
    relay.terminate();
    let took = told.elapsed();
    assert!(took < Duration::from_millis(3_500), "the end took {took:?}");
    sandbox.heal();
    let restarted = Instant::now();
    relay.restart();
    relay.drained();
    assert!(restarted.elapsed() < Duration::from_secs(20), "a lease was not given back");
    assert_eq!(sandbox.events().len(), 2);
}

#[test]
fn calls_under_way_are_finished_before_the_end() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/customers/"}, "latency_ms": 700}]));
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    eventually("the identify is under way", || !sandbox.calls().is_empty());
    relay.terminate();
    assert_eq!(sandbox.calls()[0].status, Some(200), "its answer was taken");
    sandbox.heal();
    relay.restart();
    relay.drained();
    assert_eq!(sandbox.identifies("fay@example.com").len(), 1, "it was not sent again");
    assert_eq!(sandbox.events().len(), 1);
}

#[test]
fn a_connection_that_says_nothing_does_not_hold_up_the_end() {
    let sandbox = Sandbox::start();
    let mut relay = Setup::new(&sandbox).set("server.shutdown_grace", "3s").start();
    let idle = std::net::TcpStream::connect(relay.address()).unwrap();
    relay.accept(&joined("fay"));
    let told = Instant::now();
    relay.terminate();
    assert!(told.elapsed() < Duration::from_millis(3_500), "the end took {:?}", told.elapsed());
    drop(idle);
}

#[test]
fn an_interrupt_ends_it_like_a_termination() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.signal_interrupt();
    relay.ended_well();
}

#[test]
fn a_clean_end_leaves_one_file() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    relay.terminate();
    let folder = relay.setup().folder();
    assert!(folder.join("relay.db").exists());
    assert!(!folder.join("relay.db-wal").exists(), "the store was not checkpointed");
}
