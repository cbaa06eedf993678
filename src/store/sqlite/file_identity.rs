//! File identity: the file that is written to, or its log, is still the one at its path.
//!
//! What belongs here: that check alone. What doesn't: the consequences, which are the writer's. A system
//! lets a process write to a file that was moved, deleted or unmounted: every write succeeds, and the
//! next start finds nothing of it. So the writer checks
//! before each commit, and a webhook that would end in such a file isn't acknowledged.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file at a path, as it was when it was opened.
pub(super) struct FileIdentity {
    path: PathBuf,
    file: Identity,
}

impl FileIdentity {
    /// Returns the file that is at `path` now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: identity(&path.metadata()?) })
    }

    /// Fails, with what happened and the fix, unless the same file is still there.
    pub(super) fn confirm(&self) -> Result<(), String> {
        let path = self.path.display();
        match self.path.metadata() {
            Ok(found) if identity(&found) == self.file => Ok(()),
            Ok(_) => Err(format!(
                "another file is at {path} since the store was opened; put the former back, or \
                 restart the relay to work with the new one"
            )),
            Err(error) => Err(format!(
                "the store's file {path} was moved or deleted, or its volume is gone ({error}); \
                 put it back, and the relay goes on"
            )),
        }
    }
}

type Identity = (u64, u64);

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}
