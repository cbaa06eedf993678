//! Connections that mean harm: slow, many, large, and not quite HTTP. Whatever they do, GrowSurf's
//! webhooks are taken meanwhile, and memory stays within the bounds that the settings state.
//!
//! `RELAY_TEST_CONNECTIONS` and `RELAY_TEST_BODIES` are how many there are at once.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::kit::ids::signature;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;
use crate::kit::{PATIENCE, eventually, now_millis};

const MIB: usize = 1024 * 1024;

/// How soon a webhook is to be taken, whatever else goes on; generous, as machines are busy.
const PROMPT: Duration = Duration::from_secs(3);

fn number(variable: &str, default: usize) -> usize {
    let Ok(text) = std::env::var(variable) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{variable} is no number"))
}

fn connect(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Listens until the other side hangs up; a reset is one way to.
fn rest(mut stream: &TcpStream) -> String {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "the relay didn't hang up: {error}");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Says all of it and listens until the relay hangs up.
fn say(relay: &Relay, bytes: &[u8]) -> String {
    let mut stream = connect(relay);
    let _may_have_hung_up = stream.write_all(bytes);
    rest(&stream)
}

/// The statuses of all answers in what came back.
fn statuses(answer: &str) -> Vec<u16> {
    let starts = answer.match_indices("HTTP/1.1 ").map(|(at, start)| at + start.len());
    starts.map(|at| answer[at..at + 3].parse().unwrap()).collect()
}

/// A webhook is taken at once.
#[track_caller]
fn takes_promptly(relay: &Relay, name: &str) {
    let began = Instant::now();
    relay.accept(&joined(name));
    let took = began.elapsed();
    assert!(took < PROMPT, "a webhook took {took:?}");
}

/// A line of the process's status, in KiB.
fn memory(relay: &Relay, line: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", relay.pid())).unwrap();
    let value = status.lines().find_map(|it| it.strip_prefix(line)).unwrap();
    value.trim_start_matches(':').trim_end_matches("kB").trim().parse().unwrap()
}

/// The most memory that was ever resident, in MiB.
fn peak(relay: &Relay) -> usize {
    memory(relay, "VmHWM") / 1024
}

/// How many descriptors this process may have.
fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|it| it.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX)
}

fn head(length: usize, more: &str) -> String {
    format!("POST /webhooks/growsurf HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{more}\r\n")
}

