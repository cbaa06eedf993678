//! The right to deliver: one live process has it, by the lock of a file beside the store.
//!
//! What belongs here: that lock, which the system takes back when the process dies, however it
//! dies. What doesn't: leases, which keep workers apart whether or not they have the right.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::files::private;

/// The right to deliver from one store, taken at most once.
pub(super) struct DeliveryLock {
    path: PathBuf,
    lock: Mutex<Option<File>>,
}

impl DeliveryLock {
    /// Returns the lock, not taken yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, lock: Mutex::new(None) }
    }

    /// Takes it, and keeps it until given up; `false` if another has it.
    pub(super) fn take(&self) -> std::io::Result<bool> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            return Ok(true);
        }
        let file = private().create(true).truncate(false).open(&self.path)?;
        match file.try_lock() {
            Ok(()) => {
                *lock = Some(file);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Does something to the file while it is held.
    pub(super) fn with_file<T>(&self, work: impl FnOnce(&File) -> T) -> Option<T> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.as_ref().map(work)
    }

    pub(super) fn give_up(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
