//! Acknowledgements a second: every candidate at every setting, in turn.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arguments::{Arguments, Setting};
use super::candidates::Candidate;
use super::client::{self, Measured};
use super::process::Usage;
use super::statistics::median;
use super::targets::{Bound, Target};
use super::webhooks::Requests;
use super::{machine, table};

/// Seconds before a measurement, at most: code that is compiled as it runs needs them.
pub const WARM_UP: u64 = 3;

/// The result of one candidate in one round of one setting.
pub struct Sample {
    /// The client's measurements.
    pub measured: Measured,
    /// The candidate's usage meanwhile.
    pub usage: Usage,
    /// The client's usage, in seconds of one core.
    pub client_cpu: f64,
    /// The number of flushes of the disk.
    pub flushes: u64,
    /// Requests that the destination got.
    pub requests: u64,
}

/// All of them.
pub type Samples = BTreeMap<(Setting, Candidate), Vec<Sample>>;

impl Sample {
    /// Returns an amount for each acknowledged webhook.
    pub fn each(&self, amount: f64) -> f64 {
        amount / self.measured.latencies.len() as f64
    }
}

/// Measures and prints; returns the targets with their results.
pub fn run(arguments: &Arguments) -> Vec<Target> {
    let mut samples = Samples::new();
    for round in 0..arguments.rounds {
        for (setting, candidates) in arguments.settings() {
            for candidate in candidates {
                let sample = measure(candidate, setting, arguments);
                eprintln!("round {} {}", round + 1, table::line(candidate, setting, &sample));
                samples.entry((setting, candidate)).or_default().push(sample);
            }
        }
    }
    table::print(&samples);
    judge(&samples)
}

fn measure(candidate: Candidate, (connections, delay): Setting, arguments: &Arguments) -> Sample {
    let running = candidate.start(arguments, delay, false);
    let spans = (
        Duration::from_secs(arguments.seconds.min(WARM_UP)),
        Duration::from_secs(arguments.seconds),
    );
    let requests = Requests::new(candidate == Candidate::Signed, 0, machine::now_millis());
    let look = || {
        let requests = running.destination.as_ref().map_or(0, |it| it.requests());
        let own = Usage::of("self").cpu;
        (running.process.usage(), own, machine::flushes(&arguments.folder), requests)
    };
    let (mut before, mut after) = Default::default();
    let measured = client::closed_loop(
        &[running.address],
        connections,
        requests,
        spans,
        || before = look(),
        || after = look(),
    );
    Sample {
        measured,
        usage: after.0.since(before.0),
        client_cpu: after.1 - before.1,
        flushes: after.2 - before.2,
        requests: after.3 - before.3,
    }
}

/// Compares samples with the targets; of several candidates or settings the worst counts.
fn judge(samples: &Samples) -> Vec<Target> {
    const RELAY: [Candidate; 2] = [Candidate::Unsigned, Candidate::Signed];
    const BARE: [Candidate; 1] = [Candidate::Bare];
    const EXPRESS: [Candidate; 1] = [Candidate::Express];
    let rate = |sample: &Sample| sample.measured.rate();
    let p99 = |sample: &Sample| sample.measured.percentile(0.99);
    let memory = |sample: &Sample| sample.usage.memory;
    let ratios = |settings: &[Setting],
                  of: &[Candidate],
                  to: &[Candidate],
                  value: &dyn Fn(&Sample) -> f64| {
        let mut found = Vec::new();
        for setting in settings {
            for (one, other) in of.iter().flat_map(|one| to.iter().map(move |other| (one, other))) {
                let typical = |candidate: Candidate| {
                    let of = samples.get(&(*setting, candidate))?;
                    Some(median(of.iter().map(value)))
                };
                found.extend(typical(*one).zip(typical(*other)).map(|(one, other)| one / other));
            }
        }
        found
    };
    let many = [(32, 0), (128, 0), (32, 50), (128, 50)];
    let at_once = &many[..2];
    let least = |ratios: Vec<f64>| ratios.into_iter().reduce(f64::min);
    let most = |ratios: Vec<f64>| ratios.into_iter().reduce(f64::max);
    vec![
        Target::new(
            "acks a second to Express's, 128 connections, Customer.io answers at once",
            Bound::AtLeast(10.0),
            least(ratios(&[(128, 0)], &RELAY, &EXPRESS, &rate)),
        ),
        Target::new(
            "the same, 32 connections",
            Bound::AtLeast(7.0),
            least(ratios(&[(32, 0)], &RELAY, &EXPRESS, &rate)),
        ),
        Target::new(
            "the same, 32 connections, Customer.io takes 50 ms",
            Bound::AtLeast(40.0),
            least(ratios(&[(32, 50)], &RELAY, &EXPRESS, &rate)),
        ),
        Target::new(
            "acks a second to the bare handler's, 32 and 128 connections, accepts alone",
            Bound::AtLeast(0.3),
            least(ratios(at_once, &[Candidate::Accepts], &BARE, &rate)),
        ),
        Target::new(
            "the same, with delivery running",
            Bound::AtLeast(0.25),
            least(ratios(at_once, &RELAY, &BARE, &rate)),
        ),
        Target::new(
            "p99 to Express's, 32 and 128 connections",
            Bound::AtMost(0.7),
            most(ratios(&many, &RELAY, &EXPRESS, &p99)),
        ),
        Target::new(
            "memory under load to Express's, 32 and 128 connections",
            Bound::AtMost(0.33),
            most(ratios(&many, &RELAY, &EXPRESS, &memory)),
        ),
    ]
}
