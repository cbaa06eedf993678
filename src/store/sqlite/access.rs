//! Access: advice when the system refuses the store's file.
//!
//! What belongs here: words for the operator. What doesn't: opening the file
//! (`connection`). SQLite says only "unable to open", so the system is asked once more.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

use rusqlite::ErrorCode;

use super::fault::Fault;
use super::files::{folder, private, with};

/// Returns the error with the place and the fix.
pub(super) fn explain(path: &Path, error: io::Error) -> io::Error {
    let there = if path.exists() { path } else { folder(path) };
    let kind = error.kind();
    let fix = match kind {
        io::ErrorKind::PermissionDenied => match fs::metadata(there) {
            Ok(about) => format!(
                "it belongs to user {}, mode {:o}; give it to the user that the relay runs as \
                 (65532 in the image)",
                about.uid(),
                about.mode() & 0o7777
            ),
            Err(_) => "give its folder to the user that the relay runs as".to_owned(),
        },
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only; mount it for \
             writing, or set store.url to another place"
            .to_owned(),
        _ => return error,
    };
    io::Error::new(kind, format!("{}: {error}; {fix}", there.display()))
}

/// Returns the reason why SQLite can't open the file, if the system says more than SQLite does. Only for a file
/// that this process hasn't open.
pub(super) fn refusal(path: &Path, fault: &Fault) -> Option<io::Error> {
    let Fault::Sql(error) = fault else { return None };
    let code = error.sqlite_error_code()?;
    if !matches!(code, ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) {
        return None;
    }
    // SQLite needs the file and, for the log, the folder.
    let probe = with(path, ".probe");
    let refused = fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|_file| private().create_new(true).open(&probe))
        .and_then(|_file| fs::remove_file(&probe));
    refused.err().map(|error| explain(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_place_and_the_fix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.db");
        let message = |kind: io::ErrorKind| explain(&path, kind.into()).to_string();
        let denied = message(io::ErrorKind::PermissionDenied);
        assert!(denied.contains(folder.path().to_str().unwrap()), "{denied}");
        assert!(denied.contains("belongs to user") && denied.contains("65532"), "{denied}");
        assert!(message(io::ErrorKind::ReadOnlyFilesystem).contains("mount it for writing"));
        assert_eq!(
            message(io::ErrorKind::StorageFull),
            io::Error::from(io::ErrorKind::StorageFull).to_string()
        );
    }
}
