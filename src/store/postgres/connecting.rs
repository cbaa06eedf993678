//! Connecting: from a URL to connections, encrypted where the server can.
//!
//! What belongs here: the URL, certificates and the pool. What doesn't: what a connection is used
//! for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::ServerOptions;

/// How long a connection that nobody uses may be silent before the server is asked whether it is
/// still there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How long what was sent may stay without an answer from the network.
const UNANSWERED: Duration = Duration::from_secs(15);

/// Why there can be no connection; never with the URL in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The URL can't be read.
    #[error("store.url is no URL of a Postgres server")]
    Url(#[source] tokio_postgres::Error),
    /// A file of certificates can't be read.
    #[error("can't read the certificates of store.tls_ca_file {0}")]
    Certificates(String, #[source] rustls::pki_types::pem::Error),
    /// TLS can't be set up.
    #[error("can't set up TLS")]
    Tls(#[from] rustls::Error),
    /// The pool can't be set up.
    #[error("can't set up the pool")]
    Pool(#[from] deadpool_postgres::BuildError),
}

/// How connections are made.
#[derive(Clone)]
pub(super) struct Connecting {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Connecting {
    pub(super) fn new(url: &SecretString, options: &ServerOptions) -> Result<Self, ConnectError> {
        let mut config: Config = url.expose_secret().parse().map_err(ConnectError::Url)?;
        if let Some(password) = &options.password {
            config.password(password.expose_secret());
        }
        if config.get_application_name().is_none() {
            config.application_name("referral-relay");
        }
        config.connect_timeout(options.connect_timeout);
        config.keepalives_idle(KEEPALIVE);
        config.keepalives_interval(KEEPALIVE);
        config.tcp_user_timeout(UNANSWERED);
        let tls = MakeRustlsConnect::new(tls(options.tls_ca_file.as_deref())?);
        Ok(Self { config, tls })
    }

    /// Connections that are used in turn.
    pub(super) fn pool(&self, options: &ServerOptions) -> Result<Pool, ConnectError> {
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(
            self.config.clone(),
            self.tls.clone(),
            ManagerConfig { recycling_method },
        );
        let pool = Pool::builder(manager)
            .max_size(options.connections)
            .wait_timeout(Some(options.statement_timeout))
            .create_timeout(Some(options.connect_timeout))
            .runtime(Runtime::Tokio1);
        Ok(pool.build()?)
    }
}

/// TLS that trusts the system's authorities, or those of a file.
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
