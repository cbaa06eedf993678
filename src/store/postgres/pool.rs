//! The pool: connections that are used in turn.
//!
//! What belongs here: which of them may be used again. What doesn't: how one is made (`connecting`),
//! and transactions, which take a broken one out.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use deadpool::Runtime;
use deadpool::managed::{self, Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;

use super::ServerOptions;
use super::connecting::{ConnectError, Connected, Connecting};
use super::refusal::NoServer;
use super::servers::Place;

pub(super) type Pool = managed::Pool<Connector>;
pub(super) type Object = managed::Object<Connector>;
pub(crate) type PoolError = managed::PoolError<NoServer>;

/// Makes the pool's connections.
pub(super) struct Connector(pub(super) Arc<Connecting>);

/// A connection of the pool.
pub(super) struct Pooled {
    client: ClientWrapper,
    connecting: Arc<Connecting>,
    place: Place,
}

impl Deref for Pooled {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl Pooled {
    /// Returns once connections come about at another server.
    pub(super) async fn left(&self) {
        self.connecting.servers.left(self.place).await;
    }
}

impl Manager for Connector {
    type Type = Pooled;
    type Error = NoServer;

    async fn create(&self) -> Result<Pooled, NoServer> {
        let Connected { client, wire, place } = self.0.connect().await?;
        let task = tokio::spawn(async move {
            if let Err(error) = wire.await {
                tracing::warn!(%error, "a connection to the store's server ended");
            }
        });
        Ok(Pooled {
            client: ClientWrapper::new(client, task),
            connecting: Arc::clone(&self.0),
            place,
        })
    }

    async fn recycle(&self, pooled: &mut Pooled, _: &Metrics) -> RecycleResult<NoServer> {
        // One to a server that others have left may still work, and what it wrote would be lost.
        match pooled.is_closed() || !self.0.servers.is_current(pooled.place) {
            true => Err(RecycleError::message("it ended, or is to another server")),
            false => Ok(()),
        }
    }
}

/// Returns a pool of connections. How long each takes to come about is limited already.
pub(super) fn pool(
    connecting: Arc<Connecting>,
    options: &ServerOptions,
) -> Result<Pool, ConnectError> {
    let pool = Pool::builder(Connector(connecting))
        .max_size(options.connection.connections)
        .wait_timeout(Some(options.connection.statement_timeout))
        .runtime(Runtime::Tokio1);
    Ok(pool.build()?)
}

/// Notes that what was sent at that time got no answer, and drops every connection that is older: the
/// server is dark for all of them.
pub(super) fn fell_silent(pool: &Pool, asked: Instant) {
    pool.manager().0.servers.fell_silent(asked);
    pool.retain(|_, metrics| metrics.created > asked);
}
