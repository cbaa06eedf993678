//! `[store]`: where webhooks and deliveries are kept, and for how long.

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::check::Check;
use crate::delivery::RetentionRules;
use crate::options::secret;
use crate::store::postgres::ConnectionOptions;
use crate::store::url::StoreUrl;

/// Where webhooks and deliveries are kept, and for how long.
#[derive(Debug, Clone, Deserialize)]
pub struct StoreSettings {
    /// The database.
    pub url: StoreUrl,
    /// How long the raw bodies of webhooks are kept.
    pub keep: RetentionRules,
    /// What becomes of a store that is damaged.
    pub on_damage: OnDamage,
    /// What tombstones of forgotten people are made with, instead of the store's own secret.
    #[serde(deserialize_with = "secret::secret")]
    pub tombstone_key: Option<SecretString>,
    /// How a Postgres server is used.
    pub connection: ConnectionOptions,
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

impl StoreSettings {
    /// Checks that the keys go together.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        if self.url.has_password() && self.connection.password.is_some() {
            check.broken("store.password", "is in store.url as well; remove one of them");
        }
        let is_file = self.url.file().is_some() && check.sound(&["store.url"]);
        for (key, is_set) in [
            ("store.password", self.connection.password.is_some()),
            ("store.tls_ca_file", self.connection.tls_ca_file.is_some()),
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
