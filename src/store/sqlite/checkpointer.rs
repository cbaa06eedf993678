//! The checkpointer: brings the log into the file beside the writer, so that no answer waits for it.
//!
//! What belongs here: when pages are copied, and by whom. What doesn't: transactions (`writer`).
//!
//! A thread with a connection of its own copies pages while the writer goes on. The log begins anew only
//! after a checkpoint that nothing was written behind. So the writer does the last one itself, when few
//! pages are left.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::connection::DatabasePath;

/// Pages behind the last checkpoint that the thread begins the next one at: 40 MiB. Each syncs the file, which
/// commits have to wait for.
const STEP: i64 = 10_000;

/// Pages of a log that is to begin anew: 80 MiB.
const LONG: i64 = 20_000;

/// Pages that the writer copies at most, unless the log is twice as long as it should be.
const FEW: i64 = 2_000;

/// A thread that copies pages of the log into the file. Ends when it is dropped.
pub(super) struct Checkpointer {
    log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

/// The log, as far as its length goes.
#[derive(Default)]
pub(super) struct Log {
    pages: Mutex<Pages>,
    grown: Condvar,
}

#[derive(Default)]
struct Pages {
    /// Pages in the log.
    written: i64,
    /// Pages of it that are in the file.
    copied: i64,
    /// Pages in the log when the writer tried last to bring all of it into the file.
    tried: i64,
    is_ending: bool,
}

impl Checkpointer {
    /// Starts the thread.
    pub(super) fn start(place: DatabasePath) -> std::io::Result<Self> {
        let log = Arc::<Log>::default();
        let shared = Arc::clone(&log);
        let run = move || {
            let mut connection = None;
            while shared.wait() {
                let copied = copy(&place, &mut connection).unwrap_or_else(|error| {
                    tracing::debug!(%error, "can't bring the log into the file");
                    connection = None;
                    None
                });
                shared.has_copied(copied);
            }
        };
        let thread = std::thread::Builder::new().name("store-checkpoint".to_owned()).spawn(run)?;
        Ok(Self { log, thread: Some(thread) })
    }

    /// Returns the log, which connections that write report to.
    pub(super) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// Brings the rest of a long log into the file, on the connection that writes, if it is time to.
    pub(super) fn finish(&self, connection: &Connection) {
        if !self.log.is_time_to_finish() {
            return;
        }
        match checkpoint(connection) {
            Ok(copied) => self.log.has_copied(copied),
            // The commit before it is safe all the same, and the next try may succeed.
            Err(error) => tracing::debug!(%error, "can't bring the log into the file"),
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.log.lock().is_ending = true;
        self.log.grown.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is in the log by its hook. Nothing depends on its result.
            let _ = thread.join();
        }
    }
}

impl Log {
    /// Notes the length of the log after a commit.
    pub(super) fn has(&self, written: i64) {
        let mut pages = self.lock();
        if written < pages.written {
            // It begins anew.
            (pages.copied, pages.tried) = (0, 0);
        }
        pages.written = written;
        if pages.written - pages.copied >= STEP {
            self.grown.notify_one();
        }
    }

    fn has_copied(&self, copied: Option<i64>) {
        let mut pages = self.lock();
        // Without progress, such as behind a reader, it is tried again when the log has grown.
        let copied = copied.unwrap_or(pages.written);
        pages.copied = copied.max(pages.written - STEP + 1).min(pages.written);
    }

    /// Waits until there is something to copy; false at the end.
    fn wait(&self) -> bool {
        let pages = self.lock();
        let is_idle = |pages: &mut Pages| !pages.is_ending && pages.written - pages.copied < STEP;
        let pages = self.grown.wait_while(pages, is_idle).unwrap_or_else(PoisonError::into_inner);
        !pages.is_ending
    }

    fn is_time_to_finish(&self) -> bool {
        let mut pages = self.lock();
        let left = pages.written - pages.copied;
        let is_time = pages.written >= LONG
            && (left <= FEW || pages.written >= 2 * LONG)
            && pages.written - pages.tried >= FEW;
        if is_time {
            pages.tried = pages.written;
        }
        is_time
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy(
    place: &DatabasePath,
    connection: &mut Option<Connection>,
) -> rusqlite::Result<Option<i64>> {
    let opened = match connection.take() {
        Some(opened) => opened,
        None => place.checkpointer()?,
    };
    checkpoint(connection.insert(opened))
}

/// Copies what it can without waiting for anybody; returns how many pages of the log are in the file.
fn checkpoint(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (is_busy, copied): (bool, i64) = (row.get(0)?, row.get(2)?);
        Ok((!is_busy).then_some(copied))
    })
}
