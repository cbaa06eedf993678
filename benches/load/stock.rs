//! Stores that hold many delivered webhooks, filled once a run and kept until its end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use super::arguments::Arguments;
use super::keeper::Keeper;
use super::machine;
use super::webhooks::CALLS;

/// How many webhooks are taken in before they are delivered, as where nothing piles up.
const PIECE: u64 = 20_000;

/// The filled stores, each in a folder of its own.
pub struct Stock {
    folder: TempDir,
    rows: Vec<u64>,
    filled: BTreeMap<u64, PathBuf>,
    next_person: u64,
}

impl Stock {
    /// Nothing yet; it is filled when it is asked for.
    pub fn new(arguments: &Arguments) -> Self {
        Self {
            folder: TempDir::new_in(&arguments.folder).unwrap(),
            rows: arguments.rows.clone(),
            filled: BTreeMap::new(),
            // Those before are in the stores already.
            next_person: arguments.rows.iter().copied().max().unwrap_or(0),
        }
    }

    /// A new, empty folder beside the stores.
    pub fn folder(&self) -> TempDir {
        TempDir::new_in(self.folder.path()).unwrap()
    }

    /// So many people that are in no store yet; the first of them.
    pub fn strangers(&mut self, count: u64) -> u64 {
        let first = self.next_person;
        self.next_person += count;
        first
    }

    /// The folders by how many webhooks their `relay.db` was filled with.
    pub fn stores(&mut self) -> &BTreeMap<u64, PathBuf> {
        if self.filled.is_empty() {
            self.fill();
        }
        &self.filled
    }

    /// One store grows, and leaves a copy of itself at each size; it becomes the last.
    fn fill(&mut self) {
        let growing = self.folder.path().join("growing");
        fs::create_dir(&growing).unwrap();
        let mut held = 0;
        for &rows in &self.rows {
            let began = Instant::now();
            let keeper = Keeper::open(&growing.join("relay.db"));
            let added = rows - held;
            while held < rows {
                let piece = PIECE.min(rows - held);
                keeper.accept(held..held + piece);
                assert_eq!(keeper.deliver(), piece * CALLS, "not everything was delivered");
                held += piece;
            }
            keeper.close();
            let file = growing.join("relay.db");
            let size = fs::metadata(&file).unwrap().len() as f64 / f64::from(1 << 20);
            let took = began.elapsed().as_secs_f64();
            println!(
                "{rows} webhooks with {} calls, all delivered: {size:.0} MiB; {added} more took {took:.1} s.",
                rows * CALLS
            );
            self.filled.insert(rows, self.put_by(&growing, rows));
        }
        println!();
    }

    fn put_by(&self, growing: &Path, rows: u64) -> PathBuf {
        let folder = self.folder.path().join(rows.to_string());
        if self.rows.last() == Some(&rows) {
            fs::rename(growing, &folder).unwrap();
        } else {
            fs::create_dir(&folder).unwrap();
            machine::copy(&growing.join("relay.db"), &folder.join("relay.db"));
        }
        folder
    }
}
