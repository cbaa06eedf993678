//! `[server]`: listeners, and the bounds on what clients may cost.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::Expected;
use crate::config::value::network::Network;

pub(super) const KEYS: &[Key] = &[
    Key::new("listen", Kind::Text),
    Key::new("operator_listen", Kind::Text),
    Key::new("trusted_proxies", Kind::List),
    Key::new("max_body", Kind::Size),
    Key::new("body_memory", Kind::Size),
    Key::new("max_connections", Kind::Whole),
    Key::new("connections_per_client", Kind::Whole),
    Key::new("header_timeout", Kind::Text),
    Key::new("body_timeout", Kind::Text),
    Key::new("body_min_rate", Kind::Size),
    Key::new("write_timeout", Kind::Text),
    Key::new("answer_timeout", Kind::Text),
    Key::new("shutdown_grace", Kind::Text),
];

/// The smallest body limit that lets a webhook of one participant through.
const MIN_BODY: u64 = 1024;

/// Bodies are held in memory whole, so a larger limit is a slip.
const MAX_BODY: u64 = 1 << 30;

/// More memory than any machine this runs on has; keeps sums far from overflow.
const MAX_BODY_MEMORY: u64 = 1 << 40;

/// Listeners, and the bounds on what clients may cost.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Where webhooks arrive.
    pub listen: SocketAddr,
    /// Where metrics and the admin API are, if not on `listen`; never the same address.
    pub operator_listen: Option<SocketAddr>,
    /// Whose `X-Forwarded-For` headers are believed, or `Forwarded` where there are none.
    pub trusted_proxies: Vec<Network>,
    /// Largest body of one request in bytes.
    pub max_body: usize,
    /// Bytes for the bodies of all requests together, at least `max_body`.
    pub body_memory: usize,
    /// Connections open at once.
    pub max_connections: usize,
    /// Those of one client that is no trusted proxy; zero for an eighth.
    pub connections_per_client: usize,
    /// Time a client has for the headers of a request.
    pub header_timeout: Duration,
    /// Time a client has for the body of a request.
    pub body_timeout: Duration,
    /// Bytes a second that a body must come at after ten seconds; zero for any.
    pub body_min_rate: usize,
    /// Time without progress that a client has for reading an answer.
    pub write_timeout: Duration,
    /// Time the store has to take a webhook before its sender is told to try again.
    pub answer_timeout: Duration,
    /// Time from the signal to the exit.
    pub shutdown_grace: Duration,
}

impl ServerSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let settings = Self {
            listen: reader.parse("server.listen", address),
            operator_listen: reader.parse("server.operator_listen", |text| match text {
                "" => Ok(None),
                text => address(text).map(Some),
            }),
            trusted_proxies: reader.parse_list("server.trusted_proxies", str::parse),
            max_body: reader.size("server.max_body", MIN_BODY..=MAX_BODY),
            body_memory: reader.size("server.body_memory", MIN_BODY..=MAX_BODY_MEMORY),
            max_connections: reader.whole("server.max_connections", 1..=1_000_000),
            connections_per_client: reader.whole("server.connections_per_client", 0..=1_000_000),
            header_timeout: reader.duration("server.header_timeout"),
            body_timeout: reader.duration("server.body_timeout"),
            body_min_rate: reader.size("server.body_min_rate", 0..=MAX_BODY),
            write_timeout: reader.duration("server.write_timeout"),
            answer_timeout: reader.duration("server.answer_timeout"),
            shutdown_grace: reader.duration("server.shutdown_grace"),
        };
        settings.check(reader);
        settings
    }

    fn check(&self, reader: &mut Reader<'_>) {
        if reader.sound(&["server.max_body", "server.body_memory"])
            && self.body_memory < self.max_body
        {
            reader.broken(
                "server.body_memory",
                "smaller than server.max_body; a largest body would never fit",
            );
        }
        if self.operator_listen.is_some_and(|operators| overlap(self.listen, operators)) {
            reader.broken(
                "server.operator_listen",
                "the same address as server.listen, or part of it; take another port, or leave it \
                 empty for one listener",
            );
        }
    }
}

/// True if two listeners can't be there at once.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    // Port 0 lets the system choose, twice differently.
    let is_one_port = one.port() == other.port() && one.port() != 0;
    // "::" takes in IPv4 as well, as systems have it.
    let takes_in = |one: IpAddr, other: IpAddr| {
        one == other || (one.is_unspecified() && (one.is_ipv6() || other.is_ipv4()))
    };
    is_one_port && (takes_in(one.ip(), other.ip()) || takes_in(other.ip(), one.ip()))
}

fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| "an IP address and port such as \"0.0.0.0:8080\"".into())
}
