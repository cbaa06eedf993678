//! Each state of a connection has its end: nothing said, a head, an answer that isn't read, a kept
//! connection, and the relay's own end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    PROMPT, answered, connect, connect_from, descriptors, drip, head, is_closed, memory, number,
    plausible, request, rest, say, statuses, takes_promptly,
};
use crate::kit::eventually;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;

const DOCUMENT: &str = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_client_that_drips_headers_or_a_body_is_cut_off() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.header_timeout", "1s");
    let relay = setup.set("server.body_timeout", "1s").start();
    let late = Duration::from_secs(1) + PROMPT;
    thread::scope(|scope| {
        for number in 0..60 {
            let relay = &relay;
            scope.spawn(move || {
                if number % 2 == 0 {
                    let (answer, time) =
                        drip(relay, "POST /webhooks/growsurf HTTP/1.1\r\nX-Slow: ");
                    assert!(time < late, "dripping headers were listened to for {time:?}");
                    assert!(!answer.contains(" 200 "), "{answer}");
                } else {
                    let (answer, time) = drip(relay, &head(100_000, &plausible()));
                    assert!(time < late, "a dripping body was listened to for {time:?}");
                    assert_eq!(statuses(&answer), [408], "{answer}");
                }
            });
        }
        for number in 0..10 {
            takes_promptly(&relay, &format!("fay{number}"));
        }
    });
}

#[test]
fn a_silent_client_is_cut_off() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.header_timeout", "1s").start();
    let late = Duration::from_secs(1) + PROMPT;
    let ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".as_slice();
    for (what, said, answers) in [
        ("nothing", b"".as_slice(), 0),
        ("half a line", b"GET /hea", 0),
        ("a request", ask, 1),
        ("two requests", &ask.repeat(2), 2),
        ("a request and half of another", &[ask, b"GET /hea"].concat(), 1),
    ] {
        let began = Instant::now();
        let answer = say(&relay, said);
        assert_eq!(statuses(&answer), vec![200; answers], "{what}");
        assert!(began.elapsed() < late, "{what} was listened to for {:?}", began.elapsed());
    }
}

#[test]
fn a_kept_connection_that_is_used_is_kept() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.header_timeout", "2s").start();
    let mut stream = connect(&relay);
    let began = Instant::now();
    let mut answers = 0;
    while began.elapsed() < Duration::from_secs(5) {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(answered(&stream), 200, "after {:?}", began.elapsed());
        answers += 1;
        thread::sleep(Duration::from_millis(200));
    }
    assert!(answers > 1);
}

#[test]
fn idle_connections_cost_little_and_hold_nobody_up() {
    let sandbox = Sandbox::start();
    let wanted = number("RELAY_TEST_CONNECTIONS", 2_000);
    // Other tests of this process have descriptors open as well.
    let connections = wanted.min(descriptors().saturating_sub(400));
    let setup = Setup::new(&sandbox).set("server.max_connections", (2 * wanted).to_string());
    let setup = setup.set("server.connections_per_client", (2 * wanted).to_string());
    let relay = setup.set("server.header_timeout", "60s").start();
    takes_promptly(&relay, "fay");
    let before = memory(&relay, "VmRSS");
    let open = |number: usize| {
        let mut stream = connect(&relay);
        if number.is_multiple_of(2) {
            stream.write_all(b"POST /webhooks/growsurf HTTP/1.1\r\n").unwrap();
        }
        stream
    };
    let idle: Vec<TcpStream> = (0..connections).map(open).collect();
    let began = Instant::now();
    for number in 0..20 {
        takes_promptly(&relay, &format!("ann{number}"));
    }
    let each = (memory(&relay, "VmRSS").saturating_sub(before)) / connections;
    println!(
        "{connections} idle connections: {each} KiB each, 20 webhooks took {:?}",
        began.elapsed()
    );
    assert!(each <= 48, "an idle connection costs {each} KiB");
    drop(idle);
    takes_promptly(&relay, "ben");
}

/// Asks for a hundred times what any buffer holds, and reads nothing of it.
fn request_and_never_read(relay: &Relay) -> TcpStream {
    let mut stream = connect_from(relay, 0, 1);
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let _the_relay_need_not_read_all = stream.write_all(DOCUMENT.repeat(2_000).as_bytes());
    stream
}

