//! SIGTERM and SIGINT: what the end looks like when nothing is wrong. What may be wrong meanwhile is
//! in `faults`.

use std::os::unix::net::UnixDatagram;
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
    let began = Instant::now();
    relay.terminate();
    assert!(began.elapsed() < Duration::from_millis(3_500), "the end took {:?}", began.elapsed());
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
fn a_supervisor_hears_of_start_life_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    supervisor.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let report = || {
        let mut bytes = [0; 64];
        let length = supervisor.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).variable("NOTIFY_SOCKET", path.to_str().unwrap());
    let relay = setup.variable("WATCHDOG_USEC", "200000").start();
    assert_eq!(report(), "READY=1");
    assert_eq!([report(), report()], ["WATCHDOG=1", "WATCHDOG=1"]);
    relay.signal_interrupt();
    let end = std::iter::repeat_with(report).find(|state| state != "WATCHDOG=1");
    assert_eq!(end.unwrap(), "STOPPING=1");
}
