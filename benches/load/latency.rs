//! From webhook to acceptance by Customer.io, when there is little to do.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::arguments::Arguments;
use super::candidates::Candidate;
use super::machine;
use super::paced::open_loop;
use super::statistics::{median, percentile};
use super::targets::Target;
use super::webhooks::{CALLS, Requests};

/// Webhooks a second.
const RATE: u32 = 50;

/// Time that the last calls are waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One round of one candidate: latencies in milliseconds, sorted.
struct Sample {
    acked: Vec<f64>,
    delivered: Vec<f64>,
    missing: u64,
}

/// Measures and prints; there is no target for it.
pub fn run(arguments: &Arguments) -> Vec<Target> {
    const CANDIDATES: [Candidate; 2] = [Candidate::Signed, Candidate::Express];
    let settings: Vec<(u64, Candidate)> = arguments
        .delays
        .iter()
        .flat_map(|&delay| CANDIDATES.map(|candidate| (delay, candidate)))
        .collect();
    let mut samples: Vec<Vec<Sample>> = settings.iter().map(|_| Vec::new()).collect();
    for round in 0..arguments.rounds {
        for ((delay, candidate), samples) in settings.iter().zip(&mut samples) {
            let sample = measure(*candidate, *delay, arguments);
            let p50 = percentile(&sample.delivered, 0.5);
            eprintln!("round {} {}, {delay} ms: p50 {p50:.2} ms", round + 1, candidate.name());
            samples.push(sample);
        }
    }
    println!(
        "{RATE} webhooks a second, each an identify and a track; until the track is answered.\n"
    );
    println!(
        "| destination | candidate | acknowledged p50 ms | p99 ms | accepted by Customer.io p50 ms | p99 ms | calls missing |"
    );
    println!("|---|---|---|---|---|---|---|");
    for ((delay, candidate), samples) in settings.iter().zip(&samples) {
        let typical = |of: fn(&Sample) -> &Vec<f64>, share| {
            median(samples.iter().map(|sample| percentile(of(sample), share)))
        };
        println!(
            "| {delay} ms | {} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
            candidate.name(),
            typical(|sample| &sample.acked, 0.5),
            typical(|sample| &sample.acked, 0.99),
            typical(|sample| &sample.delivered, 0.5),
            typical(|sample| &sample.delivered, 0.99),
            samples.iter().map(|sample| sample.missing).sum::<u64>(),
        );
    }
    Vec::new()
}

fn measure(candidate: Candidate, delay: u64, arguments: &Arguments) -> Sample {
    let running = candidate.start(arguments, delay, true);
    let destination = running.destination.as_ref().unwrap();
    let requests =
        |first| Requests::new(candidate == Candidate::Signed, first, machine::now_millis());
    // What is done first is slower, above all where code is compiled as it runs.
    let warm = RATE * 4;
    open_loop(running.address, warm, Duration::from_millis(5), requests(0));
    let count = RATE * 2 * u32::try_from(arguments.seconds).unwrap();
    let sent =
        open_loop(running.address, count, Duration::from_secs(1) / RATE, requests(u64::from(warm)));
    let (expected, waiting) = (CALLS * u64::from(warm + count), Instant::now());
    while destination.calls() < expected && waiting.elapsed() < TIMEOUT {
        sleep(Duration::from_millis(20));
    }
    let arrivals = destination.arrivals();
    let mut acked: Vec<f64> = sent.iter().map(|sent| sent.acked.as_secs_f64() * 1e3).collect();
    let mut delivered: Vec<f64> = sent
        .iter()
        .filter_map(|sent| Some((arrivals.people.get(sent.person)? - sent.at) as f64 / 1e3))
        .collect();
    acked.sort_by(f64::total_cmp);
    delivered.sort_by(f64::total_cmp);
    Sample { acked, delivered, missing: expected.saturating_sub(arrivals.calls) }
}
