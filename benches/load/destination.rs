//! The stand-in for Customer.io: says yes to everything, after a while, and counts.
//!
//! It always counts requests. Calls, and when whose last call was accepted, it counts only where a
//! part asks for that, because reading bodies takes time of the cores that are measured.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use axum::routing::{any, get};

use super::machine;
use super::process::{self, Process, free_address, role};

/// The stand-in at work, in a process of its own.
pub struct Destination {
    _process: Process,
    /// Returns the address that it listens on.
    pub address: SocketAddr,
}

/// The calls that have arrived.
#[derive(Clone, Default)]
pub struct Arrivals {
    /// Calls: one in a v1 request, many in a v2 batch.
    pub calls: u64,
    /// Time at which the first and the last call were accepted, in Unix microseconds.
    pub span: (i64, i64),
    /// Time at which the last call of person n was accepted; 0 if none was.
    pub people: Vec<i64>,
}

impl Destination {
    /// Starts a destination that answers after `delay` milliseconds.
    pub fn start(delay: u64, watch: bool) -> Self {
        let address = free_address();
        let words = [address.to_string(), delay.to_string(), watch.to_string()];
        let command = role(&["destination", &words[0], &words[1], &words[2]]);
        Self { _process: Process::start(command, address), address }
    }

    /// Returns the number of requests that it got.
    pub fn requests(&self) -> u64 {
        self.ask("/arrivals/requests").parse().unwrap()
    }

    /// Returns the number of calls that it got, if it watches.
    pub fn calls(&self) -> u64 {
        self.ask("/arrivals/calls").parse().unwrap()
    }

    /// Returns all it saw, if it watches.
    pub fn arrivals(&self) -> Arrivals {
        let numbers = self.ask("/arrivals");
        let mut numbers = numbers.lines().map(|line| line.parse::<i64>().unwrap());
        let mut next = || numbers.next().unwrap();
        let (calls, span) = (u64::try_from(next()).unwrap(), (next(), next()));
        Arrivals { calls, span, people: numbers.collect() }
    }

    fn ask(&self, path: &str) -> String {
        process::get(self.address, path).unwrap().1
    }
}

/// Returns the routes of the process.
pub fn router(delay: Duration, watch: bool) -> Router {
    let requests = Arc::new(AtomicU64::new(0));
    let arrivals = Arc::new(Mutex::new(Arrivals::default()));
    let (shown, calls, all) = (requests.clone(), arrivals.clone(), arrivals.clone());
    let anything = async move |uri: Uri, body: Bytes| {
        requests.fetch_add(1, Ordering::Relaxed);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if watch {
            arrivals.lock().unwrap().take(uri.path(), &body);
        }
        "{}"
    };
    Router::new()
        .route("/arrivals/requests", get(async move || shown.load(Ordering::Relaxed).to_string()))
        .route("/arrivals/calls", get(async move || calls.lock().unwrap().calls.to_string()))
        .route("/arrivals", get(async move || all.lock().unwrap().lines()))
        .fallback(any(anything))
}

impl Arrivals {
    /// Accepts a request of the Track API.
    fn take(&mut self, path: &str, body: &[u8]) {
        if let Some(identifier) = path.strip_prefix("/api/v1/customers/") {
            self.call(identifier);
        } else if path.starts_with("/api/v2/") {
            let body = std::str::from_utf8(body).unwrap();
            for operation in body.split(r#""identifiers":{"email":""#).skip(1) {
                self.call(operation);
            }
        }
    }

    /// Counts a call for the person at the beginning of the text.
    fn call(&mut self, identifier: &str) {
        let now = machine::now_micros();
        let digits = identifier.strip_prefix("person").unwrap();
        let end = digits.find(|digit: char| !digit.is_ascii_digit()).unwrap();
        let person = digits[..end].parse().unwrap();
        if self.people.len() <= person {
            self.people.resize(person + 1, 0);
        }
        self.people[person] = now;
        self.calls += 1;
        self.span = (if self.calls == 1 { now } else { self.span.0 }, now);
    }

    fn lines(&self) -> String {
        let calls = i64::try_from(self.calls).unwrap();
        let numbers = [calls, self.span.0, self.span.1];
        let numbers = numbers.iter().chain(&self.people);
        numbers.map(i64::to_string).collect::<Vec<_>>().join("\n")
    }
}
