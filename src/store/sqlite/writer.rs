//! The writer: one thread, one connection, many jobs to a commit.
//!
//! What belongs here: transactions, savepoints, recovery from a broken connection. What doesn't:
//! what the jobs do, SQL other than that of transactions, and answers (`syncer`). Everything that waits
//! shares a commit. A job that fails or panics takes nothing else with it: all
//! of its transaction is done once more, with a savepoint for each job. Not at once, because under
//! a savepoint SQLite copies every page before it is changed. Nobody is answered before the commit is on the
//! disk. A job belongs to the thread once it is queued: a caller that goes away undoes nothing.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, Error, ErrorCode, ffi};
use tokio::sync::oneshot;

use crate::store::planning::panicked;
use crate::store::{StoreError, Writing};

use super::checkpointer::Checkpointer;
use super::connection::{DatabasePath, keep_as_it_is};
use super::fault::{Fault, Shared};
use super::file_identity::FileIdentity;
use super::queue::{Priority, Queue};
use super::syncer::{Commit, Syncer, checkpoint};

/// The way to the writing thread.
pub(super) struct Writer {
    queue: Arc<Queue>,
    commits: Arc<AtomicU64>,
    /// The thread's, and that of the one that syncs behind it.
    activities: [Arc<Activity>; 2],
    thread: Mutex<Option<JoinHandle<rusqlite::Result<()>>>>,
}

impl Writer {
    /// Starts the thread with a connection that is open already. Must be called from a runtime,
    /// which runs those who wait.
    pub(super) fn start(
        place: DatabasePath,
        mut connection: Connection,
        sync: impl Fn(&File) -> std::io::Result<()> + Send + 'static,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new());
        let commits = Arc::default();
        let mut pen = WriterConnection {
            presence: FileIdentity::of(place.path())?,
            log_presence: log_presence(&place)?,
            is_log_lost: false,
            checkpointer: Checkpointer::start(place.clone())?,
            place,
            connection: None,
            log: None,
            has_written: Arc::default(),
            version: None,
            syncer: Syncer::start(sync)?,
            commits: Arc::clone(&commits),
        };
        pen.prepare(&mut connection).map_err(std::io::Error::other)?;
        pen.connection = Some(connection);
        let activity = Arc::<Activity>::default();
        let activities = [Arc::clone(&activity), pen.syncer.activity()];
        let (source, shown) = (Arc::clone(&queue), activity);
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
        Ok(Self { queue, commits, activities, thread: Mutex::new(Some(thread)) })
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
        self.queue.push(rank, Box::new(task))?;
        answered
            .await
            .unwrap_or_else(|_gone| Err(StoreError::unavailable(doing, "the writer has ended")))
    }

    /// Returns the number of committed transactions.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Returns the state of the writing: the oldest write that isn't on the disk yet.
    pub(super) fn writing(&self) -> Writing {
        match self.activities.each_ref().map(|it| it.get()) {
            [Writing::Ended, _] => Writing::Ended,
            [Writing::Since(writer), Writing::Since(syncer)] => Writing::Since(writer.min(syncer)),
            [writing @ Writing::Since(_), _] | [_, writing] => writing,
        }
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
            Ok(Err(_)) | Err(_) => Err(StoreError::unavailable(DOING, "the writer panicked")),
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

/// Work in a transaction, for a caller who waits.
pub(super) trait Job: Send {
    /// Runs the work. Returns true if its changes are kept.
    fn run(&mut self, connection: &mut Connection) -> bool;

    /// Sends the caller the result, given that of the transaction.
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
            (_, Err(shared)) => Err(StoreError::unavailable(doing, shared)),
            (None, Ok(())) => Err(StoreError::unavailable(doing, "it wasn't done")),
        };
        // The caller may be gone; the work stays done.
        let _ = answer.send(answered);
    }
}

/// The connection in the hand of the thread.
struct WriterConnection {
    checkpointer: Checkpointer,
    presence: FileIdentity,
    /// The same of the connection's log and its index, by which processes find what others have written.
    log_presence: [FileIdentity; 2],
    /// True if the log is gone, and what it had is in the file.
    is_log_lost: bool,
    place: DatabasePath,
    connection: Option<Connection>,
    /// The connection's log, if it is synced.
    log: Option<Arc<File>>,
    /// True if the log has grown.
    has_written: Arc<AtomicBool>,
    /// The version of the data when a transaction last wrote nothing; others' commits change it.
    version: Option<i64>,
    syncer: Syncer,
    commits: Arc<AtomicU64>,
}

