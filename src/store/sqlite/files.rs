//! Files in the making, and files that must survive a crash.
//!
//! What belongs here: names, syncs and renames. What doesn't: what is in a file.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::domain::Time;

/// Files that SQLite may put beside a file and read as part of it: the log, and the journal.
pub(super) const COMPANIONS: [&str; 2] = ["-wal", "-journal"];

/// The age of an unfinished file that a killed process has left.
const STALE: Duration = Duration::from_secs(3_600);

/// A file that can't be read or written where it has to be.
#[derive(Debug, thiserror::Error)]
#[error("can't {doing} {}", path.display())]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    /// Makes an error of what failed: `.map_err(FileError::when("read", path))`.
    pub(super) fn when(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source }
    }
}

/// Returns the path with more behind its name.
pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the file that a symbolic link leads to; any other path as it is.
pub(super) fn followed(path: &Path) -> PathBuf {
    let led_to = if path.is_symlink() { path.canonicalize().ok() } else { None };
    led_to.unwrap_or_else(|| path.to_owned())
}

pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// True if two paths lead to the same file, which need not be there yet.
pub(super) fn same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| {
        path.canonicalize().or_else(|_| {
            let folder = folder(path).canonicalize()?;
            Ok::<_, io::Error>(folder.join(path.file_name().unwrap_or_default()))
        })
    };
    matches!((whole(one), whole(other)), (Ok(one), Ok(other)) if one == other)
}

/// Returns the damage to a SQLite file whose end is missing, if nothing lies beside it that may have
/// the end. SQLite reads a page that is there in part as if zeros followed.
pub(super) fn cut_off(path: &Path) -> Option<String> {
    let mut head = [0; 100];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    let number = |at: usize| Some(u32::from_be_bytes(*head.get(at..)?.first_chunk()?));
    // As SQLite: the number of pages counts only if the version that wrote last wrote it too.
    if !head.starts_with(b"SQLite format 3\0") || number(24) != number(92) {
        return None;
    }
    let page = u64::from(u16::from_be_bytes([head[16], head[17]]));
    let expected = u64::from(number(28)?) * if page == 1 { 65_536 } else { page };
    // In this order: a log is emptied only when all of it is in the file.
    let length = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    if COMPANIONS.into_iter().any(|suffix| length(&with(path, suffix)) > 0) {
        return None;
    }
    let found = length(path);
    (found < expected).then(|| format!("it has {found} bytes and should have {expected}"))
}

/// Makes a folder that only its owner can enter, and those it is in, unless they exist.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Waits until what was written to a file, or which files a folder holds, is on the disk.
pub(super) fn sync(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(FileError::when("sync", path))
}

/// Returns options that open a file with personal data, which only its owner may read. Never through a
/// symbolic link: an operator may work as root in a folder where the relay's user can put one.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

/// A file in the making, beside the one that it will become. Dropping it removes it.
pub(super) struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    /// Returns an empty one that only its owner can read. Removes those that killed processes have
    /// left.
    pub(super) fn beside(target: &Path, now: Time) -> Result<Self, FileError> {
        let mut number = 0;
        loop {
            number += 1;
            let path = unfinished(target, number);
            if is_stale(&path, now) {
                remove(&path);
            }
            match private().create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(FileError::when("make", &path)(error)),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file itself, whatever may be at the path by now.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Puts it on the disk under its final name, in place of what may be there.
    pub(super) fn publish(self, target: &Path) -> Result<(), FileError> {
        self.file.sync_all().map_err(FileError::when("sync", &self.path))?;
        let identity = |about: fs::Metadata| (about.dev(), about.ino());
        let there = fs::symlink_metadata(&self.path).map(identity).ok();
        if there.is_none() || there != self.file.metadata().map(identity).ok() {
            let foreign = io::Error::other("another file is in its place");
            return Err(FileError::when("go on with", &self.path)(foreign));
        }
        fs::rename(&self.path, target).map_err(FileError::when("make", target))?;
        sync(folder(target))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes what killed processes have left beside `target`: copies with personal data.
pub(super) fn tidy(target: &Path, now: Time) {
    for number in 1.. {
        let path = unfinished(target, number);
        if !path.exists() {
            return;
        }
        if is_stale(&path, now) {
            remove(&path);
        }
    }
}

fn unfinished(target: &Path, number: u32) -> PathBuf {
    with(target, &format!(".unfinished-{number}"))
}

fn remove(path: &Path) {
    for suffix in COMPANIONS.into_iter().chain(["-shm", ""]) {
        // It may never have been there, or have its final name by now.
        let _gone = fs::remove_file(with(path, suffix));
    }
}

fn is_stale(path: &Path, now: Time) -> bool {
    let written = fs::metadata(path).and_then(|about| about.modified());
    let since_epoch = written.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let micros = since_epoch.and_then(|at| i64::try_from(at.as_micros()).ok());
    micros.is_some_and(|micros| now.since(Time::from_micros(micros)) > STALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_killed_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup.db");
        let path = |number: u32| unfinished(&target, number);
        for number in 1..=3 {
            fs::write(path(number), "").unwrap();
            fs::write(with(&path(number), "-journal"), "").unwrap();
        }
        let now = Time::from_seconds(2_000_000_000);
        let written = |number, ago| {
            let at = UNIX_EPOCH + Duration::from_secs(2_000_000_000) - ago;
            File::options().write(true).open(path(number)).unwrap().set_modified(at).unwrap();
        };
        written(1, STALE / 2);
        written(2, STALE * 2);
        written(3, STALE * 2);
        let unfinished = Unfinished::beside(&target, now).unwrap();
        assert_eq!(unfinished.path(), path(2));
        assert!(path(1).exists(), "another process may still write it");
        assert!(!with(&path(2), "-journal").exists());
        drop(unfinished);
        assert!(!path(2).exists());
    }
}
