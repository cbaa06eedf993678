//! Connections that mean harm: slow, many, large, and not quite HTTP. Whatever they do, GrowSurf's
//! webhooks are taken meanwhile, and memory stays within the bounds that the settings state.
//!
//! `RELAY_TEST_CONNECTIONS` and `RELAY_TEST_BODIES` are how many there are at once.

mod bodies;
mod connections;
mod crowds;
mod framing;
mod large;
mod refusals;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use crate::kit::ids::signature;
use crate::kit::relay::{Relay, SECRET};
use crate::kit::webhooks::joined;
use crate::kit::{TIMEOUT, now_millis};

const MIB: usize = 1024 * 1024;

/// Time within which a webhook is to be taken, whatever else goes on; generous, as machines are busy.
const PROMPT: Duration = Duration::from_secs(3);

fn number(variable: &str, default: usize) -> usize {
    let Ok(text) = std::env::var(variable) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{variable} is no number"))
}

fn connect(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.address()).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    stream
}

/// Connects from an address of its own, `127.0.<network>.<host>`, with a small buffer for answers.
fn connect_from(relay: &Relay, network: u8, host: u8) -> TcpStream {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind(([127, 0, network, host], 0).into()).unwrap();
        socket.connect(relay.address().parse().unwrap()).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    stream
}

/// Reads one answer, whole, and gives its status.
fn answered(mut stream: &TcpStream) -> u16 {
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the relay hung up after {answer:?}");
        answer += std::str::from_utf8(&buffer[..read]).unwrap();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() == length.unwrap().parse::<usize>().unwrap() {
            return statuses(head)[0];
        }
    }
}

/// True once the relay has closed the connection; its answer is read and dropped.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut buffer = [0; 64 * 1024];
    let closed = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() != ErrorKind::WouldBlock,
        }
    };
    stream.set_nonblocking(false).unwrap();
    closed
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

/// Returns the statuses of all answers in what came back.
fn statuses(answer: &str) -> Vec<u16> {
    let starts = answer.match_indices("HTTP/1.1 ").map(|(at, start)| at + start.len());
    starts.map(|at| answer[at..at + 3].parse().unwrap()).collect()
}

/// Asserts that a webhook is accepted at once.
#[track_caller]
fn takes_promptly(relay: &Relay, name: &str) {
    let began = Instant::now();
    relay.accept(&joined(name));
    let took = began.elapsed();
    assert!(took < PROMPT, "a webhook took {took:?}");
}

/// Returns a line of the process's status, in KiB.
fn memory(relay: &Relay, line: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", relay.pid())).unwrap();
    let value = status.lines().find_map(|it| it.strip_prefix(line)).unwrap();
    value.trim_start_matches(':').trim_end_matches("kB").trim().parse().unwrap()
}

/// Returns the most memory that was ever resident, in MiB.
fn peak(relay: &Relay) -> usize {
    memory(relay, "VmHWM") / 1024
}

/// Returns the number of descriptors that this process may have.
fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|it| it.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX)
}

fn head(length: usize, more: &str) -> String {
    format!("POST /webhooks/growsurf HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{more}\r\n")
}

/// Returns a signature's header that can't be refused before the body is there.
fn plausible() -> String {
    format!("GrowSurf-Signature: ts={},v={}\r\n", now_millis(), "0".repeat(64))
}

/// Returns a whole request with a signed webhook.
fn request(name: &str, more: &str) -> Vec<u8> {
    let body = joined(name).body();
    let proof = signature(SECRET, now_millis(), body.as_bytes());
    let head = head(body.len(), &format!("GrowSurf-Signature: {proof}\r\n{more}"));
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Sends a byte every 100 ms until the relay closes the connection. Returns the answer and the time.
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
        assert!(began.elapsed() < TIMEOUT, "the relay waits for ever");
    }
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}