/// A whole request with a signed webhook.
fn request(name: &str, more: &str) -> Vec<u8> {
    let body = joined(name).body();
    let proof = signature(SECRET, now_millis(), body.as_bytes());
    let head = head(body.len(), &format!("GrowSurf-Signature: {proof}\r\n{more}"));
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Sends a byte every 100 ms until the relay hangs up, and tells what it said and when.
fn drip(relay: &Relay, start: &str) -> (String, Duration) {
    let mut stream = connect(relay);
    stream.write_all(start.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (mut answer, mut buffer, began) = (Vec::new(), [0; 1024], Instant::now());
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        if answer.is_empty() && stream.write_all(b"a").is_err() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the relay waits for ever");
    }
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

#[test]
fn whoever_drips_headers_or_a_body_is_cut_off_and_holds_nobody_up() {
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
                    let (answer, time) = drip(relay, &head(100_000, ""));
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
fn idle_connections_cost_little_and_hold_nobody_up() {
    let sandbox = Sandbox::start();
    let wanted = number("RELAY_TEST_CONNECTIONS", 2_000);
    // Other tests of this process have descriptors open as well.
    let connections = wanted.min(descriptors().saturating_sub(400));
    let setup = Setup::new(&sandbox).set("server.max_connections", (2 * wanted).to_string());
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

#[test]
fn connections_over_the_limit_wait_until_idle_ones_are_cut_off() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.max_connections", "20");
    // Operators get through meanwhile.
    let setup = setup.set("server.operator_listen", "127.0.0.1:0");
    let relay = setup.set("server.header_timeout", "1s").start();
    let idle: Vec<TcpStream> = (0..40).map(|_| connect(&relay)).collect();
    assert_eq!(relay.metric("relay_dead_letters"), Some(0.0));
    let began = Instant::now();
    relay.accept(&joined("fay"));
    // The twenty that are served and the twenty before this one in the queue.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2) + PROMPT, "it took {took:?}");
    drop(idle);
}

/// A body of the largest size that names one person, and its signature. All have the same
/// beginning, so that making a thousand of them takes no time.
struct Large {
    beginning: Vec<u8>,
    hashed: Hmac<Sha256>,
    time: i64,
    began: Instant,
}

impl Large {
    fn new() -> Self {
        let time = now_millis();
        let start = format!(
            "{{\"event\":\"NEW_PARTICIPANT_ADDED\",\"createdAt\":{time},\"essay\":\"{}\",",
            "x".repeat(8 * MIB - 300)
        );
        let mut hashed = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        hashed.update(format!("{time}.{start}").as_bytes());
        Self { beginning: start.into_bytes(), hashed, time, began: Instant::now() }
    }

    /// The head and the end of the request; between them comes the beginning of the body.
    fn around(&self, name: &str) -> (String, String) {
        let end = format!(
            "\"data\":{{\"id\":\"{name}\",\"email\":\"{name}@example.com\",\"campaign\":{{\"id\":\"c\"}}}}}}"
        );
        let mut hashed = self.hashed.clone();
        hashed.update(end.as_bytes());
        let digest = hex::encode(hashed.finalize().into_bytes());
        let more =
            format!("GrowSurf-Signature: ts={},v={digest}\r\nConnection: close\r\n", self.time);
        (head(self.beginning.len() + end.len(), &more), end)
    }

    /// Sends it and gives the answer, which must be one.
    fn send(&self, relay: &Relay, name: &str) -> String {
        let (head, end) = self.around(name);
        let mut stream = connect(relay);
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&self.beginning))
            .and_then(|()| stream.write_all(end.as_bytes()));
        let answer = rest(&stream);
        assert!(
            !answer.is_empty(),
            "{name} was hung up on without an answer: {sent:?} after {:?}",
            self.began.elapsed()
        );
        answer
    }
}

#[test]
fn many_large_bodies_at_once_are_taken_or_refused_within_the_memory() {
    let sandbox = Sandbox::start();
    let bodies = number("RELAY_TEST_BODIES", 100).min(descriptors().saturating_sub(400));
    let body_memory = 32;
    let relay = Setup::new(&sandbox).set("server.body_memory", "32MiB").start();
    takes_promptly(&relay, "fay");
    let base = peak(&relay);
    let large = Large::new();
    let began = Instant::now();
    let taken: Vec<String> = thread::scope(|scope| {
        let (relay, large) = (&relay, &large);
        let senders: Vec<_> = (0..bodies)
            .map(|number| {
                let send = move || {
                    let name = format!("large{number}");
                    let answer = large.send(relay, &name);
                    match statuses(&answer).as_slice() {
                        [200] => Some(name),
                        [503] => {
                            assert!(
                                answer.to_lowercase().contains("\r\nretry-after: "),
                                "{answer}"
                            );
                            None
                        }
                        _ => panic!("{answer}"),
                    }
                };
                thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, send).unwrap()
            })
            .collect();
        senders.into_iter().filter_map(|sender| sender.join().unwrap()).collect()
    });
    let (peak, time) = (peak(&relay), began.elapsed());
    let bound = base + body_memory + 128;
    println!(
        "{bodies} bodies of 8 MiB: {} taken, the others 503, in {time:.1?}; peak {peak} MiB, \
         {base} MiB before, bound {bound} MiB",
        taken.len()
    );
    assert!(peak <= bound, "{peak} MiB were resident, {bound} are allowed");
    assert!(!taken.is_empty(), "none was taken");
    // Everything is as before, and what was acknowledged arrives.
    eventually("the memory is given back", || statuses(&large.send(&relay, "afterwards")) == [200]);
    takes_promptly(&relay, "ben");
    relay.drained();
    let told = sandbox.told();
    for name in taken.iter().map(String::as_str).chain(["afterwards", "fay", "ben"]) {
        let joined = format!("referral_program_joined {name}@example.com");
        assert!(told.contains(&joined), "{name} was acknowledged and is lost");
    }
}

#[test]
fn a_body_that_grows_when_it_is_read_stays_within_the_memory() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).start();
    takes_promptly(&relay, "fay");
    let base = peak(&relay);
    // Two bytes become a value of 32, and twelve an entry of a table.
    let zeros = format!("{{\"event\":\"A\",\"data\":[{}0]}}", "0,".repeat(4 * MIB - 100));
    let names: String = (0..500_000).map(|number| format!("\"k{number:x}\":1,")).collect();
    let names = format!(
        "{{\"event\":\"NEW_PARTICIPANT_ADDED\",\"createdAt\":{},\"data\":{{\"id\":\"rae\",\
         \"email\":\"rae@example.com\",\"campaign\":{{\"id\":\"c\"}},\"metadata\":{{{names}\"z\":1}}}}}}",
        now_millis()
    );
    let began = Instant::now();
    thread::scope(|scope| {
        for number in 0..8 {
            let body = if number % 2 == 0 { &zeros } else { &names };
            let relay = &relay;
            scope.spawn(move || {
                let proof = signature(SECRET, now_millis(), body.as_bytes());
                let more = format!("GrowSurf-Signature: {proof}\r\nConnection: close\r\n");
                let request = [head(body.len(), &more).as_bytes(), body.as_bytes()].concat();
                let answer = say(relay, &request);
                assert!(matches!(statuses(&answer).as_slice(), [200 | 503]), "{answer}");
            });
        }
    });
    let peak = peak(&relay);
    println!("growing bodies: peak {peak} MiB, {base} before, in {:.1?}", began.elapsed());
    // One alone takes 240 MiB, and all at once would take 1,900; freed memory goes back with a delay.
    assert!(peak <= base + 8 * 16 + 2 * 240, "{peak} MiB were resident");
    takes_promptly(&relay, "ben");
}

