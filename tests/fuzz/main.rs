//! The fuzz targets with any toolchain: over the kept corpus, then over as many mutations of it as
//! the time allows.
//!
//! `RELAY_TEST_FUZZ_SECONDS` is the time for each target, 2 otherwise; `RELAY_TEST_SEED` repeats a
//! run. An input that fails is written to a file; after the fix it belongs into the corpus.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mutator;
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;

/// One target at a time: each is to have the time it is given.
static TURN: Mutex<()> = Mutex::new(());

fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let Ok(text) = std::env::var(name) else { return otherwise };
    text.parse().unwrap_or_else(|_| panic!("{name} is no number"))
}

/// Returns the files of the target's corpus by name.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 5, "{target} has lost its corpus");
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Returns the words that libFuzzer is given, too.
fn words() -> Vec<Vec<u8>> {
    let text = include_str!("words.dict");
    let lines = text.lines().filter(|line| line.starts_with('"'));
    let words = lines.map(|line| line[1..line.len() - 1].replace("\\\"", "\"").into_bytes());
    words.collect()
}

fn fuzz(name: &str, target: fn(&[u8])) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = number("RELAY_TEST_SEED", fastrand::u64(..));
    println!("RELAY_TEST_SEED={seed}");
    let time = Duration::from_secs_f64(number("RELAY_TEST_FUZZ_SECONDS", 2.0));
    let (corpus, words, mut random) = (corpus(name), words(), Rng::with_seed(seed));
    let began = Instant::now();
    corpus.iter().for_each(|input| run(name, target, input));
    let mut mutations = 0_u64;
    while began.elapsed() < time {
        run(name, target, &mutator::mutated(&corpus, &words, &mut random));
        mutations += 1;
    }
    let kept = corpus.len();
    println!("{name}: {kept} kept inputs and {mutations} mutations in {:.1?}", began.elapsed());
}

fn run(name: &str, target: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
        fs::write(&path, input).unwrap();
        println!("the input is in {}:\n{}", path.display(), input.escape_ascii());
        resume_unwind(panic);
    }
}

#[test]
fn signature() {
    fuzz("signature", targets::signature);
}

#[test]
fn webhook() {
    fuzz("webhook", targets::webhook);
}

#[test]
fn row() {
    fuzz("row", targets::row);
}

#[test]
fn answer() {
    fuzz("answer", targets::answer);
}

#[test]
fn settings() {
    fuzz("settings", targets::settings);
}

#[test]
fn forwarded() {
    fuzz("forwarded", targets::forwarded);
}

#[test]
fn page() {
    fuzz("page", targets::page);
}

#[test]
fn contracts() {
    fuzz("contracts", targets::contracts);
}

#[test]
fn restored() {
    fuzz("restored", targets::restored);
}
