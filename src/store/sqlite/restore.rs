//! Restoring: a backup takes the place of the store.
//!
//! What belongs here: the order of the steps. What doesn't: making backups (`backup`), and what
//! makes a file a fit store (`contents`). After each step a crash leaves a whole store under the
//! store's name, the old one or the new: the backup is copied and checked under another name, the
//! old store gets a second name, and then one rename replaces it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::domain::Time;

use super::backup_manifest::{self, BackupManifest, InvalidBackup};
use super::connection::DatabasePath;
use super::delivery_lock::DeliveryLock;
use super::files::{self, COMPANIONS, FileError, Unfinished};
use super::made::Made;
use super::options::Options;
use super::quarantine::{self, Why};

/// The origin of a backup.
pub enum Source<'a> {
    /// A file, with its log, if one lies beside it.
    File(&'a Path),
    /// Bytes as they come.
    Stream(&'a mut dyn Read),
}

/// The result of a restore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// The contents of the store now.
    pub contents: BackupManifest,
    /// The name that the store before has now, if there was one.
    pub set_aside: Option<PathBuf>,
}

/// A reason for nothing being restored. The store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{} is the store itself; a backup is another file", .0.display())]
    IsTheStore(PathBuf),
    #[error("a relay runs on {}; stop it first", .0.display())]
    Running(PathBuf),
    #[error("another process has {} open; let it end first", .0.display())]
    Busy(PathBuf),
    #[error("{backup} can't be restored")]
    Unfit {
        backup: String,
        #[source]
        source: InvalidBackup,
    },
    #[error(
        "{backup} can't be restored: {difference}; a store has nothing but what referral-relay makes, \
         so take a backup that `referral-relay backup` made"
    )]
    Foreign { backup: String, difference: String },
    /// The user of the relay could have led it to another user's file.
    #[error("{} is a symbolic link; let store.url name the file that it leads to", .0.display())]
    IsALink(PathBuf),
    #[error("can't set {} aside", store.display())]
    SetAside {
        store: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Puts a backup in the place of the store at `store`, or where a store will be.
///
/// The backup isn't touched. Everything it holds comes with it, also the store's secret, the
/// availability clock and the workspace. The old store is kept under another name with
/// the present time. The relay is started on the copy first, with `options`, as `serve` would be;
/// so a backup of an older version is migrated.
pub fn restore(
    backup: Source<'_>,
    store: &Path,
    options: &Options,
) -> Result<Restored, RestoreError> {
    let name = match &backup {
        Source::File(path) if files::same(path, store) => {
            return Err(RestoreError::IsTheStore(store.to_owned()));
        }
        Source::File(path) => path.display().to_string(),
        Source::Stream(_) => "standard input".to_owned(),
    };
    if store.is_symlink() {
        return Err(RestoreError::IsALink(store.to_owned()));
    }
    let folder = files::folder(store);
    let _folders = Made::folders(folder, store);
    files::make_folder(folder).map_err(FileError::when("make the folder", folder))?;
    // Until the end, no relay that starts may take the store for its own.
    let lock = DatabasePath::new(store, PATIENCE).lock_file();
    let right = DeliveryLock::new(lock.clone());
    let mut made = Made::file(&lock, store);
    if !right.take().map_err(FileError::when("lock", &lock))? {
        made.is_of_another();
        return Err(RestoreError::Running(store.to_owned()));
    }
    right.with_file(|file| hand_over(file, store)).unwrap_or(Ok(()))?;
    let unfinished = Unfinished::beside(store, options.now)?;
    copy(backup, &unfinished)?;
    let path = unfinished.path();
    let looked = backup_manifest::rest(path).and_then(|()| backup_manifest::read(path));
    let looked =
        looked.and_then(|contents| backup_manifest::try_out(path, options).map(|()| contents));
    let contents = looked.map_err(|unfit| match unfit {
        InvalidBackup::Foreign(difference) => RestoreError::Foreign { backup: name, difference },
        source => RestoreError::Unfit { backup: name, source },
    })?;
    hand_over(unfinished.file(), store)?;
    unfinished.file().sync_all().map_err(FileError::when("sync", path))?;
    let (hold, set_aside) = set_aside(store, options.now)?;
    unfinished.publish(store)?;
    drop(hold);
    Ok(Restored { contents, set_aside })
}

/// Gives a file to the relay's user, who may be another than the caller's: the owner of the store, or of
/// its folder if there is no store. The open file and not its name,
/// which the owner of the folder may have given to another file by now.
fn hand_over(file: &File, store: &Path) -> Result<(), FileError> {
    let owner = |path| fs::metadata(path).map(|about| (about.uid(), about.gid()));
    let (of_store, of_folder) = (owner(store), owner(files::folder(store)));
    let must = of_store.is_ok();
    match (file.metadata(), of_store.or(of_folder)) {
        (Ok(own), Ok((uid, gid))) if own.uid() != uid => {
            let given = fchown(file, Some(uid), Some(gid));
            if must { given.map_err(FileError::when("keep the owner of", store)) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

/// The longest wait for another process that keeps the store busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// The first bytes of every SQLite file.
const HEAD: &[u8; 16] = b"SQLite format 3\0";

fn copy(backup: Source<'_>, to: &Unfinished) -> Result<(), FileError> {
    let path = match backup {
        Source::Stream(stream) => {
            return fill(stream, Path::new("standard input"), to.file(), to.path());
        }
        Source::File(path) => path,
    };
    let mut from = File::open(path).map_err(FileError::when("read", path))?;
    fill(&mut from, path, to.file(), to.path())?;
    for suffix in COMPANIONS {
        let (from, to) = (files::with(path, suffix), files::with(to.path(), suffix));
        match File::open(&from) {
            Ok(mut file) => {
                let made = files::private().create_new(true).open(&to);
                fill(&mut file, &from, &made.map_err(FileError::when("make", &to))?, &to)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FileError::when("read", &from)(error)),
        }
    }
    Ok(())
}

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// Copies all of a file. Distinguishes a failure to read it from one to write the copy.
fn fill<R: Read + ?Sized>(
    from: &mut R,
    from_path: &Path,
    mut to: &File,
    path: &Path,
) -> Result<(), FileError> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(FileError::when("read", from_path)(error)),
        };
        let written = to.write_all(&piece[..read]);
        written.map_err(FileError::when("copy the backup to", path))?;
    }
}

/// Gives the store that is there another name, too. Where the connection that comes back is open,
/// nobody else can open the store.
fn set_aside(
    store: &Path,
    now: Time,
) -> Result<(Option<Connection>, Option<PathBuf>), RestoreError> {
    let hold = if store.exists() { fold(store)? } else { None };
    let aside = quarantine::set_aside(store, Why::Replaced, now)?;
    Ok((hold, aside))
}

/// Brings the log of the store into its file and locks it; `None` if it is too damaged for that.
fn fold(store: &Path) -> Result<Option<Connection>, RestoreError> {
    let mut head = [0; HEAD.len()];
    let read = File::open(store).and_then(|mut file| file.read_exact(&mut head));
    if read.is_err() || &head != HEAD {
        // SQLite would take it for a new file and throw the log away.
        return Ok(None);
    }
    let fold = || {
        let connection = DatabasePath::new(store, PATIENCE).at_rest()?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(connection)
    };
    fold().map_or_else(
        |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => Err(RestoreError::Busy(store.to_owned())),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(None),
            _ => {
                let store = store.to_owned();
                Err(RestoreError::SetAside { store, source: Box::new(error) })
            }
        },
        |connection| Ok(Some(connection)),
    )
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const NOW: Time = Time::from_seconds(1_800_000_000);

    /// Returns a store that holds one number, in a log that was never folded.
    fn store(folder: &TempDir, number: i64) -> PathBuf {
        let (path, from) = (folder.path().join("relay.db"), folder.path().join("origin.db"));
        let connection = Connection::open(&from).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE it (number INTEGER)").unwrap();
        connection.execute("INSERT INTO it VALUES (?1)", [number]).unwrap();
        fs::copy(&from, &path).unwrap();
        fs::copy(files::with(&from, "-wal"), files::with(&path, "-wal")).unwrap();
        path
    }

    fn number(path: &Path) -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.query_row("SELECT number FROM it", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_crash_before_the_new_store_has_its_name_leaves_the_old_one_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(&folder, 7);
        let (hold, aside) = set_aside(&path, NOW).unwrap();
        let aside = aside.unwrap();
        assert!(aside.to_str().unwrap().ends_with("relay.db.replaced-20270115T080000000Z"));
        let refused = Connection::open(&path).unwrap().execute("INSERT INTO it VALUES (1)", []);
        assert!(refused.is_err(), "nobody can come in between");
        drop(hold);
        assert!(!files::with(&path, "-wal").exists(), "the log is in the file");
        assert_eq!((number(&path), number(&aside)), (7, 7));
    }

    #[test]
    fn a_store_that_cannot_be_read_is_set_aside_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(&folder, 7);
        let log = fs::read(files::with(&path, "-wal")).unwrap();
        for damage in ["", "not a database any more"] {
            fs::write(&path, damage).unwrap();
            fs::write(files::with(&path, "-wal"), &log).unwrap();
            fs::write(files::with(&path, "-shm"), "of the old store").unwrap();
            let now = Time::from_seconds(i64::try_from(damage.len()).unwrap());
            let (_, aside) = set_aside(&path, now).unwrap();
            let aside = aside.unwrap();
            assert_eq!(fs::read_to_string(&aside).unwrap(), damage);
            assert_eq!(fs::read(files::with(&aside, "-wal")).unwrap(), log);
            for suffix in ["-wal", "-shm"] {
                assert!(!files::with(&path, suffix).exists(), "{suffix} would be the new store's");
            }
        }
    }

    #[test]
    fn a_log_without_its_store_is_set_aside_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(&folder, 7);
        fs::remove_file(&path).unwrap();
        let (_, aside) = set_aside(&path, NOW).unwrap();
        assert!(files::with(&aside.unwrap(), "-wal").exists());
        assert!(!files::with(&path, "-wal").exists());
    }

    #[test]
    fn what_was_set_aside_before_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(&folder, 7);
        set_aside(&path, NOW).unwrap();
        assert!(matches!(set_aside(&path, NOW), Err(RestoreError::File(_))));
    }
}