impl WriterConnection {
    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let done = self.transact(&mut batch).map_err(|error| Shared(Arc::new(error)));
        let (outcome, is_repaired) = match done {
            Ok(is_repaired) => (Ok(()), is_repaired),
            Err(error) => (Err(error), false),
        };
        let syncs = self.has_written.swap(false, Ordering::Relaxed) || self.is_behind_others();
        let log = self.log.clone().filter(|_| syncs);
        self.syncer.answer(Commit { jobs: batch, outcome, log, is_repaired });
        if let Some(connection) = &self.connection {
            self.checkpointer.finish(connection);
        }
    }

    /// Does a batch in a transaction; true if the log was repaired before it.
    ///
    /// After an error the connection is dropped, which rolls back whatever is open, and the next
    /// transaction begins with a new one: so the store recovers when the disk does.
    fn transact(&mut self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<bool> {
        self.confirm()?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self.place.writer()?;
                self.prepare(&mut connection)?;
                connection
            }
        };
        let is_repaired = self.syncer.repair(&connection)?;
        let result = transact(&mut connection, batch);
        let busy = matches!(&result, Err(error)
            if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy));
        if result.is_ok() || (busy && connection.is_autocommit()) {
            self.connection = Some(connection);
        }
        result?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(is_repaired)
    }

    /// Fails unless the file and its log are still those that the connection writes into. What a log that is gone
    /// has is brought into the file, because nobody else has it any more.
    fn confirm(&mut self) -> rusqlite::Result<()> {
        let moved =
            |why| Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED), Some(why));
        self.presence.confirm().map_err(moved)?;
        // Without a connection the next one makes a log of its own.
        let Some(connection) = &self.connection else { return Ok(()) };
        let there = self.log_presence.iter().try_for_each(FileIdentity::confirm);
        // Once: another process may have begun a new log since then.
        self.is_log_lost = there.is_err() && (self.is_log_lost || checkpoint(connection)?);
        there.map_err(|why| moved(format!("{why}, or restart the relay: the file has all of it")))
    }

    /// True if a transaction that wrote nothing may have seen what isn't on the disk: commits of another process,
    /// or those that one has left which was killed.
    fn is_behind_others(&mut self) -> bool {
        let Some(connection) = &self.connection else { return false };
        let version = connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .ok();
        std::mem::replace(&mut self.version, version) != version || version.is_none()
    }

    /// Prepares a connection: it reports the length of the log, and neither copies nor syncs by itself.
    fn prepare(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        let (log, has_written) = (self.checkpointer.log(), Arc::clone(&self.has_written));
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            has_written.store(true, Ordering::Relaxed);
            log.has(i64::from(pages));
            Ok(())
        }))?;
        self.log = self.place.log_to_sync(connection)?.map(Arc::new);
        self.version = None;
        self.log_presence = log_presence(&self.place).map_err(|error| {
            Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(error.to_string()))
        })?;
        Ok(())
    }

    /// Empties the log before the file is closed. If another connection reads from the log, it stays, and
    /// the last connection to close the file empties it.
    fn rest(mut self) -> rusqlite::Result<()> {
        // `is_log_lost` reports the finding.
        let _ = self.confirm();
        let Self { checkpointer, syncer, connection, is_log_lost, .. } = self;
        drop((syncer, checkpointer));
        let Some(connection) = connection else { return Ok(()) };
        if is_log_lost {
            // The log at its path belongs to another file.
            return keep_as_it_is(&connection, true);
        }
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()))?;
        connection.close().map_err(|(_connection, error)| error)
    }
}

fn log_presence(place: &DatabasePath) -> std::io::Result<[FileIdentity; 2]> {
    let [log, index] = place.log_files();
    Ok([FileIdentity::of(&log)?, FileIdentity::of(&index)?])
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

/// Returns a full disk or a failed write makes SQLite roll back everything by itself.
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

/// The state that a thread shows of itself.
pub(super) struct Activity(Mutex<Writing>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(Writing::Idle))
    }
}

impl Activity {
    pub(super) fn set(&self, writing: Writing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = writing;
    }

    fn get(&self) -> Writing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct AbandonOnExit<'a>(&'a Queue, &'a Activity);

impl Drop for AbandonOnExit<'_> {
    fn drop(&mut self) {
        self.0.abandon();
        self.1.set(Writing::Ended);
    }
}
