//! SIGTERM and SIGINT: what the end looks like when nothing is wrong. What may be wrong meanwhile is
//! in `faults`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::kit::eventually;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;

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
