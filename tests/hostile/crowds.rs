//! Crowds of connections, which must leave others a place: of one client, of many, and of the system.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use super::{
    answered, connect, connect_from, descriptors, is_closed, number, statuses, takes_promptly,
};
use crate::kit::eventually;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;

const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

fn closed(relay: &Relay, reason: &str) -> f64 {
    relay.count(&format!("relay_connections_closed_total{{reason=\"{reason}\"}}"))
}

#[test]
fn one_client_has_its_share_of_connections_and_holds_nobody_up() {
    let sandbox = Sandbox::start();
    let wanted = number("RELAY_TEST_CONNECTIONS", 1_000);
    let connections = wanted.min(descriptors().saturating_sub(400));
    // An eighth of these is a client's.
    let setup = Setup::new(&sandbox).set("server.max_connections", (2 * connections).to_string());
    let relay = setup.set("server.header_timeout", "60s").start();
    let idle: Vec<TcpStream> = (0..connections).map(|_| connect(&relay)).collect();
    for number in 0..10 {
        takes_promptly(&relay, &format!("fay{number}"));
    }
    let share = connections.div_ceil(4);
    let open = relay.count("relay_connections");
    assert!(open <= f64::from(u32::try_from(share).unwrap()), "{open} are open, {share} its share");
    assert!(closed(&relay, "client") >= f64::from(u32::try_from(connections - share).unwrap()));
    assert!(is_closed(&idle[0]), "the oldest made room");
    assert!(!is_closed(&idle[connections - 1]), "the newest stayed");
    assert_eq!(closed(&relay, "all"), 0.0);
}

#[test]
fn a_client_that_uses_a_connection_keeps_it() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.connections_per_client", "3").start();
    let mut used = connect_from(&relay, 0, 2);
    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut other = connect_from(&relay, 0, 2);
        for stream in [&mut other, &mut used] {
            stream.write_all(ASK).unwrap();
            assert_eq!(answered(stream), 200);
        }
        idle.push(other);
    }
    let open = idle.iter().filter(|stream| !is_closed(stream)).count();
    assert!(open <= 3, "{open} idle ones are open");
}

#[test]
fn where_all_connections_are_taken_the_one_longest_without_progress_makes_room() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.max_connections", "40");
    let relay = setup.set("server.header_timeout", "60s").start();
    // Twenty clients, each within a share of five.
    let idle: Vec<TcpStream> =
        (0..80).map(|number| connect_from(&relay, 1, number % 20 + 1)).collect();
    for number in 0..20 {
        takes_promptly(&relay, &format!("fay{number}"));
    }
    assert!(is_closed(&idle[0]), "the oldest made room");
    assert!(!is_closed(&idle[79]), "the newest stayed");
    assert!(closed(&relay, "all") >= 40.0);
}

#[test]
fn those_who_wait_for_the_answer_to_a_wrong_token_make_room_too() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.max_connections", "40");
    let setup = setup.set("admin.token", "the-right-token-of-all");
    let relay = setup.set("api.token", "another-token-of-them-all").start();
    for ask in ["GET /admin/dead-letters", "POST /v1/events"] {
        let ask = format!("{ask} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n\r\n");
        // Nine clients with their share of five each, and ten seconds of answers to wait for.
        let mut guessing: Vec<TcpStream> =
            (0..45).map(|number| connect_from(&relay, 1, number % 9 + 1)).collect();
        for stream in &mut guessing {
            // The oldest ones have made room by now.
            let _may_be_closed = stream.write_all(ask.repeat(40).as_bytes());
        }
        for number in 0..10 {
            takes_promptly(
                &relay,
                &format!("{}{number}", if ask.contains("admin") { "fay" } else { "rae" }),
            );
        }
    }
}

#[test]
fn a_trusted_proxy_has_all_connections_it_wants() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.connections_per_client", "2");
    let relay = setup.set("server.trusted_proxies", "127.0.0.0/24").start();
    let mut proxy: Vec<TcpStream> = (0..20).map(|_| connect_from(&relay, 0, 3)).collect();
    let stranger: Vec<TcpStream> = (0..20).map(|_| connect_from(&relay, 1, 3)).collect();
    eventually("the stranger is cut down", || {
        stranger.iter().filter(|stream| !is_closed(stream)).count() == 2
    });
    for stream in &mut proxy {
        stream.write_all(&[&ASK[..ASK.len() - 2], b"Connection: close\r\n\r\n"].concat()).unwrap();
        assert_eq!(statuses(&super::rest(stream)), [200]);
    }
}

#[test]
fn operators_get_through_to_their_own_listener() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.operator_listen", "127.0.0.1:0");
    let relay = setup.set("server.header_timeout", "60s").start();
    let operator = relay.operator_url("");
    let operator = operator.trim_start_matches("http://");
    let idle: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(operator).unwrap()).collect();
    for _ in 0..5 {
        assert_eq!(relay.metric("relay_dead_letters"), Some(0.0));
    }
    assert!(is_closed(&idle[0]));
    takes_promptly(&relay, "fay");
}

/// Sets how many descriptors the relay may have, from now on.
fn limit(relay: &Relay, descriptors: usize) {
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &relay.pid().to_string(), &format!("--nofile={descriptors}:")]);
    assert!(prlimit.status().unwrap().success());
}

#[test]
fn without_descriptors_for_more_the_relay_makes_room_and_goes_on() {
    let sandbox = Sandbox::start();
    let mut relay = Setup::new(&sandbox).set("server.header_timeout", "60s").start();
    takes_promptly(&relay, "fay");
    relay.drained();
    let open = std::fs::read_dir(format!("/proc/{}/fd", relay.pid())).unwrap().count();
    limit(&relay, open + 10);
    let idle: Vec<TcpStream> = (0..60).map(|_| connect(&relay)).collect();
    for number in 0..10 {
        takes_promptly(&relay, &format!("ann{number}"));
    }
    assert!(closed(&relay, "descriptors") >= 1.0);
    drop(idle);
    limit(&relay, open + 1_000);
    relay.drained();
    let warned = relay.whole_log().iter().filter(|line| line.contains("can't accept")).count();
    assert_eq!(warned, 1, "one warning a minute is enough");
    assert!(relay.metric("relay_connections").unwrap() < 10.0);
}
