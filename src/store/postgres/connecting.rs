//! Connecting: from a URL to a connection to the server that takes writes, encrypted where it can be.
//!
//! What belongs here: the URL, certificates, and trying the servers that the URL names in turn, each
//! within one limit: name, network, encryption, login and the question for its role. What doesn't: in
//! which order (`servers`), and what a connection is used for.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, SimpleQueryMessage, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::ServerOptions;
use super::refusal::{NoServer, Refusal};
use super::servers::{Place, Servers};

/// A reason why there can be no connections; never with the URL in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("store.url is no URL of a Postgres server")]
    Url(#[source] tokio_postgres::Error),
    #[error("can't read the certificates of store.tls_ca_file {0}")]
    Certificates(String, #[source] rustls::pki_types::pem::Error),
    #[error("can't set up TLS")]
    Tls(#[from] rustls::Error),
    #[error("can't set up the pool")]
    Pool(#[from] deadpool::managed::BuildError),
}

/// The other half of a client, which does its input and output.
pub(super) type Wire = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// A connection as it came about.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) wire: Wire,
    pub(super) place: Place,
}

/// Makes connections.
pub(super) struct Connecting {
    /// All that the URL says but where the servers are.
    config: Config,
    tls: MakeRustlsConnect,
    named: Vec<Named>,
    /// The time that a server may take for a connection.
    limit: Duration,
    /// True if a primary that takes no writes by default is passed over, too.
    needs_writes: bool,
    pub(super) servers: Servers,
}

/// A server as the URL names it.
struct Named {
    host: Option<Host>,
    address: Option<IpAddr>,
    port: u16,
}

impl Connecting {
    pub(super) fn new(url: &SecretString, options: &ServerOptions) -> Result<Self, ConnectError> {
        let read: Config = url.expose_secret().parse().map_err(ConnectError::Url)?;
        let named = named(&read);
        let wants_writes = read.get_target_session_attrs() == TargetSessionAttrs::ReadWrite;
        let tls = MakeRustlsConnect::new(tls(options.connection.tls_ca_file.as_deref())?);
        Ok(Self {
            config: without_servers(&read, options),
            tls,
            needs_writes: wants_writes || named.len() > 1,
            named,
            limit: options.connection.connect_timeout,
            servers: Servers::default(),
        })
    }

    /// Connects to the first server that takes writes.
    pub(super) async fn connect(&self) -> Result<Connected, NoServer> {
        loop {
            let moved = self.servers.moved();
            // On the heap, because it is large.
            tokio::select! {
                biased;
                connected = Box::pin(self.try_each()) => return connected,
                // Another connection has found the server meanwhile; it is the first one now.
                () = moved => {}
            }
        }
    }

    async fn try_each(&self) -> Result<Connected, NoServer> {
        let mut refusals = Vec::new();
        let mut order: Vec<Place> = (0..self.named.len()).map(|server| (server, None)).collect();
        self.servers.sort(&mut order);
        for (server, _) in order {
            let named = &self.named[server];
            let places = match self.places(server, named).await {
                Ok(places) => places,
                Err(why) => {
                    refusals.push((named.to_string(), why));
                    self.servers.failed((server, None));
                    continue;
                }
            };
            for place in places {
                let trying = tokio::time::timeout(self.limit, self.attempt(named, place.1));
                match trying.await.unwrap_or(Err(Refusal::Silent(self.limit))) {
                    Ok((client, wire)) => {
                        self.servers.works(place);
                        return Ok(Connected { client, wire, place });
                    }
                    Err(why) => {
                        refusals.push((named.to_string(), why));
                        self.servers.failed(place);
                    }
                }
            }
            self.servers.failed((server, None));
        }
        Err(NoServer(refusals))
    }

    /// Returns the places where a server may be: one, or an address each that its name leads to.
    async fn places(&self, server: usize, named: &Named) -> Result<Vec<Place>, Refusal> {
        let Some(Host::Tcp(name)) = named.host.as_ref().filter(|_| named.address.is_none()) else {
            return Ok(vec![(server, named.address)]);
        };
        let looking =
            tokio::time::timeout(self.limit, tokio::net::lookup_host((&**name, named.port)));
        let found = looking.await.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()));
        let addresses = found.map_err(Refusal::Unresolved)?;
        let mut places: Vec<Place> = addresses.map(|it| (server, Some(it.ip()))).collect();
        self.servers.resolved(server, &places);
        self.servers.sort(&mut places);
        Ok(places)
    }

    async fn attempt(
        &self,
        named: &Named,
        address: Option<IpAddr>,
    ) -> Result<(Client, Wire), Refusal> {
        let mut config = self.config.clone();
        match &named.host {
            Some(Host::Tcp(name)) => config.host(name),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => config.host_path(folder),
            None => &mut config,
        };
        if let Some(address) = address {
            config.hostaddr(address);
        }
        let (client, mut wire) = config.port(named.port).connect(self.tls.clone()).await?;
        let role = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::bool";
        let answer = tokio::select! {
            ended = &mut wire => return Err(ended.err().map_or(Refusal::Ended, Refusal::from)),
            answer = client.simple_query(role) => answer?,
        };
        for message in answer {
            let SimpleQueryMessage::Row(row) = message else { continue };
            if row.get(0) == Some("t") {
                return Err(Refusal::Standby);
            }
            if self.needs_writes && row.get(1) == Some("t") {
                return Err(Refusal::ReadOnly);
            }
        }
        Ok((client, wire))
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.host, self.address) {
            (Some(Host::Tcp(name)), _) => write!(out, "{name}:{}", self.port),
            #[cfg(unix)]
            (Some(Host::Unix(folder)), _) => write!(out, "{}", folder.display()),
            (None, Some(address)) => write!(out, "{address}:{}", self.port),
            (None, None) => write!(out, "port {}", self.port),
        }
    }
}

