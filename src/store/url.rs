//! The URL of a store: a file, or a database on a Postgres server and how connections to it are
//! encrypted.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::domain::is_loopback;
use crate::options::Expected;
use crate::options::masked::{Masked, OPTIONS};

/// Options that other programs accept in the URL, and the alternatives.
const ELSEWHERE: [(&str, &str); 5] = [
    ("sslrootcert", "store.tls_ca_file names the certificates to trust"),
    ("passfile", "store.password, or RELAY__STORE__PASSWORD_FILE, holds the password"),
    ("sslcert", "certificates of clients aren't supported"),
    ("sslkey", "certificates of clients aren't supported"),
    ("sslpassword", "certificates of clients aren't supported"),
];

/// The place of a store: `sqlite:` and the path of a file, or the URL of a database on a Postgres
/// server. Shown without the password.
///
/// The path is taken as it is written, without percent-decoding; `sqlite:///var/x.db` and
/// `sqlite:/var/x.db` are the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct StoreUrl(StoreUrlKind);

#[derive(Debug, Clone)]
enum StoreUrlKind {
    File(PathBuf),
    Server(Server),
}

#[derive(Debug, Clone)]
struct Server {
    url: SecretString,
    shown: String,
    has_password: bool,
    /// The weak encryption that was asked for by name, to a host that isn't this machine.
    exposed_by: Option<&'static str>,
}

impl StoreUrl {
    /// Returns the file, relative to the working directory or absolute, if the store is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            StoreUrlKind::File(path) => Some(path),
            StoreUrlKind::Server(_) => None,
        }
    }

    /// Returns the URL of the server's database, if the store is one. It names the `sslmode` that
    /// applies, in the driver's words.
    pub fn server(&self) -> Option<&SecretString> {
        self.on_server().map(|server| &server.url)
    }

    /// True if the URL holds a password.
    pub fn has_password(&self) -> bool {
        self.on_server().is_some_and(|server| server.has_password)
    }

    /// Returns a sentence on connections that others on the way could read; `None` if there are none.
    pub fn exposure(&self) -> Option<String> {
        let server = self.on_server()?;
        let mode = server.exposed_by?;
        Some(format!(
            "connections to {} aren't protected, because of sslmode={mode}: others on the way could \
             read people's addresses; remove it, unless the network is trusted",
            server.shown
        ))
    }

    fn on_server(&self) -> Option<&Server> {
        match &self.0 {
            StoreUrlKind::File(_) => None,
            StoreUrlKind::Server(server) => Some(server),
        }
    }
}

/// Reads the URL of a server's database.
fn server(text: &str) -> Result<Server, Expected> {
    const EXAMPLE: &str = "\"postgres://relay@db.example.com:5432/relay\"";
    let expected = |what: &str| Expected::from(format!("{what}, as in {EXAMPLE}"));
    let urls = one_for_each_host(text).map_err(|_why| expected("a URL of a Postgres database"))?;
    let url = &urls[0];
    let in_query = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    let is_nameless = |url: &Url| url.host_str().is_none_or(str::is_empty);
    if urls.iter().any(is_nameless) && (urls.len() > 1 || !in_query("host")) {
        return Err(expected("a URL with a host"));
    }
    if url.path().trim_matches('/').is_empty() && !in_query("dbname") {
        return Err(expected("a URL with the name of a database"));
    }
    let authority = text.split(['/', '?']).nth(2).unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.split_once(':').map(|(_, password)| password);
    if url.fragment().is_some() || authority.matches('@').count() > 1 {
        return Err(expected("a URL in which # is written %23, and @ in a password %40"));
    }
    for (name, _) in url.query_pairs() {
        if let Some((_, instead)) = ELSEWHERE.iter().find(|(known, _)| *known == name) {
            return Err(format!("a URL without {name}: {instead}").into());
        }
        if !OPTIONS.split(' ').any(|option| option == name) {
            return Err(format!("a URL without the option {name:?}, which is unknown").into());
        }
    }
    let attributes = url.query_pairs().filter(|(name, _)| name == "target_session_attrs");
    for (_, wanted) in attributes {
        if !["any", "primary", "read-write"].contains(&&*wanted) {
            return Err("a URL with target_session_attrs=read-write, because a relay writes".into());
        }
    }
    let asked = url.query_pairs().filter(|(name, _)| name == "sslmode").last();
    let is_local = urls.iter().all(is_local);
    let (mode, exposed_by) = match asked.as_ref().map(|(_, mode)| &**mode) {
        None if is_local => ("prefer", None),
        // Certificates are always checked, so the driver's "require" is the strictest of them.
        None | Some("require" | "verify-ca" | "verify-full") => ("require", None),
        Some("prefer") => ("prefer", (!is_local).then_some("prefer")),
        Some("disable") => ("disable", (!is_local).then_some("disable")),
        Some(_) => {
            let modes = "\"disable\", \"prefer\", \"require\", \"verify-ca\" or \"verify-full\"";
            return Err(format!("a URL with an sslmode of {modes}").into());
        }
    };
    let url_of_driver = of_driver(text, mode);
    if let Some(fault) = fault(&url_of_driver) {
        return Err(format!("a URL that the driver can read; it says: {fault}").into());
    }
    Ok(Server {
        url: SecretString::from(url_of_driver),
        shown: Masked(text).to_string(),
        has_password: password.is_some_and(|it| !it.is_empty()) || in_query("password"),
        exposed_by,
    })
}

