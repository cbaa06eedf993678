//! From the start of the process to the first 200 of `/readyz`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use referral_relay::store::sqlite::{Examination, examine};

use super::arguments::Arguments;
use super::candidates::relay;
use super::client;
use super::destination::Destination;
use super::machine;
use super::process::{Process, free_address, get};
use super::statistics::{median, range};
use super::stock::Stock;
use super::targets::{Bound, Target};
use super::webhooks::Requests;

/// Ends of the process before.
const ENDINGS: [&str; 2] = ["clean stop", "SIGKILL under load"];

/// People that may join before a kill; more than ever will.
const CROWD: u64 = 1_000_000;

/// Milliseconds after a clean stop, and after a kill.
type Sample = [f64; 2];

/// Measures and prints; returns the targets with their results.
pub fn run(arguments: &Arguments, stock: &mut Stock) -> Vec<Target> {
    let new = stock.empty_folder();
    let stores = stock.stores();
    let ends = [stores.first_key_value(), stores.last_key_value()].into_iter().flatten();
    let mut folders: Vec<_> = ends.map(|(rows, folder)| (*rows, folder.clone())).collect();
    folders.dedup();
    folders.insert(0, (0, new.path().to_owned()));
    let mut samples: Vec<Vec<Sample>> = folders.iter().map(|_| Vec::new()).collect();
    for round in 0..arguments.short_rounds() {
        for ((rows, folder), samples) in folders.iter().zip(&mut samples) {
            let sample = measure(folder, stock.strangers(CROWD));
            let [clean, killed] = sample;
            eprintln!("round {} {rows} rows: {clean:.0} ms, {killed:.0} ms", round + 1);
            samples.push(sample);
        }
    }
    println!("| rows | after | ms to ready (range) |\n|---|---|---|");
    let typical =
        |samples: &[Sample], ending: usize| median(samples.iter().map(|sample| sample[ending]));
    for ((rows, _), samples) in folders.iter().zip(&samples) {
        for (ending, name) in ENDINGS.into_iter().enumerate() {
            let range = range(samples.iter().map(|sample| sample[ending]), 0);
            println!("| {rows} | {name} | {:.0} ({range}) |", typical(samples, ending));
        }
    }
    let slowest = |ending| samples.iter().map(|of| typical(of, ending)).reduce(f64::max);
    vec![
        Target::new("ms to ready after a clean stop", Bound::AtMost(100.0), slowest(0)),
        Target::new("ms to ready after a SIGKILL", Bound::AtMost(100.0), slowest(1)),
    ]
}

fn measure(folder: &Path, first: u64) -> Sample {
    let destination = Destination::start(0, false);
    let address = free_address();
    let start = || {
        let command = relay(folder, address, destination.address, true);
        Process::start_until(command, || matches!(get(address, "/readyz"), Ok((200, _))))
    };
    start().0.stop();
    look_through(&folder.join("relay.db"));
    let (process, clean) = start();
    let requests = Requests::new(true, first, machine::now_millis());
    let spans = (Duration::ZERO, Duration::from_millis(500));
    client::closed_loop(&[address], 32, requests, spans, || (), || ());
    drop(process);
    let (process, killed) = start();
    process.stop();
    [clean, killed].map(|took| took.as_secs_f64() * 1e3)
}

/// Does what a relay does once after each start of the machine, else it would be at it while it is
/// killed, and the log would be as long as what was written since.
fn look_through(store: &Path) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let examined = examine(store, Some(boot.trim()), || false).unwrap();
    assert!(matches!(examined, Examination::Sound | Examination::Unneeded), "{examined:?}");
}
