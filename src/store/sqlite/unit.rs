//! The unit of work on SQLite: a connection within a transaction of the writer's, or for reading.
//!
//! What belongs here: its base, and use cases run by the writer and the readers. What doesn't: the reads of
//! each group of tables (`tables`).

use rusqlite::Connection;

use crate::domain::Time;
use crate::store::engine::{Engine, Turn};
use crate::store::rows::Changes;
use crate::store::unit::{UnitBase, UnitFault, Work, at_once};
use crate::store::work::ReleaseLanes;
use crate::store::{StoreError, Writing};

use super::SqliteStore;
use super::fault::Fault;
use super::queue::Priority;
use super::tables;
use super::writer::{Writer, undo};

/// Tries of work that meets a conflict. Only notifications about erased people are one here.
const TRIES: usize = 3;

/// A unit of work. Its futures never wait.
pub(super) struct SqliteUnit<'a> {
    pub(super) connection: &'a mut Connection,
    /// The last number that was reserved for a new person.
    pub(super) reserved: Option<i64>,
}

impl<'a> SqliteUnit<'a> {
    pub(super) fn new(connection: &'a mut Connection) -> Self {
        Self { connection, reserved: None }
    }
}

impl UnitFault for Fault {
    fn conflict() -> Self {
        Self::Conflict
    }
}

impl UnitBase for SqliteUnit<'_> {
    type Fault = Fault;

    async fn write(&mut self, changes: Changes) -> Result<(), Fault> {
        tables::write(self.connection, changes)
    }

    async fn undo(&mut self) -> Result<(), Fault> {
        Ok(undo(self.connection)?)
    }

    fn clock_skew(&self, _now: Time) -> i64 {
        0
    }

    fn has_own_clock(&self) -> bool {
        false
    }
}

/// Does a use case on a connection.
pub(super) fn run<W: Work>(connection: &mut Connection, work: &W) -> Result<W::Output, Fault> {
    for _ in 1..TRIES {
        match at_once(work.run(&mut SqliteUnit::new(connection))) {
            Err(Fault::Conflict) => {}
            done => return done,
        }
    }
    at_once(work.run(&mut SqliteUnit::new(connection)))
}

/// Does a use case in a transaction of its own, for whom there is no writer yet.
pub(super) fn transact<W: Work>(connection: &mut Connection, work: &W) -> Result<W::Output, Fault> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = run(connection, work);
    connection.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

impl SqliteStore {
    /// Does a use case that only reads, within a turn's time if it has one. It keeps no write waiting.
    pub(crate) async fn read<W: Work>(
        &self,
        doing: &'static str,
        work: W,
        turn: Option<Turn>,
    ) -> Result<W::Output, StoreError> {
        let time = turn.as_ref().map(|turn| turn.time);
        let work = move |connection: &mut Connection| {
            // It ends with the read, also if nobody waits for that any more.
            let _turn = turn;
            run(connection, &work)
        };
        self.readers.read(doing, time, work).await
    }

    /// Does a use case for which no sender waits.
    pub(crate) async fn write<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        self.writer.write(Priority::Rest, doing, work).await
    }

    /// Implements [`Store::take_over`](crate::store::Store::take_over).
    pub(crate) async fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        const DOING: &str = "take over leases";
        if !self.right.take().map_err(|error| StoreError::unavailable(DOING, error))? {
            return Ok(0);
        }
        self.write(DOING, ReleaseLanes(now)).await
    }

    /// Implements [`Store::is_attended`](crate::store::Store::is_attended).
    pub(crate) fn is_attended(&self) -> Result<bool, StoreError> {
        let taken =
            self.right.take().map_err(|error| StoreError::unavailable("be attended", error))?;
        Ok(!taken)
    }

    /// Implements [`Store::writer_status`](crate::store::Store::writer_status).
    pub(crate) fn writing(&self) -> Writing {
        self.writer.writing()
    }

    /// Implements [`Store::commits`](crate::store::Store::commits).
    pub(crate) fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Implements [`Store::close`](crate::store::Store::close).
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        let closed = self.writer.close().await;
        self.right.give_up();
        closed
    }
}

impl Engine for Writer {
    /// One is done, one waits for its turn, and others for the disk.
    const AT_A_TIME: usize = 4;

    async fn write<W: Work>(
        &self,
        priority: Priority,
        doing: &'static str,
        work: W,
    ) -> Result<W::Output, StoreError> {
        let work = move |connection: &mut Connection| run(connection, &work);
        self.write_unit(priority, doing, work).await
    }
}
