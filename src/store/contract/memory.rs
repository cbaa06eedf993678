//! The model of the contract: a store in memory, under the same use cases as the others.
//!
//! What belongs here and below: its engine, and rows as plain maps. It has no SQL, no threads and no locks,
//! so that what a read or a change of the unit of work means can be read here.

mod lanes;
mod reads;
mod tables;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::Time;
use crate::store::batcher::Batcher;
use crate::store::engine::{Backend, Engine, Priority};
use crate::store::planning::{Planning, panicked};
use crate::store::rows::Changes;
use crate::store::unit::{UnitBase, UnitFault, Work, at_once};
use crate::store::work::{OpenSecrets, ReleaseLanes};
use crate::store::{Stats, Store, StoreError, StoreLocation};

use super::Bench;
use super::script::Script;
use tables::Tables;

/// Tries of a transaction. Only notification about erased people is a conflict here.
const TRIES: usize = 3;

/// A place in memory with one store in it.
#[derive(Clone)]
pub(crate) struct Memory {
    rows: Arc<Rows>,
    /// True while a process delivers.
    is_attended: Arc<AtomicBool>,
    seed: [u8; 32],
}

impl Memory {
    /// Returns an empty place.
    pub(crate) fn new() -> Self {
        Self::with_secret(std::array::from_fn(|_| fastrand::u8(1..)))
    }

    /// Returns an empty place whose store will have this secret.
    pub(super) fn with_secret(seed: [u8; 32]) -> Self {
        Self { rows: Arc::default(), is_attended: Arc::default(), seed }
    }

    /// Puts the lanes of these people first among lanes that are due equally long.
    pub(super) fn prefer(&self, identifiers: Vec<String>) {
        Arc::make_mut(&mut *self.rows.lock()).preferred = identifiers;
    }

    /// Ends all leases, as a copy does: each lane is due when its lease would have ended.
    pub(super) fn end_leases(&self) {
        let mut tables = self.rows.lock();
        Arc::make_mut(&mut *tables).lanes.values_mut().for_each(|lane| lane.leased = false);
    }
}

#[async_trait]
impl Bench for Memory {
    async fn open(&self) -> Arc<Store> {
        let secrets = self.rows.run("be opened", &OpenSecrets(self.seed)).unwrap();
        let planning = Arc::new(Planning::open(Arc::new(Script), None, &secrets).unwrap());
        let batcher = Batcher::start(&self.rows, &planning, || {});
        let memory = MemoryStore {
            place: self.clone(),
            attends: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        };
        Arc::new(Store::new(batcher, planning, Backend::Memory(memory)))
    }

    async fn place(&self) -> StoreLocation {
        unreachable!("nothing is copied from or to memory")
    }

    async fn count(&self) -> Stats {
        self.rows.lock().counted()
    }
}

/// An open store in memory.
pub(crate) struct MemoryStore {
    place: Memory,
    /// True if this process delivers.
    attends: AtomicBool,
    closed: AtomicBool,
}

impl MemoryStore {
    /// Does a use case.
    pub(crate) fn run<W: Work>(
        &self,
        doing: &'static str,
        work: &W,
    ) -> Result<W::Output, StoreError> {
        match self.closed.load(Ordering::Relaxed) {
            true => Err(StoreError::Closed),
            false => self.place.rows.run(doing, work),
        }
    }

    /// Implements [`Store::take_over`].
    pub(crate) fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        match self.is_attended() {
            true => Ok(0),
            false => self.run("take over leases", &ReleaseLanes(now)),
        }
    }

    /// True if another process delivers. If none does, this one does from now on.
    fn is_attended(&self) -> bool {
        let attends = self.attends.load(Ordering::Relaxed);
        let is_attended = !attends && self.place.is_attended.swap(true, Ordering::Relaxed);
        self.attends.fetch_or(!is_attended, Ordering::Relaxed);
        is_attended
    }

    /// Implements [`Store::close`].
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        match self.closed.swap(true, Ordering::Relaxed) {
            true => Err(StoreError::Closed),
            false => Ok(()),
        }
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        if *self.attends.get_mut() {
            self.place.is_attended.store(false, Ordering::Relaxed);
        }
    }
}

/// The rows as they were committed last.
struct Rows(Mutex<Arc<Tables>>);

impl Default for Rows {
    fn default() -> Self {
        Self(Mutex::new(Arc::new(Tables::made())))
    }
}

impl Rows {
    fn lock(&self) -> MutexGuard<'_, Arc<Tables>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a use case in a transaction; again, if it met a conflict.
    fn run<W: Work>(&self, doing: &'static str, work: &W) -> Result<W::Output, StoreError> {
        let mut committed = self.lock();
        let mut tries = 0;
        loop {
            tries += 1;
            let mut unit = MemoryUnit::new(&committed);
            let done = catch_unwind(AssertUnwindSafe(|| at_once(work.run(&mut unit))));
            match done.map_err(|panic| panicked(doing, &*panic))? {
                Ok(output) => {
                    *committed = unit.now;
                    return Ok(output);
                }
                Err(Fault::Store(error)) => return Err(error),
                Err(Fault::Conflict) => assert!(tries < TRIES, "{doing}: conflict after conflict"),
            }
        }
    }
}

impl Engine for Rows {
    const AT_A_TIME: usize = 1;

    async fn write<W: Work>(
        &self,
        _priority: Priority,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        self.run(doing, &work)
    }
}

/// A transaction: the rows before it, and as it has made them.
struct MemoryUnit {
    before: Arc<Tables>,
    now: Arc<Tables>,
    /// The last number that was given or reserved for a person.
    last_person: i64,
}

impl MemoryUnit {
    fn new(committed: &Arc<Tables>) -> Self {
        let last_person = committed.last_person;
        Self { before: Arc::clone(committed), now: Arc::clone(committed), last_person }
    }
}

/// An error of a unit in memory.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("a conflict")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UnitFault for Fault {
    fn conflict() -> Self {
        Self::Conflict
    }
}

impl UnitBase for MemoryUnit {
    type Fault = Fault;

    async fn write(&mut self, changes: Changes) -> Result<(), Fault> {
        Arc::make_mut(&mut self.now).write(changes);
        Ok(())
    }

    async fn undo(&mut self) -> Result<(), Fault> {
        self.now = Arc::clone(&self.before);
        Ok(())
    }

    fn clock_skew(&self, _now: Time) -> i64 {
        0
    }

    fn has_own_clock(&self) -> bool {
        false
    }
}

mod tests {
    use super::*;
    use crate::store::contract::contract_tests;

    contract_tests!(Memory::new());
    contract_tests! { @ Memory::new(),
        cluster::relays_know_each_other_until_one_says_nothing_more,
        cluster::a_job_is_one_relays_until_it_is_over,
    }
}