#[test]
fn a_client_that_never_reads_answers_is_cut_off() {
    let sandbox = Sandbox::start();
    let clients = number("RELAY_TEST_CONNECTIONS", 200).min(1_000);
    let setup = Setup::new(&sandbox).set("server.connections_per_client", "10000");
    let setup = setup.set("server.write_timeout", "2s").set("server.header_timeout", "60s");
    let relay = setup.start();
    takes_promptly(&relay, "fay");
    let before = memory(&relay, "VmRSS");
    thread::scope(|scope| {
        let askers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..clients / 8).map(|_| request_and_never_read(&relay)).collect::<Vec<_>>()
                })
            })
            .collect();
        for number in 0..20 {
            takes_promptly(&relay, &format!("ann{number}"));
        }
        let each = memory(&relay, "VmRSS").saturating_sub(before) / clients;
        let streams: Vec<_> = askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect();
        println!("{} clients that don't read: {each} KiB each", streams.len());
        // The document once, and what was asked for.
        assert!(each <= 256, "a client that doesn't read costs {each} KiB");
        // Only this one's own connection is left.
        eventually("all are cut off", || relay.count("relay_connections") <= 1.0);
        let cut_off = relay.count("relay_connections_closed_total{reason=\"write_timeout\"}");
        assert!(cut_off >= 1.0, "{cut_off} were cut off for that");
    });
}

#[test]
fn a_slow_reader_gets_every_answer() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.write_timeout", "3s");
    let relay = setup.set("server.header_timeout", "1s").start();
    let mut stream = connect_from(&relay, 0, 1);
    let last = DOCUMENT.replace("Host: a", "Host: a\r\nConnection: close");
    let asks = DOCUMENT.repeat(4) + &last;
    stream.write_all(asks.as_bytes()).unwrap();
    let (mut answers, mut buffer, began) = (Vec::new(), [0; 16 * 1024], Instant::now());
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            read => answers.extend_from_slice(&buffer[..read]),
        }
        // Slower than any deadline, if they counted the whole.
        thread::sleep(Duration::from_millis(20));
    }
    assert!(began.elapsed() > Duration::from_secs(1), "it was read too fast to show anything");
    assert_eq!(statuses(&String::from_utf8(answers).unwrap()), [200; 5]);
}

#[test]
fn a_client_that_closes_its_side_after_the_request_gets_the_answer() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    for (what, said) in [
        ("a webhook", request("fay", "")),
        ("a question", DOCUMENT.as_bytes().to_vec()),
        ("two webhooks", [request("ann", ""), request("ben", "")].concat()),
    ] {
        let mut stream = connect(&relay);
        stream.write_all(&said).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let answer = rest(&stream);
        let expected = if what.starts_with("two") { 2 } else { 1 };
        assert_eq!(statuses(&answer), vec![200; expected], "{what}");
    }
    // Half a body is none.
    let whole = request("rae", "");
    let mut stream = connect(&relay);
    stream.write_all(&whole[..whole.len() - 5]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(statuses(&rest(&stream)), [400]);
}

#[test]
fn connections_in_every_state_hold_up_the_end_no_longer_than_the_grace() {
    let sandbox = Sandbox::start();
    let mut relay = Setup::new(&sandbox).set("server.shutdown_grace", "4s").start();
    let unread = request_and_never_read(&relay);
    let said = [
        Vec::new(),
        b"GET /hea".to_vec(),
        request("fay", ""),
        head(1_000, &plausible()).into_bytes(),
        request("ann", "")[..400].to_vec(),
        [request("ben", ""), b"GET /hea".to_vec()].concat(),
    ];
    let open = said.map(|said| {
        let mut stream = connect(&relay);
        stream.write_all(&said).unwrap();
        stream
    });
    eventually("all are open", || relay.count("relay_connections") >= 7.0);
    takes_promptly(&relay, "rae");
    let began = Instant::now();
    relay.terminate();
    assert!(began.elapsed() < Duration::from_secs(4) + PROMPT, "it took {:?}", began.elapsed());
    eventually("all are closed", || open.iter().chain([&unread]).all(is_closed));
}
