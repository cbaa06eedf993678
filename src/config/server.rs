//! `[server]`: listeners, and the bounds of connections and bodies.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use serde::de::Deserializer;

use crate::config::check::Check;
use crate::http::{BodyOptions, ListenerOptions};
use crate::options::{Expected, optional, text};

#[derive(Debug, Clone, Deserialize)]
pub struct ServerSettings {
    #[serde(deserialize_with = "listener")]
    pub listen: SocketAddr,
    /// The address for metrics and the admin API, if it isn't `listen`; never the same one.
    #[serde(deserialize_with = "second_listener")]
    pub operator_listen: Option<SocketAddr>,
    pub connections: ListenerOptions,
    pub bodies: BodyOptions,
    /// Time the store has to accept a webhook before its sender has to try again.
    pub answer_timeout: Duration,
    pub shutdown_grace: Duration,
}

impl ServerSettings {
    pub(super) fn check(&self, check: &mut Check<'_>) {
        check.rule(
            &["server.body_memory", "server.max_body"],
            self.bodies.body_memory < self.bodies.max_body,
            "smaller than server.max_body; a largest body would never fit",
        );
        check.rule(
            &["server.operator_listen"],
            self.operator_listen.is_some_and(|operators| overlap(self.listen, operators)),
            "the same address as server.listen, or part of it; take another port, or leave it empty for \
             one listener",
        );
    }
}

/// True if two listeners exclude each other.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    // Port 0 lets the system choose, twice differently.
    let is_one_port = one.port() == other.port() && one.port() != 0;
    // "::" covers IPv4 as well, as systems have it.
    let covers = |one: IpAddr, other: IpAddr| {
        one == other || (one.is_unspecified() && (one.is_ipv6() || other.is_ipv4()))
    };
    is_one_port && (covers(one.ip(), other.ip()) || covers(other.ip(), one.ip()))
}

fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| "an IP address and port such as \"0.0.0.0:8080\"".into())
}

fn listener<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    text(from, address)
}

fn second_listener<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    optional(from, address)
}