#[test]
fn what_is_not_quite_http_is_refused_and_nothing_of_it_is_believed() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.header_timeout", "1s");
    let relay = setup.set("server.body_timeout", "1s").start();
    let good = request("fay", "");
    let chunked = |chunks: &str, more: &str| {
        let head = "POST /webhooks/growsurf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
        format!("{head}{more}\r\n{chunks}").into_bytes()
    };
    let long = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(MIB));
    let many = "X: y\r\n".repeat(100_000);
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    let path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(MIB));
    let two_lengths = String::from_utf8(good.clone()).unwrap();
    let two_lengths = two_lengths.replacen("Host: a", "Content-Length: 5\r\nHost: a", 1);
    for (what, bytes, allowed) in [
        ("nothing", Vec::new(), &[][..]),
        ("noise", (0..=255).cycle().take(100_000).collect(), &[400]),
        (
            "the preface of HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            &[400, 505],
        ),
        ("a TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), &[400]),
        ("a long header", long.into_bytes(), &[431]),
        ("many headers", many.into_bytes(), &[431, 400]),
        ("a long path", path.into_bytes(), &[414, 431, 400]),
        ("two lengths", two_lengths.into_bytes(), &[400]),
        ("a length that is no number", head(0, "").replace(" 0", " 1e3").into_bytes(), &[400]),
        ("a length below zero", head(0, "").replace(" 0", " -1").into_bytes(), &[400]),
        (
            "a length beyond numbers",
            head(0, "").replace(" 0", " 99999999999999999999").into_bytes(),
            &[400],
        ),
        ("a huge length", head(usize::MAX / 4, "").into_bytes(), &[413]),
        ("less than announced", head(5_000, "").into_bytes(), &[400, 408]),
        (
            "a chunk that isn't as long as it says",
            chunked("5\r\nhello world\r\n0\r\n\r\n", ""),
            &[400],
        ),
        ("a chunk without a length", chunked("zz\r\nhello\r\n0\r\n\r\n", ""), &[400]),
        ("a chunk of all there is", chunked("ffffffffffffffff\r\nhello", ""), &[400, 408]),
        ("a chunk longer than numbers", chunked("fffffffffffffffff\r\nhello", ""), &[400]),
        ("chunks that never end", chunked("5\r\nhello\r\n", ""), &[400, 408]),
        ("a length and chunks", chunked("0\r\n\r\n", "Content-Length: 3\r\n"), &[400, 401]),
    ] {
        let answer = say(&relay, &bytes);
        // The first answer counts, and there may be none: what comes behind it isn't read.
        let first = statuses(&answer).first().copied();
        assert!(first.is_none_or(|status| allowed.contains(&status)), "{what}: {answer}");
    }
    assert_eq!(relay.metric("relay_webhooks_total{outcome=\"accepted\"}").unwrap_or(0.0), 0.0);
    // A good request, and garbage behind it in the same breath: the good one counts.
    let answer = say(&relay, &[good.as_slice(), b"\0\xff garbage\r\n\r\n"].concat());
    assert_eq!(statuses(&answer)[0], 200, "{answer}");
    // Two good ones in one breath are two.
    let two = [request("ann", ""), request("ben", "Connection: close\r\n")].concat();
    assert_eq!(statuses(&say(&relay, &two)), [200, 200]);
    assert_eq!(relay.metric("relay_webhooks_total{outcome=\"accepted\"}"), Some(3.0));
    takes_promptly(&relay, "rae");
}

#[test]
fn whoever_asks_before_sending_a_body_is_told_to_go_on_or_why_not() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let whole = String::from_utf8(request("fay", "Expect: 100-continue\r\nConnection: close\r\n"));
    let whole = whole.unwrap();
    let (head_of_it, body) = whole.split_at(whole.find("\r\n\r\n").unwrap() + 4);
    let mut stream = connect(&relay);
    stream.write_all(head_of_it.as_bytes()).unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    let answer = rest(&stream);
    let document = answer.split("\r\n\r\n").nth(1).unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["status"], "accepted");
    // Too large: the refusal comes instead of the word to go on.
    let mut stream = connect(&relay);
    stream.write_all(head(9 * MIB, "Expect: 100-continue\r\n").as_bytes()).unwrap();
    let answer = rest(&stream);
    assert_eq!(statuses(&answer), [413], "{answer}");
}
