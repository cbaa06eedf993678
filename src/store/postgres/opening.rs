//! Opening: from a URL to a schema that is this version's; and the right to take lanes over.
//!
//! What belongs here: the order of the steps. What doesn't: what each does.

use std::sync::Arc;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::domain::{Planner, Time};
use crate::store::batcher::Batcher;
use crate::store::copying::refuse_marked;
use crate::store::engine::Backend;
use crate::store::meta::COPYING;
use crate::store::planning::Planning;
use crate::store::work::{OpenSecrets, ReleaseLanes};
use crate::store::{Store, StoreError};

use super::connecting::{ConnectError, Connecting};
use super::fault::Fault;
use super::pool::pool;
use super::retry::transact;
use super::session::Session;
use super::tables::meta;
use super::transaction::{Connections, Transaction};
use super::wake::Wake;
use super::{PostgresStore, ServerOptions, migrate};

const OPENING: &str = "be opened";

impl PostgresStore {
    /// Connects, and brings the schema to this version's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the server can't be reached, refuses the role, or doesn't let
    /// it make tables; [`StoreError::TooNew`] if a newer version has changed the schema so that
    /// this one can't work on it, [`StoreError::Unreadable`] if something else has.
    pub async fn connect(
        url: &SecretString,
        planner: Arc<dyn Planner>,
        options: ServerOptions,
    ) -> Result<Store, StoreError> {
        let (connections, connecting) = connections(url, &options)?;
        transact!(connections, OPENING, |it| prepare(it, &options))?;
        let secrets = connections.run(OPENING, &OpenSecrets(options.seed)).await?;
        // Another key is noticed before it does harm.
        let planning = Planning::open(planner, options.tombstone_key.as_ref(), &secrets)?;
        let planning = Arc::new(planning);
        let closed = CancellationToken::new();
        let wake = Wake::start(connections.clone(), options.connection.notify, closed.clone());
        let waking = wake.clone();
        let engine = Arc::new(connections.to_accept());
        let batcher = Batcher::start(&engine, &planning, move || waking.others());
        let session = options
            .connection
            .notify
            .then(|| Session::start(connecting, Arc::clone(&options.notify)));
        let server = Self { connections, session, wake, closed };
        Ok(Store::new(batcher, planning, Backend::Server(server)))
    }

    /// True if a relay has made its tables there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the server can't be asked.
    pub async fn is_made(url: &SecretString, options: &ServerOptions) -> Result<bool, StoreError> {
        let connections = connections(url, options)?.0;
        transact!(connections, OPENING, |it| migrate::is_made(it))
    }

    /// Makes every leased lane due, if no relay delivers from this store, and shows from then on
    /// that one does. Else lanes of a relay that died are due when their leases end.
    pub(crate) async fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        const DOING: &str = "take over leases";
        let Some(session) = &self.session else { return Ok(0) };
        let released = if session.is_alone().await {
            self.connections.run(DOING, &ReleaseLanes(now)).await?
        } else {
            0
        };
        session.share().await;
        Ok(released)
    }
}

pub(super) fn connections(
    url: &SecretString,
    options: &ServerOptions,
) -> Result<(Connections, Arc<Connecting>), StoreError> {
    let unset = |error: ConnectError| StoreError::unavailable(OPENING, error);
    let connecting = Arc::new(Connecting::new(url, options).map_err(unset)?);
    let pool = pool(Arc::clone(&connecting), options).map_err(unset)?;
    let connections = Connections {
        pool,
        ruling: options.ruling,
        wait_timeout: options.connection.statement_timeout,
        options: options.connection.clone(),
        reads_tables: false,
        random: Arc::clone(&options.random),
    };
    Ok((connections, connecting))
}

async fn prepare(transaction: &Transaction, options: &ServerOptions) -> Result<(), Fault> {
    migrate::migrate(transaction, options.now).await?;
    Ok(refuse_marked(meta::recall(transaction, COPYING).await?)?)
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}
