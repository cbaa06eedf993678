//! Options of opening a file.
//!
//! What belongs here: those values and the usual ones. What doesn't: pragmas, which nobody decides
//! (`connection`).

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::Time;

/// Options of opening a [`SqliteStore`](super::SqliteStore).
#[derive(Clone, Debug)]
pub struct Options {
    /// The store's secret, if the store is new; an existing one keeps its own.
    pub seed: [u8; 32],
    /// The present time, noted with migrations.
    pub now: Time,
    /// The longest wait for another process's write.
    pub busy_timeout: Duration,
    /// The key of tombstones; without one it is made of the store's secret.
    pub tombstone_key: Option<SecretString>,
    /// The watch over every statement.
    #[cfg(test)]
    pub(crate) watch: Option<super::tests::watch::Watch>,
}

impl Options {
    /// Returns the usual way.
    pub fn new(seed: [u8; 32], now: Time) -> Self {
        Self {
            seed,
            now,
            busy_timeout: Duration::from_secs(5),
            tombstone_key: None,
            #[cfg(test)]
            watch: None,
        }
    }
}
