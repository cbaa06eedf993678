//! `cargo bench --bench load`: how fast the relay acknowledges, beside what people build by hand.
//!
//! One run, separate processes, candidates in turn: a bare axum handler, the relay in four ways,
//! and an Express handler with Customer.io's official client (`benches/express`). Closed loop: each
//! connection sends its next webhook when the one before is answered. Medians over the rounds.
//!
//! ```text
//! cargo bench --bench load -- [--rounds 3] [--seconds 5] [--connections 1,32,128] [--delays 0,50] [--only NAME]
//! ```
//!
//! This binary is all the other roles, too: it starts itself as the bare handler and as the
//! stand-in for Customer.io, which only counts, because the sandbox remembers everything.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has to stop")]

mod arguments;
mod candidates;
mod client;
mod machine;
mod process;
mod roles;
mod table;
mod webhooks;

use std::collections::BTreeMap;

use arguments::Arguments;
use candidates::Candidate;
use client::Measured;
use process::Usage;

/// What one candidate did in one round of one setting.
pub struct Sample {
    measured: Measured,
    usage: Usage,
}

/// Where a candidate was measured: connections, and the destination's delay in milliseconds.
type Setting = (usize, u64);

fn main() {
    let arguments = Arguments::read();
    if let Some(role) = &arguments.role {
        return roles::play(role);
    }
    machine::describe();
    let mut samples: BTreeMap<(Setting, Candidate), Vec<Sample>> = BTreeMap::new();
    for round in 0..arguments.rounds {
        for setting in arguments.settings() {
            for candidate in Candidate::ALL {
                if !arguments.wants(candidate) {
                    continue;
                }
                let sample = candidate.measure(setting, &arguments);
                eprintln!("round {} {}", round + 1, table::line(candidate, setting, &sample));
                samples.entry((setting, candidate)).or_default().push(sample);
            }
        }
    }
    table::print(&samples);
}
