//! Time to accept and to deliver a webhook, in stores with few and many rows: the library's own
//! store, without HTTP, warm cache, sizes in turn.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use super::arguments::Arguments;
use super::keeper::Keeper;
use super::machine;
use super::process::Usage;
use super::statistics::{median, range};
use super::stock::Stock;
use super::targets::{Bound, Target};
use super::webhooks::CALLS;

/// Number of webhooks that are measured at once.
const WEBHOOKS: u64 = 10_000;

/// The number of connections that the webhooks seem to come from.
const CONNECTIONS: usize = 128;

/// The costs of one phase for each webhook.
#[derive(Clone, Copy)]
struct Cost {
    micros: f64,
    cpu_micros: f64,
    written: f64,
    commits: f64,
}

/// Accepting, and claiming and settling all calls of it.
type Sample = [Cost; 2];

/// Measures and prints; returns the targets with their results.
pub fn run(arguments: &Arguments, stock: &mut Stock) -> Vec<Target> {
    let files: Vec<(u64, PathBuf)> =
        stock.stores().iter().map(|(rows, folder)| (*rows, folder.join("relay.db"))).collect();
    let keepers: Vec<(u64, Keeper)> = files
        .iter()
        .map(|(rows, file)| {
            // Into the system's cache; the store's own is warmed by a round that doesn't count.
            io::copy(&mut File::open(file).unwrap(), &mut io::sink()).unwrap();
            (*rows, Keeper::open(file))
        })
        .collect();
    for (_, keeper) in &keepers {
        measure(keeper, stock);
    }
    let mut samples: BTreeMap<u64, Vec<Sample>> = BTreeMap::new();
    for round in 0..arguments.short_rounds() {
        let folder = stock.empty_folder();
        let empty = (0, Keeper::open(&folder.path().join("relay.db")));
        let all: Vec<&(u64, Keeper)> = std::iter::once(&empty).chain(&keepers).collect();
        // Another one is the first each time, because the first finds the disk at rest.
        for (rows, keeper) in all.iter().cycle().skip(round).take(all.len()) {
            let sample = measure(keeper, stock);
            let [accept, deliver] = sample.map(|cost| cost.micros);
            eprintln!("round {} {rows} rows: {accept:.1} + {deliver:.1} us", round + 1);
            samples.entry(*rows).or_default().push(sample);
        }
        empty.1.close();
    }
    for (_, keeper) in keepers {
        keeper.close();
    }
    print(&samples);
    let ratio = |phase: usize| {
        let (_, most) = samples.range(5_000_000..).next()?;
        let typical = |of: &[Sample]| median(of.iter().map(|sample| sample[phase].micros));
        Some(typical(most) / typical(&samples[&0]))
    };
    vec![
        Target::new("accept with 5 million rows to an empty store", Bound::AtMost(1.5), ratio(0)),
        Target::new("claim and settle with them, the same", Bound::AtMost(1.5), ratio(1)),
    ]
}

fn measure(keeper: &Keeper, stock: &mut Stock) -> Sample {
    let first = stock.strangers(WEBHOOKS);
    machine::settle_disk();
    let accepted = cost(keeper, || keeper.accept(first..first + WEBHOOKS, CONNECTIONS));
    let delivered = cost(keeper, || {
        assert_eq!(keeper.deliver(), WEBHOOKS * CALLS, "not everything was delivered");
    });
    [accepted, delivered]
}

fn cost(keeper: &Keeper, work: impl FnOnce()) -> Cost {
    let (before, commits, began) = (Usage::of("self"), keeper.commits(), Instant::now());
    work();
    let took = began.elapsed();
    let used = Usage::of("self").since(before);
    let each = |amount: f64| amount / WEBHOOKS as f64;
    Cost {
        micros: each(took.as_secs_f64() * 1e6),
        cpu_micros: each(used.cpu * 1e6),
        written: each(used.written),
        commits: (keeper.commits() - commits) as f64,
    }
}

fn print(samples: &BTreeMap<u64, Vec<Sample>>) {
    println!("For each webhook, which leads to {CALLS} calls; {WEBHOOKS} at a time.\n");
    println!(
        "| rows | phase | us (range) | of an empty store's | CPU us | KiB written | webhooks a commit |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (rows, of) in samples {
        for (phase, name) in ["accept", "claim and settle"].into_iter().enumerate() {
            let typical = |of: &[Sample], value: fn(&Cost) -> f64| {
                median(of.iter().map(|sample| value(&sample[phase])))
            };
            let micros = typical(of, |cost| cost.micros);
            println!(
                "| {rows} | {name} | {micros:.1} ({}) | {:.2} | {:.1} | {:.2} | {:.1} |",
                range(of.iter().map(|sample| sample[phase].micros), 1),
                micros / typical(&samples[&0], |cost| cost.micros),
                typical(of, |cost| cost.cpu_micros),
                typical(of, |cost| cost.written),
                WEBHOOKS as f64 / typical(of, |cost| cost.commits),
            );
        }
    }
}
