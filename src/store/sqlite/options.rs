//! What whoever opens the store decides.
//!
//! What belongs here: those values and the usual ones. What doesn't: pragmas, which nobody decides
//! (`connection`).

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::Time;

/// How a [`SqliteStore`](super::SqliteStore) is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The store's secret, if the store is new; an existing one keeps its own.
    pub seed: [u8; 32],
    /// The present time, noted with migrations.
    pub now: Time,
    /// How long another process's write is waited for.
    pub busy_timeout: Duration,
    /// How many readings may run at once.
    pub readers: u32,
    /// What tombstones are made with; by itself something made of the store's secret.
    pub tombstone_key: Option<SecretString>,
    /// Who is told of every statement.
    #[cfg(test)]
    pub(crate) watch: Option<super::watch::Watch>,
}

impl Options {
    /// The usual way.
    pub fn new(seed: [u8; 32], now: Time) -> Self {
        Self {
            seed,
            now,
            busy_timeout: Duration::from_secs(5),
            readers: 4,
            tombstone_key: None,
            #[cfg(test)]
            watch: None,
        }
    }
}
