//! The operator's pages, in the largest of the filled stores: time to answer, and what open pages cost those who
//! send webhooks.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::arguments::Arguments;
use super::candidates::relay;
use super::client;
use super::destination::Destination;
use super::keeper::Keeper;
use super::machine;
use super::process::{Process, free_address, get};
use super::statistics::{median, percentile};
use super::stock::Stock;
use super::targets::{Bound, Target};
use super::webhooks::{CALLS, Requests};

/// The token of operators.
const TOKEN: &str = "token-of-the-benchmark";

/// Friends of the person whose timeline is shown.
const FRIENDS: u64 = 10_000;

/// Requests of one page that are measured, after a tenth as many that aren't.
const REQUESTS: usize = 200;

/// Pages that are open and ask again, and the time between two requests of one.
const TABS: usize = 5;
const TAB_EVERY: Duration = Duration::from_secs(1);

/// People that may join while pages are open; more than ever will.
const CROWD: u64 = 1_000_000;

/// Measures and prints; returns the targets with their results.
pub fn run(arguments: &Arguments, stock: &mut Stock) -> Vec<Target> {
    let (rows, folder) =
        stock.stores().last_key_value().map(|(rows, folder)| (*rows, folder.clone())).unwrap();
    let first = stock.strangers(FRIENDS + 1);
    befriend(&folder.join("relay.db"), first);
    let destination = Destination::start(0, false);
    let address = free_address();
    let mut command = relay(&folder, address, destination.address, true);
    command.env("RELAY__ADMIN__TOKEN", TOKEN);
    let is_ready = || matches!(get(address, "/readyz"), Ok((200, _)));
    let (process, _) = Process::start_until(command, is_ready);
    let cookie = log_in(address);
    let search = post(address, "/ui/search", &cookie, &format!("q=person{first}%40example.com"));
    let person = header(&search.unwrap(), "location").expect("the person is found");
    let pages = [
        ("overview", "/ui", 20.0),
        ("list of webhooks", "/ui/webhooks", 30.0),
        ("list of dead letters", "/ui/dead", 30.0),
        ("list of parked webhooks", "/ui/parked", 30.0),
        ("list of waiting calls", "/ui/calls", 30.0),
        ("timeline of a person with 10,000 friends", &person, 40.0),
    ];
    println!("With {rows} webhooks in the store.\n");
    println!("| page | p50 ms | p95 ms | bound |\n|---|---|---|---|");
    let mut ratio: f64 = 0.0;
    for (name, path, bound) in pages {
        let millis = times(address, path, &cookie);
        let p95 = percentile(&millis, 0.95);
        println!("| {name} | {:.1} | {p95:.1} | {bound} |", percentile(&millis, 0.5));
        ratio = ratio.max(p95 / bound);
    }
    let p99 = |tabs: usize, people: u64| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..tabs {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        fetch(address, "/ui", &cookie).unwrap();
                        thread::sleep(TAB_EVERY);
                    }
                });
            }
            let requests = Requests::new(true, people, machine::now_millis());
            let spans = (Duration::from_secs(1), Duration::from_secs(arguments.seconds));
            let measured = client::closed_loop(&[address], 32, requests, spans, || (), || ());
            is_over.store(true, Ordering::Relaxed);
            measured.percentile(0.99)
        })
    };
    let mut of = [Vec::new(), Vec::new()];
    for _ in 0..arguments.rounds {
        for (tabs, of) in [0, TABS].into_iter().zip(&mut of) {
            of.push(p99(tabs, stock.strangers(CROWD)));
        }
    }
    let [without, with] = of.map(median);
    println!("\np99 of accepting: {without:.1} ms, with {TABS} open pages {with:.1} ms");
    process.stop();
    let is_full = rows >= 5_000_000;
    vec![
        Target::new(
            "p95 of each page to its bound, with 5 million webhooks",
            Bound::AtMost(1.0),
            Some(ratio).filter(|_| is_full),
        ),
        Target::new("p99 of accepting with 5 open pages", Bound::AtMost(1.1), Some(with / without)),
    ]
}

/// Makes a person with many friends.
fn befriend(file: &Path, first: u64) {
    let keeper = Keeper::open(file);
    keeper.accept(first..first + 1, 1);
    keeper.accept_friends(first, first + 1..first + 1 + FRIENDS, 512);
    assert!(keeper.deliver() > FRIENDS * CALLS, "not everything was delivered");
    keeper.close();
}

/// Returns the milliseconds that requests of a page take, in order of size.
fn times(address: SocketAddr, path: &str, cookie: &str) -> Vec<f64> {
    let mut times = Vec::with_capacity(REQUESTS);
    for request in 0..REQUESTS + REQUESTS / 10 {
        let began = Instant::now();
        let answer = fetch(address, path, cookie).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        if request >= REQUESTS / 10 {
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    times
}

fn log_in(address: SocketAddr) -> String {
    let answer = post(address, "/ui/login", "", &format!("token={TOKEN}&name=bench")).unwrap();
    let cookie = header(&answer, "set-cookie").expect("the token is right");
    cookie.split(';').next().unwrap_or_default().to_owned()
}

fn header(answer: &str, name: &str) -> Option<String> {
    let mut headers = answer.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

fn fetch(address: SocketAddr, path: &str, cookie: &str) -> io::Result<String> {
    send(address, &format!("GET {path} HTTP/1.1\r\nCookie: {cookie}"), "")
}

fn post(address: SocketAddr, path: &str, cookie: &str, body: &str) -> io::Result<String> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}",
        body.len()
    );
    send(address, &head, body)
}

/// Sends a request on a connection of its own; returns the whole answer.
fn send(address: SocketAddr, head: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(stream, "{head}\r\nHost: {address}\r\nConnection: close\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