/// Returns what the driver finds wrong with a URL. It names options and no values.
fn fault(url: &str) -> Option<String> {
    let read: tokio_postgres::Config = match url.parse() {
        Ok(read) => read,
        Err(error) => {
            let cause = error.source().map(ToString::to_string);
            return Some(cause.unwrap_or_else(|| error.to_string()));
        }
    };
    let (hosts, ports) = (read.get_hosts().len(), read.get_ports().len());
    let addresses = read.get_hostaddrs().len();
    // A port in the query is one more than that of the host.
    if ports > 1 && ports != hosts.max(addresses) {
        return Some(format!("{ports} ports for {} hosts", hosts.max(addresses)));
    }
    let differ = hosts > 0 && addresses > 0 && hosts != addresses;
    differ.then(|| format!("{addresses} hostaddr for {hosts} hosts"))
}

/// Returns the URL for each of the hosts that it names, which a URL proper can't hold together.
fn one_for_each_host(text: &str) -> Result<Vec<Url>, url::ParseError> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(vec![Url::parse(text)?]) };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    // Without a host, which is an option then, a URL proper can't hold a user either.
    let user = if hosts.is_empty() { "" } else { user };
    hosts.split(',').map(|host| Url::parse(&format!("{scheme}://{user}{host}{tail}"))).collect()
}

/// Returns the URL as the driver reads it: with this `sslmode` and no other, and every host of a list as
/// an option of its own. A standby is passed over in any case, so only `read-write` is kept.
fn of_driver(text: &str, mode: &str) -> String {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((name, _)) if name == "sslmode" => {}
            Some((name, wanted)) if name == "target_session_attrs" && wanted != "read-write" => {}
            Some((name, hosts)) if name == "host" && hosts.contains(',') => {
                let encoded =
                    hosts.split(',').map(|host| utf8_percent_encode(host, NON_ALPHANUMERIC));
                pairs.extend(encoded.map(|host| format!("host={host}")));
            }
            _ => pairs.push(pair.to_owned()),
        }
    }
    pairs.push(format!("sslmode={mode}"));
    format!("{base}?{}", pairs.join("&"))
}

/// True if connections don't leave this machine: by a socket, or by its loopback interface.
fn is_local(url: &Url) -> bool {
    let named = url.query_pairs().filter(|(name, _)| matches!(&**name, "host" | "hostaddr"));
    let named = named.map(|(_, value)| value.into_owned());
    let mut hosts = url.host_str().map(str::to_owned).into_iter().chain(named);
    hosts.all(|hosts| hosts.split(',').all(is_this_machine))
}

/// True if a host's name, address or socket is on this machine.
pub fn is_this_machine(host: &str) -> bool {
    let is_socket = host.is_empty() || host.starts_with('/') || host.starts_with("%2F");
    is_socket || is_loopback(host)
}

impl FromStr for StoreUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return server(text).map(|server| Self(StoreUrlKind::Server(server)));
        }
        let expected =
            || Expected::from("a URL such as \"sqlite:data/relay.db\" or \"postgres://...\"");
        let rest = text.strip_prefix("sqlite:").ok_or_else(expected)?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.contains(":memory:") {
            return Err("a file, because a store in memory would forget webhooks".into());
        }
        let has_scheme = path.split_once(':').is_some_and(|(scheme, _)| {
            scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
        });
        let holds_password = Masked(path).to_string() != path;
        if has_scheme || holds_password || path.contains("://") {
            return Err(
                "the path of a file behind \"sqlite:\", and the URL of a server without it".into(),
            );
        }
        let is_file = !path.trim().is_empty() && !path.ends_with('/');
        // "?mode=ro" and the like would silently become part of the name.
        if !is_file || path.contains(['?', '#', '\0']) {
            return Err(expected());
        }
        Ok(Self(StoreUrlKind::File(path.into())))
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        text.parse()
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            StoreUrlKind::File(path) => write!(out, "sqlite:{}", path.display()),
            StoreUrlKind::Server(server) => out.write_str(&server.shown),
        }
    }
}

#[cfg(test)]
mod tests;
