//! `[store]`: where webhooks and deliveries are kept, and for how long.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::Expected;

pub(super) const KEYS: &[Key] = &[
    Key::new("url", Kind::Text),
    Key::new("keep_payloads", Kind::Text),
    Key::new("on_damage", Kind::Text),
    Key::new("tombstone_key", Kind::Secret),
    Key::new("password", Kind::Secret),
    Key::new("connections", Kind::Whole),
    Key::new("connect_timeout", Kind::Text),
    Key::new("statement_timeout", Kind::Text),
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

/// Where a store is: `sqlite:` and the path of a file, or the URL of a database on a Postgres
/// server. Shown without the password.
///
/// The path is taken as it is written, without percent-decoding; `sqlite:///var/x.db` and
/// `sqlite:/var/x.db` are the same.
#[derive(Debug, Clone)]
pub struct StoreUrl(Whereabouts);

#[derive(Debug, Clone)]
enum Whereabouts {
    File(PathBuf),
    Server { url: SecretString, shown: String },
}

/// How a Postgres server is used.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The password, if it isn't in the URL.
    pub password: Option<SecretString>,
    /// How many connections there may be.
    pub connections: usize,
    /// How long one may take to come about.
    pub connect_timeout: Duration,
    /// How long the server may take for a statement.
    pub statement_timeout: Duration,
    /// Whether a connection stays to be told of new work.
    pub notify: bool,
    /// Certificates of the authorities that are trusted instead of the system's.
    pub tls_ca_file: Option<PathBuf>,
}

impl StoreSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            url: reader.parse("store.url", str::parse),
            keep_payloads: reader.duration("store.keep_payloads"),
            on_damage: reader.parse("store.on_damage", str::parse),
            tombstone_key: reader.secret("store.tombstone_key"),
            server: ServerSettings {
                password: reader.secret("store.password"),
                connections: reader.whole("store.connections", 2..=1_000),
                connect_timeout: reader.duration("store.connect_timeout"),
                statement_timeout: reader.duration("store.statement_timeout"),
                notify: reader.flag("store.notify"),
                tls_ca_file: Some(reader.text("store.tls_ca_file"))
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from),
            },
        }
    }
}

impl StoreUrl {
    /// The file, relative to the working directory or absolute, if the store is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Whereabouts::File(path) => Some(path),
            Whereabouts::Server { .. } => None,
        }
    }

    /// The URL of the server's database, if the store is one.
    pub fn server(&self) -> Option<&SecretString> {
        match &self.0 {
            Whereabouts::File(_) => None,
            Whereabouts::Server { url, .. } => Some(url),
        }
    }
}

/// Reads the URL of a server's database.
fn server(text: &str) -> Result<Whereabouts, Expected> {
    const EXAMPLE: &str = "\"postgres://relay@db.example.com:5432/relay\"";
    let expected = |what: &str| Expected::from(format!("{what}, as in {EXAMPLE}"));
    let url = Url::parse(text).map_err(|_why| expected("a URL of a Postgres database"))?;
    let in_query = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    if url.host_str().is_none_or(str::is_empty) && !in_query("host") {
        return Err(expected("a URL with a host"));
    }
    if url.path().trim_matches('/').is_empty() && !in_query("dbname") {
        return Err(expected("a URL with the name of a database"));
    }
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    if url.password().is_some() {
        // Only a URL without a host refuses a password.
        let _ = shown.set_password(Some("..."));
    }
    Ok(Whereabouts::Server { url: SecretString::from(text), shown: shown.into() })
}

impl FromStr for StoreUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return server(text).map(Self);
        }
        let expected =
            || Expected::from("a URL such as \"sqlite:data/relay.db\" or \"postgres://...\"");
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
        Ok(Self(Whereabouts::File(path.into())))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Whereabouts::File(path) => write!(out, "sqlite:{}", path.display()),
            Whereabouts::Server { shown, .. } => out.write_str(shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::{any, proptest};
    use secrecy::ExposeSecret;

    use super::StoreUrl;

    #[test]
    fn names_a_file() {
        for (text, path) in [
            ("sqlite:data/relay.db", "data/relay.db"),
            ("sqlite:/data/relay.db", "/data/relay.db"),
            ("sqlite:///data/relay.db", "/data/relay.db"),
            ("sqlite://data/relay.db", "data/relay.db"),
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().file(), Some(Path::new(path)));
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
            ("postgres:relay", "host"),
            ("postgres:///relay", "host"),
            ("postgresql://db.example.com", "name of a database"),
            ("postgres://u:p@h:port/db", "a URL of a Postgres database"),
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn names_a_database_and_hides_its_password() {
        let text = "postgres://relay:hush@db.example.com:5433/relay?sslmode=require&password=hush";
        let url: StoreUrl = text.parse().unwrap();
        assert_eq!(url.server().unwrap().expose_secret(), text);
        assert_eq!(url.to_string(), "postgres://relay:...@db.example.com:5433/relay");
        assert!(!format!("{url:?}").contains("hush"));
        assert!(url.file().is_none());
        assert!("postgresql:///relay?host=/run/postgresql".parse::<StoreUrl>().is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = text.parse::<StoreUrl>();
            let _ = format!("sqlite:{text}").parse::<StoreUrl>();
        }
    }
}
