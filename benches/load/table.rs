//! The table that a run ends with.

use std::collections::BTreeMap;

use super::candidates::Candidate;
use super::{Sample, Setting};

/// One measurement in a line.
pub fn line(candidate: Candidate, (connections, delay): Setting, sample: &Sample) -> String {
    let Sample { measured, usage } = sample;
    format!(
        "{:<22} {connections:>4} connections, {delay:>2} ms: {:>7.0} acks/s, p50 {:.2} ms, {:.0} us CPU an ack, {:.0} MiB, {} refused",
        candidate.name(),
        measured.rate(),
        measured.percentile(0.5),
        usage.cpu * 1e6 / measured.latencies.len() as f64,
        usage.memory,
        measured.refused,
    )
}

/// Medians, ranges and ratios of everything.
pub fn print(samples: &BTreeMap<(Setting, Candidate), Vec<Sample>>) {
    println!(
        "| connections | destination | candidate | acks/s (range) | of bare | of express | p50 ms | p99 ms | p99.9 ms | CPU us an ack | MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for ((setting, candidate), of) in samples {
        let rate = |candidate| {
            let of = samples.get(&(*setting, candidate))?;
            Some(median(of, |sample| sample.measured.rate()))
        };
        let own = rate(*candidate).unwrap_or(f64::NAN);
        let ratio =
            |other| rate(other).map_or(String::new(), |other| format!("{:.2}", own / other));
        let rates = || of.iter().map(|sample| sample.measured.rate());
        println!(
            "| {} | {} ms | {} | {own:.0} ({:.0} to {:.0}) | {} | {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} |",
            setting.0,
            setting.1,
            candidate.name(),
            rates().fold(f64::INFINITY, f64::min),
            rates().fold(0.0, f64::max),
            ratio(Candidate::Bare),
            ratio(Candidate::Express),
            median(of, |sample| sample.measured.percentile(0.5)),
            median(of, |sample| sample.measured.percentile(0.99)),
            median(of, |sample| sample.measured.percentile(0.999)),
            median(of, |sample| sample.usage.cpu * 1e6 / sample.measured.latencies.len() as f64),
            median(of, |sample| sample.usage.memory),
        );
    }
    let refused: usize = samples.values().flatten().map(|sample| sample.measured.refused).sum();
    println!("\n{refused} webhooks were refused.");
}

fn median(of: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = of.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
