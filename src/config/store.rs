//! `[store]`: where webhooks and deliveries are kept, and for how long.

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::check::Check;
use crate::delivery::RetentionRules;
use crate::options::secret;
use crate::store::postgres::ConnectionOptions;
use crate::store::url::StoreUrl;

#[derive(Debug, Clone, Deserialize)]
pub struct StoreSettings {
    pub url: StoreUrl,
    pub keep: RetentionRules,
    pub on_damage: OnDamage,
    /// The key of tombstones, in place of the store's own secret.
    #[serde(deserialize_with = "secret::secret")]
    pub tombstone_key: Option<SecretString>,
    pub connection: ConnectionOptions,
}

/// The reactions to a store that is damaged when the relay starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDamage {
    /// It gets another name, and the relay goes on with what can be kept of it.
    SetAside,
    /// The relay doesn't start.
    Refuse,
}

impl StoreSettings {
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
