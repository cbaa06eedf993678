//! `[store]`: where webhooks and deliveries are kept, and for how long.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::Expected;

pub(super) const KEYS: &[Key] = &[
    Key::new("url", Kind::Text),
    Key::new("keep_payloads", Kind::Text),
    Key::new("on_damage", Kind::Text),
    Key::new("tombstone_key", Kind::Secret),
];

/// Where webhooks and deliveries are kept, and for how long.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The database.
    pub url: StoreUrl,
    /// How long the raw bodies of finished webhooks are kept.
    pub keep_payloads: Duration,
    /// What becomes of a store that is damaged.
    pub on_damage: OnDamage,
    /// What tombstones of forgotten people are made with, instead of the store's own secret.
    pub tombstone_key: Option<SecretString>,
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

/// The URL of a SQLite database, `sqlite:` and the path of its file.
///
/// The path is taken as it is written, without percent-decoding; `sqlite:///var/x.db` and
/// `sqlite:/var/x.db` are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    path: PathBuf,
}

impl StoreSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            url: reader.parse("store.url", str::parse),
            keep_payloads: reader.duration("store.keep_payloads"),
            on_damage: reader.parse("store.on_damage", str::parse),
            tombstone_key: reader.secret("store.tombstone_key"),
        }
    }
}

impl StoreUrl {
    /// The path of the database file, relative to the working directory or absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl FromStr for StoreUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Err("a sqlite: URL, as this version has SQLite only".into());
        }
        let expected = || Expected::from("a URL of a SQLite file such as \"sqlite:data/relay.db\"");
        let rest = text.strip_prefix("sqlite:").ok_or_else(expected)?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.contains(":memory:") {
            return Err("a file, because a store in memory would forget webhooks".into());
        }
        let is_file = !path.trim().is_empty() && !path.ends_with('/');
        // "?mode=ro" and the like would silently become part of the name.
        if !is_file || path.contains(['?', '#', '\0']) {
            return Err(expected());
        }
        Ok(Self { path: path.into() })
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "sqlite:{}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::{any, proptest};

    use super::StoreUrl;

    #[test]
    fn names_a_file() {
        for (text, path) in [
            ("sqlite:data/relay.db", "data/relay.db"),
            ("sqlite:/data/relay.db", "/data/relay.db"),
            ("sqlite:///data/relay.db", "/data/relay.db"),
            ("sqlite://data/relay.db", "data/relay.db"),
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().path(), Path::new(path));
        }
    }

    #[test]
    fn refuses_the_rest() {
        for (text, why) in [
            ("", "such as"),
            ("data/relay.db", "such as"),
            ("sqlite:", "such as"),
            ("sqlite:data/", "such as"),
            ("sqlite:a.db?mode=ro", "such as"),
            ("sqlite::memory:", "forget"),
            ("postgres://u:p@h/db", "SQLite only"),
            ("postgresql://h/db", "SQLite only"),
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = text.parse::<StoreUrl>();
            let _ = format!("sqlite:{text}").parse::<StoreUrl>();
        }
    }
}
