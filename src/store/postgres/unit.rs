//! The unit of work on Postgres: a transaction under way.
//!
//! What belongs here: its base, and use cases done again where others were in their way. What doesn't: the
//! reads of each group of tables (`tables`).

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::domain::Time;
use crate::store::StoreError;
use crate::store::engine::{Engine, Priority};
use crate::store::planning::panicked;
use crate::store::rows::Changes;
use crate::store::unit::{UnitBase, UnitFault, Work};

use super::PostgresStore;
use super::fault::{Fault, is_timeout};
use super::retry::transact;
use super::tables;
use super::transaction::{ClockSource, Connections, Transaction};

impl UnitFault for Fault {
    fn conflict() -> Self {
        Self::Conflict
    }
}

impl UnitBase for Transaction {
    type Fault = Fault;

    async fn write(&mut self, changes: Changes) -> Result<(), Fault> {
        tables::write(self, &changes).await
    }

    async fn undo(&mut self) -> Result<(), Fault> {
        self.script("ROLLBACK").await
    }

    fn clock_skew(&self, now: Time) -> i64 {
        match self.ruling {
            ClockSource::Server => self.server_now.micros().saturating_sub(now.micros()),
            #[cfg(test)]
            ClockSource::Caller => 0,
        }
    }

    fn has_own_clock(&self) -> bool {
        self.ruling == ClockSource::Server
    }
}

impl PostgresStore {
    /// Runs a use case in a transaction, and again after a conflict.
    pub(crate) async fn run<W: Work>(
        &self,
        doing: &'static str,
        work: &W,
    ) -> Result<W::Output, StoreError> {
        self.open()?.run(doing, work).await
    }

    /// Does a use case that only reads, unless it takes too long.
    pub(crate) async fn run_within<W: Work>(
        &self,
        doing: &'static str,
        work: &W,
        time: Duration,
    ) -> Result<W::Output, StoreError> {
        let done = self.open()?.with_timeout(time).run(doing, work).await;
        done.map_err(|error| match error {
            StoreError::Unavailable { doing, source } if is_timeout(&*source) => {
                StoreError::TooSlow { doing }
            }
            error => error,
        })
    }

    /// Notifies other relays of new work.
    pub(crate) fn wake_others(&self) {
        self.wake.others();
    }

    /// Implements [`Store::close`](crate::store::Store::close).
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        self.open()?;
        self.closed.cancel();
        self.connections.pool.close();
        Ok(())
    }
}

impl Engine for Connections {
    /// One waits for the disk while the other waits for its turn.
    const AT_A_TIME: usize = 2;

    async fn write<W: Work>(
        &self,
        _priority: Priority,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        self.run(doing, &work).await
    }
}

impl Connections {
    /// Runs a use case in a transaction, and again after a conflict.
    pub(super) async fn run<W: Work>(
        &self,
        doing: &'static str,
        work: &W,
    ) -> Result<W::Output, StoreError> {
        transact!(self, doing, |it| async {
            // On the heap, because it is large. What a panic leaves behind is rolled back.
            let done = AssertUnwindSafe(Box::pin(work.run(it))).catch_unwind().await;
            done.unwrap_or_else(|panic| Err(panicked(doing, &*panic).into()))
        })
    }
}