/// Pairs hosts, addresses and ports, as libpq does.
fn named(read: &Config) -> Vec<Named> {
    let (hosts, addresses, ports) = (read.get_hosts(), read.get_hostaddrs(), read.get_ports());
    let count = hosts.len().max(addresses.len()).max(1);
    let port = |server| ports.get(server).or(ports.first()).copied().unwrap_or(5432);
    let of = |server| Named {
        host: hosts.get(server).cloned(),
        address: addresses.get(server).copied(),
        port: port(server),
    };
    (0..count).map(of).collect()
}

/// Returns everything but where the servers are, which each try adds. A server or a network that
/// goes dark is noticed within about two limits where nothing is waited for, by the kernel.
fn without_servers(read: &Config, options: &ServerOptions) -> Config {
    let mut config = Config::new();
    if let Some(user) = read.get_user() {
        config.user(user);
    }
    let own = options.connection.password.as_ref().map(|it| it.expose_secret().as_bytes());
    if let Some(password) = own.or(read.get_password()) {
        config.password(password);
    }
    if let Some(database) = read.get_dbname() {
        config.dbname(database);
    }
    if let Some(given) = read.get_options() {
        config.options(given);
    }
    config.application_name(read.get_application_name().unwrap_or("referral-relay"));
    config.ssl_mode(read.get_ssl_mode());
    config.ssl_negotiation(read.get_ssl_negotiation());
    config.channel_binding(read.get_channel_binding());
    config.connect_timeout(options.connection.connect_timeout);
    config.keepalives_idle(options.connection.connect_timeout);
    config.keepalives_interval(options.connection.connect_timeout);
    config.tcp_user_timeout(options.connection.connect_timeout.saturating_mul(2));
    config
}

/// Returns a TLS configuration that trusts the system's authorities, or those of a file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let Some(path) = ca_file else {
        return Ok(builder.with_platform_verifier()?.with_no_client_auth());
    };
    let unreadable = |why| ConnectError::Certificates(path.display().to_string(), why);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
