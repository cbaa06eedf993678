//! Connections: how the file is opened, and in which mode each connection works.
//!
//! What belongs here: paths, flags and pragmas. What doesn't: who uses a connection (`writer`,
//! `readers`) and for what. The file is never opened by other means than SQLite once it exists:
//! closing any other handle of it would drop the locks that SQLite holds on it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, ffi};

use super::files::{folder, followed, make_folder, private, with};

/// The store's file and how patiently it is waited for.
#[derive(Clone, Debug)]
pub(super) struct DatabasePath {
    path: PathBuf,
    busy_timeout: Duration,
    #[cfg(test)]
    watch: Option<super::tests::watch::Watch>,
}

/// The longest wait of a command for another process that keeps the store busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Tries to make a new file a WAL file, and the pause between them.
const SWITCHES: u32 = 100;
const SWITCH_PAUSE: Duration = Duration::from_millis(10);

/// Statements kept prepared for each connection; the store has fewer than this.
const STATEMENTS: usize = 128;

impl DatabasePath {
    /// Returns the file at `path`; another process's write is waited for as long as `busy_timeout`.
    /// Of a symbolic link it is the file that the link leads to, because SQLite keeps the log
    /// beside that one, and its lock is one by whatever name it is opened.
    pub(super) fn new(path: &Path, busy_timeout: Duration) -> Self {
        Self {
            path: followed(path),
            busy_timeout,
            #[cfg(test)]
            watch: None,
        }
    }

    /// Makes the folder and an empty file that only its owner can read, unless they exist. It
    /// will hold personal data.
    pub(super) fn make(&self) -> std::io::Result<()> {
        make_folder(folder(&self.path))?;
        match private().create_new(true).open(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Returns the file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file whose lock means the right to deliver.
    pub(super) fn lock_file(&self) -> PathBuf {
        with(&self.path, ".lock")
    }

    /// Returns the paths of its log, and of the log's index, which processes share.
    pub(super) fn log_files(&self) -> [PathBuf; 2] {
        ["-wal", "-shm"].map(|suffix| with(&self.path, suffix))
    }

    /// Opens the connection that writes. A file that is gone isn't made again: an empty store in
    /// its place would hide the loss.
    pub(super) fn writer(&self) -> rusqlite::Result<Connection> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // What turns out to be damaged is left as it is.
        keep_as_it_is(&connection, true)?;
        // Counts for a new file only. Pages of half the size write a tenth less, and more of them.
        connection.pragma_update(None, "page_size", 4096)?;
        use_wal(&connection)?;
        // In WAL mode anything less may lose the last commits when the power fails.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 96 << 20)?;
        // Nothing finds what refers to a lane but a walk through all deliveries. Tests and the search for
        // damage check them instead.
        connection.pragma_update(None, "foreign_keys", false)?;
        overwrite(&connection, false)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // In KiB when negative: room for the inner pages of every index, not for the data.
        connection.pragma_update(None, "cache_size", -16 * 1024)?;
        keep_as_it_is(&connection, false)?;
        #[cfg(test)]
        let connection = self.watched(connection)?;
        Ok(connection)
    }

    /// Makes a connection that writes leave syncing to its caller; returns the log to sync, unless it doesn't sync
    /// at all.
    pub(super) fn log_to_sync(&self, connection: &Connection) -> rusqlite::Result<Option<File>> {
        let syncs: bool = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        if !syncs {
            return Ok(None);
        }
        // The file is still whole after any failure of power, because checkpoints and a log that begins anew
        // are synced.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let [path, _] = self.log_files();
        // Only to sync. SQLite holds no locks on this file, so that closing it drops none.
        let log = File::open(&path).map_err(|error| {
            let why = format!("{}: {error}", path.display());
            Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(why))
        })?;
        Ok(Some(log))
    }

    /// Opens a connection that brings the log into the file, and nothing else.
    pub(super) fn checkpointer(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        keep_as_it_is(&connection, true)?;
        Ok(connection)
    }

    /// Opens a connection that only reads.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        #[cfg(test)]
        let connection = self.watched(connection)?;
        Ok(connection)
    }

    /// Returns the same file, whose connections are watched.
    #[cfg(test)]
    pub(super) fn shown_to(self, watch: Option<super::tests::watch::Watch>) -> Self {
        Self { watch, ..self }
    }

    #[cfg(test)]
    fn watched(&self, mut connection: Connection) -> rusqlite::Result<Connection> {
        if let Some(watch) = &self.watch {
            watch.attach(&mut connection)?;
        }
        Ok(connection)
    }

    /// Opens the only connection there is, which brings the log into the file and ends it.
    pub(super) fn at_rest(&self) -> rusqlite::Result<Connection> {
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        Ok(connection)
    }

    fn open(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy_timeout)?;
        // Else SQLite prepares a statement anew each time its values might suggest another plan,
        // which takes longer than the statement; there is one good plan for each of ours.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // A connection that only reads writes copies with `VACUUM INTO`.
        overwrite(&connection, true)?;
        Ok(connection)
    }
}

/// Keeps the file and its log as they are when this connection is closed. Otherwise the last one to be closed
/// brings the log into the file.
pub(super) fn keep_as_it_is(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop)
}

/// Sets `secure_delete`, which every connection has: an older state of a person mustn't stay behind in
/// an unused place of a page. Where `pages` is false, a page that is freed as a whole isn't
/// overwritten; so the writer has it, for speed.
pub(super) fn overwrite(connection: &Connection, pages: bool) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", if pages { "ON" } else { "FAST" })
}

/// Switches the file to WAL mode. Waits, because SQLite doesn't when two connections switch a new
/// file at once. Changes nothing in a file with WAL.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut switched = connection.pragma_update(None, "journal_mode", "WAL");
    for _ in 0..SWITCHES {
        match &switched {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(SWITCH_PAUSE);
                switched = connection.pragma_update(None, "journal_mode", "WAL");
            }
            _ => break,
        }
    }
    switched
}
