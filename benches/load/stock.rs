//! Stores that hold many delivered webhooks, filled once a run and kept until its end, or longer
//! on request.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use super::arguments::Arguments;
use super::keeper::Keeper;
use super::machine;
use super::webhooks::CALLS;

/// The webhooks that are accepted before they are delivered, as without a backlog.
const PIECE: u64 = 20_000;

/// The number of connections: more than share a commit, so that each commit is full.
const CONNECTIONS: usize = 512;

/// The filled stores, each in a folder of its own.
pub struct Stock {
    temporary: TempDir,
    kept: Option<PathBuf>,
    rows: Vec<u64>,
    filled: BTreeMap<u64, PathBuf>,
    next_person: u64,
}

impl Stock {
    /// Returns nothing yet; it is filled when it is asked for.
    pub fn new(arguments: &Arguments) -> Self {
        Self {
            temporary: TempDir::new_in(&arguments.folder).unwrap(),
            kept: arguments.stock.clone(),
            rows: arguments.rows.clone(),
            filled: BTreeMap::new(),
            // By the time, because a kept store knows the strangers of earlier runs.
            next_person: u64::try_from(machine::now_micros()).unwrap(),
        }
    }

    /// Returns a new, empty folder on the same disk.
    pub fn empty_folder(&self) -> TempDir {
        TempDir::new_in(self.temporary.path()).unwrap()
    }

    /// Reserves people that are in no store yet; returns the first one.
    pub fn strangers(&mut self, count: u64) -> u64 {
        let first = self.next_person;
        self.next_person += count;
        first
    }

    /// Returns the folders by how many webhooks their `relay.db` was filled with.
    pub fn stores(&mut self) -> &BTreeMap<u64, PathBuf> {
        if self.filled.is_empty() {
            let of_rows = |rows: &u64| (*rows, self.folder().join(rows.to_string()));
            self.filled = self.rows.iter().map(of_rows).collect();
            if self.filled.values().any(|folder| !folder.exists()) {
                self.fill();
            }
        }
        &self.filled
    }

    fn folder(&self) -> &Path {
        self.kept.as_deref().unwrap_or(self.temporary.path())
    }

    /// Fills one store, and copies it at each size; the last size is the store itself.
    fn fill(&self) {
        let growing = self.folder().join("growing");
        // A run that was broken off may have left one, and stores that don't belong to this.
        let stale = std::iter::once(&growing).chain(self.filled.values());
        for folder in stale.filter(|folder| folder.exists()) {
            fs::remove_dir_all(folder).unwrap();
        }
        fs::create_dir_all(&growing).unwrap();
        let mut held = 0;
        for &rows in &self.rows {
            let began = Instant::now();
            let keeper = Keeper::open(&growing.join("relay.db"));
            let added = rows - held;
            while held < rows {
                let piece = PIECE.min(rows - held);
                keeper.accept(held..held + piece, CONNECTIONS);
                assert_eq!(keeper.deliver(), piece * CALLS, "not everything was delivered");
                held += piece;
                if held % 100_000 == 0 {
                    eprintln!("filled with {held} webhooks");
                }
            }
            keeper.close();
            let file = growing.join("relay.db");
            let size = fs::metadata(&file).unwrap().len() as f64 / f64::from(1 << 20);
            let took = began.elapsed().as_secs_f64();
            println!(
                "{rows} webhooks with {} calls, all delivered: {size:.0} MiB; {added} more took {took:.1} s.",
                rows * CALLS
            );
            self.put_by(&growing, rows);
        }
        println!();
    }

    fn put_by(&self, growing: &Path, rows: u64) {
        let folder = &self.filled[&rows];
        if self.rows.last() == Some(&rows) {
            fs::rename(growing, folder).unwrap();
        } else {
            fs::create_dir(folder).unwrap();
            machine::copy(&growing.join("relay.db"), &folder.join("relay.db"));
        }
    }
}
