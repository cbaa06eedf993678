//! `[store]`: where webhooks and deliveries are kept, and for how long.

pub mod url;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::check::Check;
use crate::config::value::{secret, whole};

pub use self::url::StoreUrl;

/// Where webhooks and deliveries are kept, and for how long.
#[derive(Debug, Clone, Deserialize)]
pub struct StoreSettings {
    /// The database.
    pub url: StoreUrl,
    /// How long the raw bodies of finished webhooks are kept.
    pub keep_payloads: Duration,
    /// How long the raw bodies of parked webhooks are kept.
    pub keep_parked: Duration,
    /// What becomes of a store that is damaged.
    pub on_damage: OnDamage,
    /// What tombstones of forgotten people are made with, instead of the store's own secret.
    #[serde(deserialize_with = "secret::secret")]
    pub tombstone_key: Option<SecretString>,
    /// How a Postgres server is used, by keys of the same section.
    #[serde(skip)]
    pub server: ServerSettings,
}

/// What becomes of a store that is damaged, when the relay starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDamage {
    /// It gets another name, and the relay goes on with what can be kept of it.
    SetAside,
    /// The relay doesn't start.
    Refuse,
}

/// How a Postgres server is used.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ServerSettings {
    /// The password, if it isn't in the URL.
    #[serde(deserialize_with = "secret::secret")]
    pub password: Option<SecretString>,
    /// How many connections there may be.
    #[serde(deserialize_with = "whole::<_, _, 2, 1_000>")]
    pub connections: usize,
    /// How long each server may take for one.
    pub connect_timeout: Duration,
    /// How long the server may take for a statement.
    pub statement_timeout: Duration,
    /// The same where a webhook waits for its answer.
    pub accept_timeout: Duration,
    /// How long a relay may stand still amid a transaction before the server undoes it.
    pub idle_timeout: Duration,
    /// True if a connection stays to be told of new work.
    pub notify: bool,
    /// Certificates of the authorities that are trusted instead of the system's.
    pub tls_ca_file: Option<PathBuf>,
}

impl StoreSettings {
    /// Checks that the keys go together.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        if self.url.has_password() && self.server.password.is_some() {
            check.broken("store.password", "is in store.url as well; remove one of them");
        }
        let is_file = self.url.file().is_some() && check.sound(&["store.url"]);
        for (key, is_set) in [
            ("store.password", self.server.password.is_some()),
            ("store.tls_ca_file", self.server.tls_ca_file.is_some()),
        ] {
            if is_file && is_set {
                check.warn(format!("{key} has no effect: store.url names a file"));
            }
        }
        if let Some(exposure) = self.url.exposure() {
            check.warn(format!("store.url: {exposure}"));
        }
    }
}
