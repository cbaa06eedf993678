//! `[store]`: where webhooks and deliveries are kept, and for how long.

pub mod url;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::Expected;

pub use self::url::StoreUrl;

pub(super) const KEYS: &[Key] = &[
    Key::new("url", Kind::Text),
    Key::new("keep_payloads", Kind::Text),
    Key::new("keep_parked", Kind::Text),
    Key::new("on_damage", Kind::Text),
    Key::new("tombstone_key", Kind::Secret),
    Key::new("password", Kind::Secret),
    Key::new("connections", Kind::Whole),
    Key::new("connect_timeout", Kind::Text),
    Key::new("statement_timeout", Kind::Text),
    Key::new("accept_timeout", Kind::Text),
    Key::new("idle_timeout", Kind::Text),
    Key::new("notify", Kind::Flag),
    Key::new("tls_ca_file", Kind::Text),
];

/// Where webhooks and deliveries are kept, and for how long.
#[derive(Debug, Clone)]
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
    pub tombstone_key: Option<SecretString>,
    /// How a Postgres server is used.
    pub server: ServerSettings,
}

/// What becomes of a store that is damaged, when the relay starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDamage {
    /// It gets another name, and the relay goes on with what can be kept of it.
    SetAside,
    /// The relay doesn't start.
    Refuse,
}

impl FromStr for OnDamage {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text {
            "set_aside" => Ok(Self::SetAside),
            "refuse" => Ok(Self::Refuse),
            _ => Err("\"set_aside\" or \"refuse\"".into()),
        }
    }
}

/// How a Postgres server is used.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The password, if it isn't in the URL.
    pub password: Option<SecretString>,
    /// How many connections there may be.
    pub connections: usize,
    /// How long each server may take for one.
    pub connect_timeout: Duration,
    /// How long the server may take for a statement.
    pub statement_timeout: Duration,
    /// The same where a webhook waits for its answer.
    pub accept_timeout: Duration,
    /// How long a relay may stand still amid a transaction before the server undoes it.
    pub idle_timeout: Duration,
    /// Whether a connection stays to be told of new work.
    pub notify: bool,
    /// Certificates of the authorities that are trusted instead of the system's.
    pub tls_ca_file: Option<PathBuf>,
}

impl StoreSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let settings = Self {
            url: reader.parse("store.url", str::parse),
            keep_payloads: reader.duration("store.keep_payloads"),
            keep_parked: reader.duration("store.keep_parked"),
            on_damage: reader.parse("store.on_damage", str::parse),
            tombstone_key: reader.secret("store.tombstone_key"),
            server: ServerSettings {
                password: reader.secret("store.password"),
                connections: reader.whole("store.connections", 2..=1_000),
                connect_timeout: reader.duration("store.connect_timeout"),
                statement_timeout: reader.duration("store.statement_timeout"),
                accept_timeout: reader.duration("store.accept_timeout"),
                idle_timeout: reader.duration("store.idle_timeout"),
                notify: reader.flag("store.notify"),
                tls_ca_file: Some(reader.text("store.tls_ca_file"))
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from),
            },
        };
        settings.check(reader);
        settings
    }

    fn check(&self, reader: &mut Reader<'_>) {
        if self.url.has_password() && self.server.password.is_some() {
            reader.broken("store.password", "is in store.url as well; remove one of them");
        }
        let is_file = self.url.file().is_some() && reader.sound(&["store.url"]);
        for (key, is_set) in [
            ("store.password", self.server.password.is_some()),
            ("store.tls_ca_file", self.server.tls_ca_file.is_some()),
        ] {
            if is_file && is_set {
                reader.warn(format!("{key} has no effect: store.url names a file"));
            }
        }
        if let Some(exposure) = self.url.exposure() {
            reader.warn(format!("store.url: {exposure}"));
        }
    }
}
