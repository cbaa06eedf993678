//! The writer: one thread, one connection, many jobs to a commit.
//!
//! What belongs here: transactions, savepoints, recovery from a broken connection. What doesn't:
//! what the jobs do, and SQL other than that of transactions. A commit costs a sync of the disk,
//! so everything that waits shares one. A job that fails or panics takes nothing else with it: all
//! of its transaction is done once more, with a savepoint for each job. Not at once, because under
//! a savepoint SQLite copies every page before it is changed. Nobody is answered before the commit.
//! A job belongs to the thread once it is queued: a caller that goes away undoes nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, Error, ErrorCode, ffi};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::store::planning::panicked;
use crate::store::{StoreError, Writing};

use super::checkpointer::Checkpointer;
use super::connection::DatabasePath;
use super::fault::{Fault, Shared, unavailable};
use super::file_identity::FileIdentity;
use super::queue::{Priority, Queue};

/// The way to the writing thread.
pub(super) struct Writer {
    queue: Arc<Queue>,
    commits: Arc<AtomicU64>,
    at_work: Arc<WriterActivity>,
    thread: Mutex<Option<JoinHandle<rusqlite::Result<()>>>>,
}

impl Writer {
    /// Starts the thread with a connection that is open already. Must be called from a runtime,
    /// which runs those who wait.
    pub(super) fn start(place: DatabasePath, mut connection: Connection) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new());
        let commits = Arc::default();
        let mut pen = WriterConnection {
            presence: place.presence()?,
            checkpointer: Checkpointer::start(place.clone())?,
            place,
            connection: None,
            commits: Arc::clone(&commits),
            runtime: Handle::current(),
        };
        pen.report(&mut connection).map_err(std::io::Error::other)?;
        pen.connection = Some(connection);
        let at_work = Arc::new(WriterActivity(Mutex::new(Writing::Idle)));
        let (source, shown) = (Arc::clone(&queue), Arc::clone(&at_work));
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
                let _abandon = AbandonOnExit(&source, &shown);
                while let Some(batch) = source.take() {
                    shown.set(Writing::Since(Instant::now()));
                    pen.write(batch);
                    shown.set(Writing::Idle);
                }
                pen.rest()
            })?;
        Ok(Self { queue, commits, at_work, thread: Mutex::new(Some(thread)) })
    }

    /// Does `work` in a transaction and returns after its commit. It may be done twice, the first
    /// time without effect.
    pub(super) async fn write_unit<T: Send + 'static>(
        &self,
        rank: Priority,
        doing: &'static str,
        work: impl Fn(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let task = Task { doing, work, result: None, answer };
        self.queue.push(rank, doing, Box::new(task))?;
        answered.await.unwrap_or_else(|_gone| Err(unavailable(doing, "the writer has ended")))
    }

    /// How many transactions were committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// What the thread is at.
    pub(super) fn writing(&self) -> Writing {
        *self.at_work.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finishes what waits, empties the log into the file and ends the thread.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        const DOING: &str = "be closed";
        if !self.queue.close() {
            return Err(StoreError::Closed);
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Err(StoreError::Closed) };
        match tokio::task::spawn_blocking(move || thread.join()).await {
            Ok(Ok(rested)) => rested.map_err(|error| Fault::Sql(error).into_store_error(DOING)),
            Ok(Err(_)) | Err(_) => Err(unavailable(DOING, "the writer panicked")),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Undoes what the present job has done so far; the job goes on with a clean slate. Fails if the
/// job has no savepoint yet, and thereby gets one.
pub(super) fn undo(connection: &Connection) -> rusqlite::Result<()> {
    execute(connection, "ROLLBACK TO job")
}

/// Something to do in a transaction, for somebody who waits.
pub(super) trait Job: Send {
    /// Does it; tells whether to keep what it did.
    fn run(&mut self, connection: &mut Connection) -> bool;

    /// Tells who waits what came of it, given what came of the transaction.
    fn answer(self: Box<Self>, transaction: Result<(), Shared>);
}

struct Task<T, W> {
    doing: &'static str,
    work: W,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Task<T, W>
where
    T: Send,
    W: Fn(&mut Connection) -> Result<T, Fault> + Send,
{
    fn run(&mut self, connection: &mut Connection) -> bool {
        // What a panic leaves behind is rolled back.
        let result = match catch_unwind(AssertUnwindSafe(|| (self.work)(connection))) {
            Ok(result) => result.map_err(|fault| fault.into_store_error(self.doing)),
            Err(panic) => Err(panicked(self.doing, &*panic)),
        };
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>, transaction: Result<(), Shared>) {
        let Self { doing, result, answer, .. } = *self;
        let answered = match (result, transaction) {
            (Some(result), Ok(())) => result,
            (Some(Err(own)), Err(_)) => Err(own),
            (_, Err(shared)) => Err(StoreError::Unavailable { doing, source: Box::new(shared) }),
            (None, Ok(())) => Err(unavailable(doing, "it wasn't done")),
        };
        // Whoever waited may be gone; what was done stays done.
        let _ = answer.send(answered);
    }
}

/// The connection in the hand of the thread.
struct WriterConnection {
    checkpointer: Checkpointer,
    presence: FileIdentity,
    place: DatabasePath,
    connection: Option<Connection>,
    commits: Arc<AtomicU64>,
    runtime: Handle,
}

impl WriterConnection {
    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let transaction = self.transact(&mut batch).map_err(|error| Shared(Arc::new(error)));
        if transaction.is_ok() {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        // From a task of the runtime, because each answer from a thread outside it wakes a thread.
        self.runtime.spawn(async move {
            for job in batch {
                job.answer(transaction.clone());
            }
        });
        if let Some(connection) = &self.connection {
            self.checkpointer.finish(connection);
        }
    }

    /// After an error the connection is dropped, which rolls back whatever is open, and the next
    /// transaction begins with a new one: so the store recovers when the disk does.
    fn transact(&mut self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        self.presence.confirm().map_err(|why| {
            Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED), Some(why))
        })?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self.place.writer()?;
                self.report(&mut connection)?;
                connection
            }
        };
        let result = transact(&mut connection, batch);
        let busy = matches!(&result, Err(error)
            if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy));
        if result.is_ok() || (busy && connection.is_autocommit()) {
            self.connection = Some(connection);
        }
        result
    }

    /// Makes a connection report the length of the log. It copies nothing by itself from then on.
    fn report(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let log = self.checkpointer.log();
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            log.has(i64::from(pages));
            Ok(())
        }))
    }

    /// Brings the file into its resting state: an empty log. If somebody else reads from the
    /// log it stays, and the last one to close the file empties it.
    fn rest(self) -> rusqlite::Result<()> {
        let Self { checkpointer, connection, .. } = self;
        drop(checkpointer);
        let Some(connection) = connection else { return Ok(()) };
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()))?;
        connection.close().map_err(|(_connection, error)| error)
    }
}

