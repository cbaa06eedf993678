//! A backlog: calls that waited while nobody delivered, each lane an identify and a track.

use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::arguments::Arguments;
use super::candidates::relay;
use super::destination::Destination;
use super::keeper::Keeper;
use super::machine;
use super::process::{Process, Usage, free_address};
use super::statistics::{median, range};
use super::targets::{Bound, Target};
use super::webhooks::CALLS;

/// Time that a backlog may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// One backlog, delivered.
struct Sample {
    rate: f64,
    since_start: f64,
    calls: u64,
    requests: u64,
    usage: Usage,
    flushes: u64,
}

/// Measures and prints; returns the target with its result.
pub fn run(arguments: &Arguments) -> Vec<Target> {
    let folder = TempDir::new_in(&arguments.folder).unwrap();
    let full = folder.path().join("full.db");
    let keeper = Keeper::open(&full);
    let lanes = arguments.backlog / CALLS;
    keeper.accept(0..lanes, 512);
    keeper.close();

    let samples: Vec<Sample> = (0..arguments.short_rounds())
        .map(|round| {
            let own = TempDir::new_in(&arguments.folder).unwrap();
            machine::copy(&full, &own.path().join("relay.db"));
            let sample = measure(&own, lanes * CALLS);
            eprintln!("round {}: {:.0} calls/s", round + 1, sample.rate);
            sample
        })
        .collect();

    let typical = |value: &dyn Fn(&Sample) -> f64| median(samples.iter().map(value));
    let each = |value: fn(&Sample) -> f64| typical(&|sample| value(sample) / sample.calls as f64);
    let rate = typical(&|sample| sample.rate);
    println!(
        "{} calls over {lanes} lanes, from the first that arrives to the last.\n",
        lanes * CALLS
    );
    println!(
        "| calls/s (range) | s from start to the last | calls that arrived | calls a request | CPU us a call | MiB | KiB written a call | flushes |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    println!(
        "| {rate:.0} ({}) | {:.2} | {:.0} | {:.1} | {:.1} | {:.0} | {:.2} | {:.0} |",
        range(samples.iter().map(|sample| sample.rate), 0),
        typical(&|sample| sample.since_start),
        typical(&|sample| sample.calls as f64),
        typical(&|sample| sample.calls as f64 / sample.requests as f64),
        each(|sample| sample.usage.cpu * 1e6),
        typical(&|sample| sample.usage.memory),
        each(|sample| sample.usage.written),
        typical(&|sample| sample.flushes as f64),
    );
    let is_large = arguments.backlog >= 100_000;
    let target = "calls a second while a backlog of 100,000 over 50,000 lanes drains";
    vec![Target::new(target, Bound::AtLeast(40_000.0), is_large.then_some(rate))]
}

fn measure(folder: &TempDir, expected: u64) -> Sample {
    let destination = Destination::start(0, true);
    let flushes = machine::flushes(folder.path());
    let (address, began) = (free_address(), machine::now_micros());
    let process = Process::start(relay(folder.path(), address, destination.address, true), address);
    let waiting = Instant::now();
    while destination.calls() < expected {
        assert!(waiting.elapsed() < TIMEOUT, "{} calls of {expected}", destination.calls());
        sleep(Duration::from_millis(50));
    }
    let (usage, requests, arrivals) =
        (process.usage(), destination.requests(), destination.arrivals());
    let seconds = |from: i64, to: i64| (to - from) as f64 / 1e6;
    Sample {
        rate: arrivals.calls as f64 / seconds(arrivals.span.0, arrivals.span.1),
        since_start: seconds(began, arrivals.span.1),
        calls: arrivals.calls,
        requests,
        usage,
        flushes: machine::flushes(folder.path()) - flushes,
    }
}
