//! The unit of work on SQLite: a connection within a transaction of the writer's, or for reading.
//!
//! What belongs here: its base, and use cases run by the writer and the readers. What doesn't: the reads of
//! each group of tables (`tables`).

use rusqlite::Connection;

use crate::domain::Time;
use crate::store::StoreError;
use crate::store::rows::Changes;
use crate::store::unit::{UnitBase, UnitFault, Work, at_once};

use super::SqliteStore;
use super::fault::Fault;
use super::queue::Priority;
use super::tables;
use super::writer::undo;

/// A unit of work. Its futures never wait.
pub(super) struct SqliteUnit<'a>(pub(super) &'a mut Connection);

impl UnitFault for Fault {
    fn conflict() -> Self {
        Self::unreadable("a plan", "it contradicts what the store holds")
    }
}

impl UnitBase for SqliteUnit<'_> {
    type Fault = Fault;

    async fn write(&mut self, changes: Changes) -> Result<(), Fault> {
        tables::write(self.0, changes)
    }

    async fn undo(&mut self) -> Result<(), Fault> {
        Ok(undo(self.0)?)
    }

    fn clock_skew(&self, _now: Time) -> i64 {
        0
    }
}

/// Does a use case on a connection.
pub(super) fn run<W: Work>(connection: &mut Connection, work: &W) -> Result<W::Output, Fault> {
    at_once(work.run(&mut SqliteUnit(connection)))
}

/// Does a use case in a transaction of its own, for whom there is no writer yet.
pub(super) fn transact<W: Work>(connection: &mut Connection, work: &W) -> Result<W::Output, Fault> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = run(connection, work);
    connection.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

impl SqliteStore {
    /// Does a use case in a transaction of the writer's.
    pub(super) async fn write<W: Work>(
        &self,
        priority: Priority,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        let work = move |connection: &mut Connection| run(connection, &work);
        self.writer.write_unit(priority, doing, work).await
    }

    /// Does a use case that only reads, beside the writer.
    pub(super) async fn read<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        let work = move |connection: &mut Connection| run(connection, &work);
        self.readers.read_unit(doing, work).await
    }
}
