//! Folders and files that are made before there is a store, removed again if none comes of it.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders or a file that are made for a store. Dropping this removes them, if there is no store.
pub(super) struct Made<'a> {
    store: &'a Path,
    paths: Vec<PathBuf>,
}

impl<'a> Made<'a> {
    /// Returns the folders that are missing, the inmost first.
    pub(super) fn folders(folder: &Path, store: &'a Path) -> Self {
        let missing = folder.ancestors().take_while(|it| fs::symlink_metadata(it).is_err());
        let paths = missing.filter(|it| !it.as_os_str().is_empty()).map(Path::to_owned);
        Self { store, paths: paths.collect() }
    }

    /// Returns the file, if it is missing.
    pub(super) fn file(path: &Path, store: &'a Path) -> Self {
        let is_missing = fs::symlink_metadata(path).is_err();
        let paths = is_missing.then(|| path.to_owned());
        Self { store, paths: paths.into_iter().collect() }
    }

    /// Leaves it where it is: another process has made it.
    pub(super) fn is_of_another(&mut self) {
        self.paths.clear();
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if fs::symlink_metadata(self.store).is_ok() {
            return;
        }
        for path in &self.paths {
            // It may not have been made, or hold what another has put there: then it stays.
            let _gone = fs::remove_dir(path).or_else(|_| fs::remove_file(path));
        }
    }
}
