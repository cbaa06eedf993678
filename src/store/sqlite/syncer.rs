//! The syncer: brings commits to the disk behind the writer, so that the next transaction doesn't wait for it.
//!
//! What belongs here: syncing the log, and answers after it. What doesn't: transactions (`writer`).
//!
//! The writer's commits are written and not synced (`synchronous=NORMAL`, which keeps the file whole whenever
//! the power fails). One sync brings all commits so far to the disk. Later transactions see those before
//! them at once. They are behind them in the log, so none of them outlives one that it has seen.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::{Connection, Error, ffi};
use tokio::runtime::Handle;

use crate::store::Writing;

use super::fault::Shared;
use super::writer::{Activity, Job};

/// A transaction that has ended.
pub(super) struct Commit {
    /// Its jobs, which wait for their answers.
    pub(super) jobs: Vec<Box<dyn Job>>,
    /// Its outcome before the sync.
    pub(super) outcome: Result<(), Shared>,
    /// The log, if the transaction has written into it and it is synced.
    pub(super) log: Option<Arc<File>>,
    /// True if everything before it is in the file, see [`Syncer::repair`].
    pub(super) is_repaired: bool,
}

/// A thread that syncs the log and answers. Ends when it is dropped, after everything that waits.
pub(super) struct Syncer {
    line: Option<mpsc::Sender<Commit>>,
    has_failed: Arc<AtomicBool>,
    activity: Arc<Activity>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Starts the thread. Must be called from a runtime, which runs those who wait.
    pub(super) fn start(
        sync: impl Fn(&File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (line, waiting) = mpsc::channel::<Commit>();
        let has_failed = Arc::<AtomicBool>::default();
        let activity = Arc::<Activity>::default();
        let (failing, shown, runtime) =
            (Arc::clone(&has_failed), Arc::clone(&activity), Handle::current());
        let run = move || {
            let mut failure = None;
            while let Ok(first) = waiting.recv() {
                shown.set(Writing::Since(Instant::now()));
                let mut commits = vec![first];
                commits.extend(waiting.try_iter());
                sync_all(&mut commits, &sync, &mut failure);
                failing.fetch_or(failure.is_some(), Ordering::Relaxed);
                // From a task of the runtime, because each answer from a thread outside it wakes a thread.
                runtime.spawn(async move {
                    for Commit { jobs, outcome, .. } in commits {
                        jobs.into_iter().for_each(|job| job.answer(outcome.clone()));
                    }
                });
                shown.set(Writing::Idle);
            }
        };
        let thread = std::thread::Builder::new().name("store-sync".to_owned()).spawn(run)?;
        Ok(Self { line: Some(line), has_failed, activity, thread: Some(thread) })
    }

    /// Answers the jobs of a transaction once it is on the disk.
    pub(super) fn answer(&self, commit: Commit) {
        let line = self.line.as_ref().expect("it is there until the syncer is dropped");
        // Its thread ends with this value, and panics only with the process's own faults. Then jobs that are
        // dropped unanswered answer for themselves.
        let _ = line.send(commit);
    }

    /// Returns what the thread shows of itself.
    pub(super) fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }

    /// Brings the whole log into the file if a sync has failed; true if one had. What a failed sync was to
    /// bring to the disk is not there, although the next one succeeds.
    ///
    /// # Errors
    /// The log can't be brought into the file. Nothing must be written behind it.
    pub(super) fn repair(&self, connection: &Connection) -> rusqlite::Result<bool> {
        if !self.has_failed.load(Ordering::Relaxed) {
            return Ok(false);
        }
        if !checkpoint(connection)? {
            return Err(failed("a sync failed, and the log is read".to_owned()));
        }
        self.has_failed.store(false, Ordering::Relaxed);
        Ok(true)
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        drop(self.line.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is in the log by its hook. Nothing depends on its result.
            let _ = thread.join();
        }
    }
}

