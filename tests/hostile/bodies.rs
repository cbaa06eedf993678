//! Bodies that are announced and don't come: whatever memory they hold, usual webhooks get in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{
    MIB, PROMPT, connect, head, is_closed, number, peak, plausible, request, rest, statuses,
    takes_promptly,
};
use crate::kit::ids::signature;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};
use crate::kit::{TIMEOUT, eventually, now_millis};

/// Sends a part of a body that is announced to be longer, for a client that a proxy names.
fn stall(relay: &Relay, sent: usize, announced: usize, client: &str) -> TcpStream {
    let mut stream = connect(relay);
    let more = format!("{}X-Forwarded-For: {client}\r\n", plausible());
    stream.write_all(head(announced, &more).as_bytes()).unwrap();
    let _may_be_refused = stream.write_all(&vec![b' '; sent]);
    stream
}

/// Sends a signed webhook of this many bytes, of a client that a proxy names. Returns the
/// status.
fn webhook(relay: &Relay, name: &str, bytes: usize, client: &str) -> u16 {
    let essay = "x".repeat(bytes);
    let body = joined(name).with("/data/essay", essay).body();
    let proof = signature(SECRET, now_millis(), body.as_bytes());
    let more = format!(
        "GrowSurf-Signature: {proof}\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n"
    );
    let mut stream = connect(relay);
    let _may_be_refused = stream
        .write_all(head(body.len(), &more).as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()));
    statuses(&rest(&stream))[0]
}

/// Stalls bodies of this client until it has no memory left for one that isn't small.
fn fill(relay: &Relay, client: &str) -> Vec<TcpStream> {
    let mut stalled = Vec::new();
    // A webhook that gets in holds memory, too, for which a growing body may be refused.
    eventually("the memory is in use", || {
        stalled.push(stall(relay, 3 * MIB, 8 * MIB, client));
        webhook(relay, "ann", 100_000, client) == 503
    });
    stalled
}

fn refused(relay: &Relay, reason: &str) -> f64 {
    relay.count(&format!("relay_bodies_refused_total{{reason=\"{reason}\"}}"))
}

/// Asserts that a usual webhook is answered in under a second and delivered in under five.
#[track_caller]
fn takes_and_delivers(relay: &Relay, sandbox: &Sandbox, name: &str) {
    let mut took = Vec::new();
    for number in 0..9 {
        let name = format!("{name}{number}");
        let began = Instant::now();
        takes_promptly(relay, &name);
        took.push(began.elapsed());
        let joined = format!("referral_program_joined {}", email(&name));
        eventually("it is delivered", || sandbox.event_lines().contains(&joined));
        let delivered = began.elapsed();
        assert!(delivered < Duration::from_secs(5), "{name} was delivered in {delivered:?}");
    }
    // The machine may be slow for one, and not for most.
    took.sort_unstable();
    assert!(took[4] < Duration::from_secs(1), "webhooks took {took:?}");
}

#[test]
fn stalled_bodies_that_prove_nothing_are_refused_at_once_and_hold_nobody_up() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let stalled: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(&relay);
            stream.write_all(head(8 * MIB, "").as_bytes()).unwrap();
            let _may_be_refused = stream.write_all(&vec![b' '; 128 * 1024]);
            stream
        })
        .collect();
    takes_and_delivers(&relay, &sandbox, "fay");
    for mut stream in &stalled {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
    }
    eventually("their connections end", || stalled.iter().all(is_closed));
}

#[test]
fn stalled_bodies_that_look_signed_hold_nobody_up() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.body_timeout", "60s").start();
    takes_promptly(&relay, "ann");
    let base = peak(&relay);
    let bodies = number("RELAY_TEST_BODIES", 100).min(100);
    let _stalled: Vec<TcpStream> =
        (0..bodies).map(|_| stall(&relay, 7 * MIB, 8 * MIB, "unknown")).collect();
    takes_and_delivers(&relay, &sandbox, "fay");
    assert!(refused(&relay, "client") >= 1.0);
    // One client's share, an eighth of 256 MiB, and what connections buffer.
    let peak = peak(&relay);
    assert!(peak <= base + 32 + 64, "{peak} MiB were resident, {base} before");
}

#[test]
fn small_bodies_that_stall_make_room_for_those_that_come() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.body_memory", "8MiB");
    let relay = setup.set("server.body_timeout", "60s").start();
    let _large = fill(&relay, "unknown");
    // The reserve of 1 MiB holds sixteen of these.
    let small: Vec<TcpStream> =
        (0..60).map(|_| stall(&relay, 63 * 1024, 64 * 1024, "unknown")).collect();
    takes_and_delivers(&relay, &sandbox, "fay");
    assert!(refused(&relay, "reserve") >= 1.0);
    let answer = rest(&small[0]);
    assert_eq!(statuses(&answer), [503], "the oldest made room: {answer}");
}

