//! `[server]`: listeners, and the bounds on what clients may cost.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::config::check::Check;
use crate::options::network::Network;
use crate::options::size::size;
use crate::options::{Expected, text, whole};

/// The smallest body limit that lets a webhook of one participant through.
const MIN_BODY: u64 = 1024;

/// Bodies are held in memory whole, so a larger limit is a slip.
const MAX_BODY: u64 = 1 << 30;

/// More memory than any machine this runs on has; keeps sums far from overflow.
const MAX_BODY_MEMORY: u64 = 1 << 40;

/// Listeners, and the bounds on what clients may cost.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerSettings {
    /// Where webhooks arrive.
    #[serde(deserialize_with = "listener")]
    pub listen: SocketAddr,
    /// Where metrics and the admin API are, if not on `listen`; never the same address.
    #[serde(deserialize_with = "second_listener")]
    pub operator_listen: Option<SocketAddr>,
    /// Whose `X-Forwarded-For` headers are believed, or `Forwarded` where there are none.
    pub trusted_proxies: Vec<Network>,
    /// Largest body of one request in bytes.
    #[serde(deserialize_with = "size::<_, MIN_BODY, MAX_BODY>")]
    pub max_body: usize,
    /// Bytes for the bodies of all requests together, at least `max_body`.
    #[serde(deserialize_with = "size::<_, MIN_BODY, MAX_BODY_MEMORY>")]
    pub body_memory: usize,
    /// Connections open at once.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub max_connections: usize,
    /// Those of one client that is no trusted proxy; zero for an eighth.
    #[serde(deserialize_with = "whole::<_, _, 0, 1_000_000>")]
    pub connections_per_client: usize,
    /// Time a client has for the headers of a request.
    pub header_timeout: Duration,
    /// Time a client has for the body of a request.
    pub body_timeout: Duration,
    /// Bytes a second that a body must come at after ten seconds; zero for any.
    #[serde(deserialize_with = "size::<_, 0, MAX_BODY>")]
    pub body_min_rate: usize,
    /// Time without progress that a client has for reading an answer.
    pub write_timeout: Duration,
    /// Time the store has to take a webhook before its sender is told to try again.
    pub answer_timeout: Duration,
    /// Time from the signal to the exit.
    pub shutdown_grace: Duration,
}

impl ServerSettings {
    /// Checks that the keys go together.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        if check.sound(&["server.max_body", "server.body_memory"])
            && self.body_memory < self.max_body
        {
            check.broken(
                "server.body_memory",
                "smaller than server.max_body; a largest body would never fit",
            );
        }
        if self.operator_listen.is_some_and(|operators| overlap(self.listen, operators)) {
            check.broken(
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

fn listener<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    text(from, address)
}

fn second_listener<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| address(&text)).transpose().map_err(D::Error::custom)
}
