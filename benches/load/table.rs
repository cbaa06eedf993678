//! The table of acknowledgements a second.

use super::acks::{Sample, Samples};
use super::arguments::Setting;
use super::candidates::Candidate;
use super::statistics::{median, range};

/// Formats one measurement as a line.
pub fn line(candidate: Candidate, (connections, delay): Setting, sample: &Sample) -> String {
    let Sample { measured, usage, client_cpu, .. } = sample;
    format!(
        "{:<20} {connections:>3} connections, {delay:>2} ms: {:>6.0} acks/s, p50 {:.2} ms, {:.0} us CPU an ack (client {:.0}), {:.0} MiB, {} refused",
        candidate.name(),
        measured.rate(),
        measured.percentile(0.5),
        sample.each(usage.cpu * 1e6),
        sample.each(client_cpu * 1e6),
        usage.memory,
        measured.refused,
    )
}

/// Medians, ranges and ratios of everything.
pub fn print(samples: &Samples) {
    println!(
        "| connections | destination | candidate | acks/s (range) | of bare | of express | p50 ms | p99 ms | p99.9 ms | CPU us an ack | MiB | KiB written an ack | acks a flush | requests sent an ack |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for ((setting, candidate), of) in samples {
        let (connections, delay) = *setting;
        let typical = |value: &dyn Fn(&Sample) -> f64| median(of.iter().map(value));
        // No delay changes the bare handler, so it is measured at one of them.
        let rate = |other| {
            let mut of_other = samples.iter().filter(|((it, candidate), _)| {
                *candidate == other
                    && it.0 == connections
                    && (other == Candidate::Bare || it.1 == delay)
            });
            of_other.next().map(|(_, of)| median(of.iter().map(|sample| sample.measured.rate())))
        };
        let own = typical(&|sample| sample.measured.rate());
        let ratio =
            |other| rate(other).map_or(String::new(), |other| format!("{:.2}", own / other));
        let flushes = of.iter().map(|sample| 1.0 / sample.each(sample.flushes as f64));
        println!(
            "| {connections} | {} | {} | {own:.0} ({}) | {} | {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.2} | {} | {:.3} |",
            if candidate.delivers() { format!("{delay} ms") } else { "none".to_owned() },
            candidate.name(),
            range(of.iter().map(|sample| sample.measured.rate()), 0),
            ratio(Candidate::Bare),
            ratio(Candidate::Express),
            typical(&|sample| sample.measured.percentile(0.5)),
            typical(&|sample| sample.measured.percentile(0.99)),
            typical(&|sample| sample.measured.percentile(0.999)),
            typical(&|sample| sample.each(sample.usage.cpu * 1e6)),
            typical(&|sample| sample.usage.memory),
            typical(&|sample| sample.each(sample.usage.written)),
            if candidate.keeps() { format!("{:.1}", median(flushes)) } else { String::new() },
            typical(&|sample| sample.each(sample.requests as f64)),
        );
    }
    let refused: usize = samples.values().flatten().map(|sample| sample.measured.refused).sum();
    println!("\n{refused} webhooks were refused.");
}
