//! The engine: does use cases in transactions of a backend.
//!
//! What belongs here: what use cases and the batcher need of an engine, and the bound of reads. What doesn't:
//! engines, which are in the backends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[cfg(test)]
use super::contract::memory::MemoryStore;
use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;
use super::unit::Work;
use super::{Store, StoreError};

/// The backend that holds the rows.
pub(super) enum Backend {
    /// A file of SQLite's.
    File(SqliteStore),
    Server(PostgresStore),
    /// The contract's model.
    #[cfg(test)]
    Memory(MemoryStore),
}

/// The longest wait for a turn, as a multiple of a turn's time.
const QUEUE: u32 = 5;

/// The time after which a read that doesn't end with its turn is given up.
const GRACE: Duration = Duration::from_secs(1);

/// The bound of reads that operators wait for, so that what they look up holds up no webhook.
pub(super) struct ReadBound {
    turns: Arc<Semaphore>,
    time: Duration,
}

/// A turn to read, until it is dropped.
pub(crate) struct Turn {
    /// The time that the read may take.
    pub(super) time: Duration,
    _permit: OwnedSemaphorePermit,
}

impl ReadBound {
    pub(super) fn new(reads: usize, time: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(reads)), time }
    }

    /// Waits for a turn.
    async fn turn(&self, doing: &'static str) -> Result<Turn, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(self.time * QUEUE, turn).await {
            Ok(Ok(permit)) => Ok(Turn { time: self.time, _permit: permit }),
            Ok(Err(_closed)) => Err(StoreError::Closed),
            Err(_late) => Err(StoreError::TooSlow { doing }),
        }
    }
}

impl Store {
    /// Does a use case that only reads. It keeps no write waiting.
    pub(super) async fn read<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        let Some(bound) = &self.bound else { return self.read_by(doing, work, None).await };
        let turn = bound.turn(doing).await?;
        let latest = turn.time.saturating_add(GRACE);
        // A disk or a server that hangs interrupts nothing.
        let reading = self.read_by(doing, work, Some(turn));
        tokio::time::timeout(latest, reading).await.unwrap_or(Err(StoreError::TooSlow { doing }))
    }

    async fn read_by<W: Work>(
        &self,
        doing: &'static str,
        work: W,
        turn: Option<Turn>,
    ) -> Result<W::Output, StoreError> {
        match (&*self.backend, turn) {
            (Backend::File(file), turn) => file.read(doing, work, turn).await,
            (Backend::Server(server), Some(turn)) => {
                server.run_within(doing, &work, turn.time).await
            }
            _ => self.write(doing, work).await,
        }
    }

    /// Does a use case for which no sender waits, and returns after its commit.
    pub(super) async fn write<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        match &*self.backend {
            Backend::File(file) => file.write(doing, work).await,
            Backend::Server(server) => server.run(doing, &work).await,
            #[cfg(test)]
            Backend::Memory(memory) => memory.run(doing, &work),
        }
    }

    /// True if other relays may deliver from the store at the same time.
    pub(super) fn is_shared(&self) -> bool {
        !matches!(*self.backend, Backend::File(_))
    }

    /// Notifies other relays of new work.
    pub(super) fn wake_others(&self) {
        if let Backend::Server(server) = &*self.backend {
            server.wake_others();
        }
    }
}

/// The party that waits for a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Priority {
    /// A sender of webhooks, who is answered only after the commit.
    Accept,
    /// The relay itself, or an operator.
    Rest,
}

/// Transactions of a backend.
#[trait_variant::make(Send)]
pub(super) trait Engine: Sync + 'static {
    /// Transactions of webhooks at a time.
    const AT_A_TIME: usize;

    /// Does a use case in a transaction, and returns after its commit.
    async fn write<W: Work>(
        &self,
        priority: Priority,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError>;
}
