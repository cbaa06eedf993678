//! Backups: a consistent copy of the store, made beside a relay at work.
//!
//! What belongs here: making the copy and giving it a name. What doesn't: what makes a file a fit
//! store (`contents`), and the way back (`restore`). None of it is part of the store's contract: a
//! database server has tools of its own for this.
//!
//! The copy is a `VACUUM INTO` on a connection that only reads. It is one read transaction, so it
//! shows the store of one moment, takes as long as the store is long and never makes a writer
//! wait. SQLite's backup API in steps begins again after every write of another process, so
//! beside a busy relay it may never end. A vacuum also leaves out free pages, which may hold
//! personal data that was pruned. The price: while it reads, the log beside the store only grows.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode};

use crate::domain::Time;

use super::backup_manifest::{self, BackupManifest, InvalidBackup};
use super::connection::{DatabasePath, PATIENCE};
use super::files::{self, COMPANIONS, FileError, Unfinished};

/// A reason for there being no backup. Nothing is left behind, and the files from before are untouched.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "there is no store {}; check store.url, which is relative to the working directory",
        .0.display()
    )]
    NoStore(PathBuf),
    #[error("{} is a file of the store itself; give another name", .0.display())]
    IsTheStore(PathBuf),
    #[error("{} exists already; give another name, or --force to replace it", .0.display())]
    Exists(PathBuf),
    #[error("{} is there and is no ordinary file; give another name", .0.display())]
    NotAFile(PathBuf),
    /// SQLite would read the file that is there as a part of the copy.
    #[error(
        "{} is left there from another SQLite file; give another name, or remove it if it is of \
         no use",
        .0.display()
    )]
    Beside(PathBuf),
    #[error("there is no folder {}; make it first", .0.display())]
    NoFolder(PathBuf),
    #[error("the disk of {} is full; nothing was left there", .0.display())]
    DiskFull(PathBuf),
    #[error("can't copy {} to {}", from.display(), to.display())]
    Copy {
        from: PathBuf,
        to: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The copy can't be run on; neither can the store, most likely.
    #[error("the copy of {} is of no use", store.display())]
    Unfit {
        store: PathBuf,
        #[source]
        source: InvalidBackup,
    },
    #[error(
        "{} can't be backed up: {difference}, and `referral-relay restore` would refuse the copy; \
         stop the relay, undo that change to the store, and back it up again",
        store.display()
    )]
    Foreign { store: PathBuf, difference: String },
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Copies the store into a file at `target` and returns the copy's content.
///
/// Everything that was acknowledged before the call is in it. The file appears under its name
/// only when it is whole, checked and on the disk; with `replace` it takes the place of one that
/// is there. Dropping the future gives it up and leaves nothing behind.
pub async fn back_up(
    store: &Path,
    target: &Path,
    replace: bool,
    now: Time,
) -> Result<BackupManifest, BackupError> {
    let followed = files::followed(store);
    let is_store = |suffix| files::same(target, &files::with(&followed, suffix));
    if COMPANIONS.into_iter().chain(["", "-shm", ".lock"]).any(is_store) {
        return Err(BackupError::IsTheStore(target.to_owned()));
    }
    let folder = files::folder(target);
    if !folder.is_dir() {
        return Err(BackupError::NoFolder(folder.to_owned()));
    }
    let mut companions = COMPANIONS.into_iter().map(|suffix| files::with(target, suffix));
    if let Some(companion) = companions.find(|path| path.exists()) {
        return Err(BackupError::Beside(companion));
    }
    let refuse_taken = || match fs::symlink_metadata(target) {
        Ok(there) if !there.is_file() => Err(BackupError::NotAFile(target.to_owned())),
        Ok(_) if !replace => Err(BackupError::Exists(target.to_owned())),
        _ => Ok(()),
    };
    refuse_taken()?;
    let (unfinished, contents) = copy(store, target, now).await?;
    // Again, because the copy may have taken long.
    refuse_taken()?;
    unfinished.publish(target)?;
    Ok(contents)
}

/// Copies the store into a file without a name, and returns its content. The copy is made beside
/// the store; one that a kill left unfinished is removed later, by `tidy`.
pub async fn snapshot(store: &Path, now: Time) -> Result<(File, BackupManifest), BackupError> {
    let (unfinished, contents) = copy(store, store, now).await?;
    let path = unfinished.path();
    let file = File::open(path).map_err(FileError::when("read", path))?;
    Ok((file, contents))
}

/// Returns a checked copy beside `target`, not yet synced.
async fn copy(
    store: &Path,
    target: &Path,
    now: Time,
) -> Result<(Unfinished, BackupManifest), BackupError> {
    if !store.exists() {
        return Err(BackupError::NoStore(store.to_owned()));
    }
    // It belongs to this future, so that it goes with it.
    let unfinished = Unfinished::beside(target, now)?;
    let (from, to) = (store.to_owned(), unfinished.path().to_owned());
    let copying = tokio::task::spawn_blocking(move || {
        vacuum(&from, &to).map_err(|error| refused(&from, &to, error))?;
        let looked = backup_manifest::read(&to);
        let looked =
            looked.and_then(|contents| backup_manifest::read_values(&to).map(|()| contents));
        looked.map_err(|unfit| match unfit {
            InvalidBackup::Foreign(difference) => BackupError::Foreign { store: from, difference },
            source => BackupError::Unfit { store: from, source },
        })
    });
    let contents = copying.await.unwrap_or_else(|error| {
        let (from, to) = (store.to_owned(), unfinished.path().to_owned());
        Err(BackupError::Copy { from, to, source: Box::new(error) })
    })?;
    Ok((unfinished, contents))
}

fn vacuum(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let connection: Connection = DatabasePath::new(from, PATIENCE).reader()?;
    // The copy is synced as a whole before it gets its name.
    connection.pragma_update(None, "synchronous", "OFF")?;
    // Not every path is Unicode, and SQLite doesn't ask for it.
    let to = ToSqlOutput::Borrowed(ValueRef::Text(to.as_os_str().as_bytes()));
    connection.execute("VACUUM INTO ?1", [to])?;
    Ok(())
}

fn refused(from: &Path, to: &Path, error: rusqlite::Error) -> BackupError {
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return BackupError::DiskFull(files::folder(to).to_owned());
    }
    BackupError::Copy { from: from.to_owned(), to: to.to_owned(), source: Box::new(error) }
}