#[test]
fn a_client_cant_hold_the_memory_of_another_behind_the_same_proxy() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.body_memory", "64MiB");
    let setup = setup.set("server.trusted_proxies", "127.0.0.1");
    let relay = setup.set("server.body_timeout", "60s").start();
    let stalled = fill(&relay, "2001:db8::1");
    // One network is one client.
    for client in ["2001:db8::2", "2001:db8::ffff:1"] {
        assert_eq!(webhook(&relay, "ann", 100_000, client), 503, "{client}");
    }
    for client in ["2001:db8:0:1::1", "203.0.113.7", "198.51.100.1, 203.0.113.8"] {
        assert_eq!(webhook(&relay, "fay", 4 * MIB, client), 200, "{client}");
    }
    takes_and_delivers(&relay, &sandbox, "rae");
    drop(stalled);
    eventually("it is given back", || webhook(&relay, "ann", 4 * MIB, "2001:db8::3") == 200);
}

#[test]
fn bodies_of_many_clients_make_room_for_a_large_one_that_comes() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.body_memory", "64MiB");
    let setup = setup.set("server.trusted_proxies", "127.0.0.1");
    let relay = setup.set("server.body_timeout", "60s").start();
    let stalled: Vec<TcpStream> = (1..=12)
        .map(|number| stall(&relay, 8 * MIB - 1_000, 8 * MIB, &format!("203.0.113.{number}")))
        .collect();
    for name in ["fay", "rae", "ann"] {
        let began = Instant::now();
        assert_eq!(webhook(&relay, name, 4 * MIB, "198.51.100.7"), 200, "{name}");
        assert!(began.elapsed() < PROMPT, "{name} took {:?}", began.elapsed());
    }
    takes_and_delivers(&relay, &sandbox, "bob");
    assert!(refused(&relay, "memory") >= 1.0);
    let answer = rest(&stalled[0]);
    assert_eq!(statuses(&answer), [503], "the oldest made room: {answer}");
}

#[test]
fn a_body_that_comes_too_slowly_is_given_up() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.body_min_rate", "1MB");
    let relay = setup.set("server.body_timeout", "60s").start();
    let began = Instant::now();
    let stream = stall(&relay, MIB, 8 * MIB, "unknown");
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let answer = rest(&stream);
    assert_eq!(statuses(&answer), [408], "{answer}");
    assert!(answer.contains("server.body_min_rate"), "{answer}");
    let took = began.elapsed();
    let (least, most) = (Duration::from_secs(9), Duration::from_secs(16) + PROMPT);
    assert!(took >= least && took < most, "it was listened to for {took:?}");
    assert_eq!(refused(&relay, "slow"), 1.0);
}

#[test]
fn a_refused_sender_may_finish_within_a_limit() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.body_timeout", "10s").start();
    // A client that sends the whole body first, and then reads.
    let mut stream = connect(&relay);
    stream.write_all(head(8 * MIB, "").as_bytes()).unwrap();
    stream.write_all(&vec![b' '; 8 * MIB]).unwrap();
    assert_eq!(statuses(&rest(&stream)), [401]);
    // A client that sends no more, and one that never ends.
    let began = Instant::now();
    let mut stalled = connect(&relay);
    stalled.write_all(head(8 * MIB, "").as_bytes()).unwrap();
    assert_eq!(statuses(&rest(&stalled)), [401]);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(6) + PROMPT, "a refused body was waited for {took:?}");
    let (answer, took) = endless(&relay);
    assert!(answer.contains("401"), "{answer}");
    assert!(took < Duration::from_secs(12) + PROMPT, "a refused body was read for {took:?}");
    assert_eq!(statuses(&super::say(&relay, &request("fay", "Connection: close\r\n"))), [200]);
}

/// Sends chunks after the refusal, for as long as they are taken.
fn endless(relay: &Relay) -> (String, Duration) {
    let mut stream = connect(relay);
    let head = "POST /webhooks/growsurf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).unwrap();
    let began = Instant::now();
    while stream.write_all(b"1\r\na\r\n").is_ok() {
        assert!(began.elapsed() < TIMEOUT, "the relay reads on for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    (String::from_utf8_lossy(&answer[..read]).into_owned(), began.elapsed())
}
