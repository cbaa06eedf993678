//! The engine: does use cases in transactions of a backend.
//!
//! What belongs here: what use cases and the batcher need of an engine. What doesn't: engines, which are in
//! the backends.

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

impl Store {
    /// Does a use case that only reads. It keeps no write waiting.
    pub(super) async fn read<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        match &self.backend {
            Backend::File(file) => file.read(doing, work).await,
            _ => self.write(doing, work).await,
        }
    }

    /// Does a use case for which no sender waits, and returns after its commit.
    pub(super) async fn write<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        match &self.backend {
            Backend::File(file) => file.write(doing, work).await,
            Backend::Server(server) => server.run(doing, &work).await,
            #[cfg(test)]
            Backend::Memory(memory) => memory.run(doing, &work),
        }
    }

    /// True if other relays may deliver from the store at the same time.
    pub(super) fn is_shared(&self) -> bool {
        !matches!(self.backend, Backend::File(_))
    }

    /// Notifies other relays of new work.
    pub(super) fn wake_others(&self) {
        if let Backend::Server(server) = &self.backend {
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