/// Syncs the log for all transactions at once. After a failure none is answered as done until the log was
/// repaired.
fn sync_all(
    commits: &mut [Commit],
    sync: impl Fn(&File) -> io::Result<()>,
    failure: &mut Option<Shared>,
) {
    let mut synced: Option<Arc<File>> = None;
    for Commit { outcome, log, is_repaired, .. } in commits {
        if *is_repaired {
            *failure = None;
        }
        // One sync brings everything that is written by then, the transactions behind this one included.
        if let Some(log) = log.take()
            && failure.is_none()
            && synced.as_ref().is_none_or(|done| !Arc::ptr_eq(done, &log))
        {
            let why = sync(&log).err();
            *failure = why.map(|why| Shared(Arc::new(failed(why.to_string()))));
            synced = Some(log);
        }
        if let (Ok(()), Some(failure)) = (&outcome, &*failure) {
            *outcome = Err(failure.clone());
        }
    }
}

/// Moves the whole log into the file, on the disk; false if a connection reads from it.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| {
        let (is_busy, pages, copied): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!is_busy && pages == copied)
    })
}

fn failed(why: String) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), Some(why))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tempfile::tempfile;

    use super::*;

    /// A job that notes if it was done.
    struct Noted(Arc<Mutex<Vec<(u32, bool)>>>, u32);

    impl Job for Noted {
        fn run(&mut self, _connection: &mut Connection) -> bool {
            true
        }

        fn answer(self: Box<Self>, transaction: Result<(), Shared>) {
            self.0.lock().unwrap().push((self.1, transaction.is_ok()));
        }
    }

    fn commit(log: Option<&Arc<File>>, is_repaired: bool) -> Commit {
        Commit { jobs: Vec::new(), outcome: Ok(()), log: log.cloned(), is_repaired }
    }

    fn outcomes(commits: &[Commit]) -> Vec<bool> {
        commits.iter().map(|commit| commit.outcome.is_ok()).collect()
    }

    #[test]
    fn one_sync_serves_all_that_wait() {
        let log = Arc::new(tempfile().unwrap());
        let mut syncs = 0;
        let mut commits =
            [commit(Some(&log), false), commit(None, false), commit(Some(&log), false)];
        let counted = Mutex::new(&mut syncs);
        let sync = |_: &File| {
            **counted.lock().unwrap() += 1;
            Ok(())
        };
        sync_all(&mut commits, sync, &mut None);
        assert_eq!(outcomes(&commits), [true; 3]);
        assert_eq!(syncs, 1);
    }

    #[test]
    fn nothing_behind_a_failed_sync_is_done_before_the_log_is_repaired() {
        let log = Arc::new(tempfile().unwrap());
        let mut failure = None;
        let mut commits = [commit(None, false), commit(Some(&log), false)];
        sync_all(&mut commits, |_| Err(io::Error::other("no disk")), &mut failure);
        assert_eq!(outcomes(&commits), [true, false]);
        // A disk that takes syncs again doesn't bring what it has lost.
        let mut commits =
            [commit(Some(&log), false), commit(None, false), commit(Some(&log), true)];
        sync_all(&mut commits, |_| Ok(()), &mut failure);
        assert_eq!(outcomes(&commits), [false, false, true]);
        assert!(failure.is_none());
    }

    #[tokio::test]
    async fn a_failed_sync_is_repaired_once_by_bringing_the_log_into_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("file")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE it (x)").unwrap();
        let log = Arc::new(File::open(folder.path().join("file-wal")).unwrap());
        let answered = Arc::<Mutex<Vec<_>>>::default();
        let job =
            |number| -> Vec<Box<dyn Job>> { vec![Box::new(Noted(Arc::clone(&answered), number))] };
        let syncer = Syncer::start(|_: &File| Err(io::Error::other("no disk"))).unwrap();
        assert!(!syncer.repair(&connection).unwrap());
        syncer.answer(Commit { jobs: job(1), ..commit(Some(&log), false) });
        while answered.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(syncer.repair(&connection).unwrap());
        assert!(!syncer.repair(&connection).unwrap());
        syncer.answer(Commit { jobs: job(2), ..commit(None, true) });
        drop(syncer);
        while answered.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*answered.lock().unwrap(), [(1, false), (2, true)]);
    }
}