fn transact(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    execute(connection, "BEGIN IMMEDIATE")?;
    if !batch.iter_mut().all(|job| job.run(connection)) {
        still_open(connection)?;
        execute(connection, "ROLLBACK")?;
        execute(connection, "BEGIN IMMEDIATE")?;
        each_apart(connection, batch)?;
    }
    execute(connection, "COMMIT")
}

/// Does every job, and undoes those that fail.
fn each_apart(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    for job in batch {
        execute(connection, "SAVEPOINT job")?;
        if !job.run(connection) {
            still_open(connection)?;
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    Ok(())
}

/// A full disk or a failed write makes SQLite roll back everything by itself.
fn still_open(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() {
        let error = ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK);
        let reason = "a write failed, and the whole transaction was rolled back";
        return Err(Error::SqliteFailure(error, Some(reason.to_owned())));
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_changed| ())
}

/// What the thread shows of itself.
struct WriterActivity(Mutex<Writing>);

impl WriterActivity {
    fn set(&self, writing: Writing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = writing;
    }
}

struct AbandonOnExit<'a>(&'a Queue, &'a WriterActivity);

impl Drop for AbandonOnExit<'_> {
    fn drop(&mut self) {
        self.0.abandon();
        self.1.set(Writing::Ended);
    }
}
