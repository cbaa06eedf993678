//! Setting aside: the files of a store get another name, byte for byte.
//!
//! What belongs here: the names, and finding what has them. What doesn't: why a store is set aside
//! (`restore`, `damage`), and what takes its place.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::domain::{Labelled, Time};

use super::files::{self, COMPANIONS, FileError};

/// The reason for setting a store aside, as a part of its new name.
#[derive(Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Why {
    /// A backup took its place.
    Replaced,
    Damaged,
}

/// Gives the files of the store another name with the time `now`, and leaves nothing beside the old
/// name that SQLite would read as a part of the next store. The file itself may keep both names.
/// Returns the new name, if there was anything.
pub(super) fn set_aside(store: &Path, why: Why, now: Time) -> Result<Option<PathBuf>, FileError> {
    let here = |suffix: &&str| files::with(store, suffix).exists();
    let parts: Vec<&str> = COMPANIONS.into_iter().chain([""]).filter(here).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let at = now.to_string().replace(['-', ':', '.'], "");
    let aside = files::with(store, &format!(".{}-{at}", why.label()));
    for part in &parts {
        let (from, to) = (files::with(store, part), files::with(&aside, part));
        if to.exists() {
            let taken = io::Error::other("it is there already; try again");
            return Err(FileError::when("make", &to)(taken));
        }
        // Where the file system has no second names, a crash from here on leaves no store.
        fs::hard_link(&from, &to)
            .or_else(|_| fs::rename(&from, &to))
            .map_err(FileError::when("set aside", &from))?;
    }
    files::sync(files::folder(store))?;
    // Of a damaged store alone: SQLite would take its log for the new one's.
    for suffix in COMPANIONS.into_iter().chain(["-shm"]) {
        let path = files::with(store, suffix);
        if path.exists() {
            fs::remove_file(&path).map_err(FileError::when("remove", &path))?;
        }
    }
    Ok(Some(aside))
}

/// Returns the damaged stores that were set aside from `store` and are there still, oldest first.
pub fn damaged_aside(store: &Path) -> Vec<PathBuf> {
    let store = files::followed(store);
    let name = store.file_name().unwrap_or_default().to_string_lossy();
    let start = format!("{name}.{}-", Why::Damaged.label());
    let folder = files::folder(&store);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let time = name.strip_prefix(&start)?;
            let time = time.split('-').next().unwrap_or_default();
            Some(folder.join(format!("{start}{time}")))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}
