//! Options of opening a store on a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Notify;

use crate::domain::{Random, Time};
use crate::options::{secret, whole};

use super::transaction::ClockSource;

/// Options of opening a [`PostgresStore`](super::PostgresStore).
#[derive(Clone)]
pub struct ServerOptions {
    /// The store's secret, if the store is new; an existing one keeps its own.
    pub seed: [u8; 32],
    /// The present time, noted with migrations.
    pub now: Time,
    /// The key of tombstones; without one it is made of the store's secret.
    pub tombstone_key: Option<SecretString>,
    pub connection: ConnectionOptions,
    /// Notified when another relay has queued work.
    pub notify: Arc<Notify>,
    /// Keeps those apart who are in each other's way.
    pub random: Arc<dyn Random>,
    /// The clock that leases go by.
    pub(super) ruling: ClockSource,
}

impl ServerOptions {
    /// Returns the usual way.
    pub fn new(seed: [u8; 32], now: Time, notify: Arc<Notify>, random: Arc<dyn Random>) -> Self {
        Self {
            seed,
            now,
            tombstone_key: None,
            connection: ConnectionOptions::default(),
            notify,
            random,
            ruling: ClockSource::Server,
        }
    }
}

/// Options of connections to a Postgres server, from the settings.
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionOptions {
    /// The password, if it isn't in the URL.
    #[serde(deserialize_with = "secret::secret")]
    pub password: Option<SecretString>,
    /// The greatest number of connections, without the one that stays for wake-ups.
    #[serde(deserialize_with = "whole::<_, _, 2, 1_000>")]
    pub connections: usize,
    /// The time that each server may take for a connection, and to begin a transaction.
    pub connect_timeout: Duration,
    /// The time that the server may take for a statement.
    pub statement_timeout: Duration,
    /// The same where a webhook waits for its answer.
    pub accept_timeout: Duration,
    /// The time that a relay may stand still amid a transaction before the server undoes it.
    pub idle_timeout: Duration,
    /// True if a connection stays for wake-ups, which a pooler of transactions can't give.
    pub notify: bool,
    /// Certificates of the authorities that are trusted instead of the system's.
    pub tls_ca_file: Option<PathBuf>,
}

impl Default for ConnectionOptions {
    /// Returns the usual way.
    fn default() -> Self {
        Self {
            password: None,
            connections: 8,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            accept_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_millis(300),
            notify: true,
            tls_ca_file: None,
        }
    }
}
