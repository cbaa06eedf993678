//! Copying from and into a server: rows in the form that other backends take and give.
//!
//! What belongs here: connections, and doing statements. What doesn't: the statements (`store::copying`).

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio_postgres::Client;

use crate::domain::Time;
use crate::store::StoreError;
use crate::store::cluster::HasRelays;
use crate::store::copying::{Dialect, Row, Statement, Tables};

use super::connecting::Connecting;
use super::fault::Fault;
use super::opening::connections;
use super::retry::transact;
use super::transaction::{Connections, Transaction};
use super::value::Value;
use super::{ServerOptions, migrate, session};

const OPENING: &str = "be opened";
const DOING: &str = "be copied";

/// A server's rows.
pub(crate) struct ServerTables {
    connections: Connections,
    connecting: Arc<Connecting>,
    /// True if a connection can stay; behind a pooler it can't.
    stays: bool,
    now: Time,
    /// The moment of whose rows they are, if it is one.
    snapshot: Option<Transaction>,
    /// Keeps relays from knowing themselves alone; ends with this value.
    alone: Option<Client>,
}

impl ServerTables {
    /// Connects, and makes the tables if they aren't there.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`](super::PostgresStore::connect), but for its secret.
    pub(crate) async fn open(
        url: &SecretString,
        options: &ServerOptions,
    ) -> Result<Self, StoreError> {
        let tables = Self::new(url, options)?;
        transact!(tables.connections, OPENING, |it| migrate::migrate(it, options.now))?;
        Ok(tables)
    }

    /// Connects to the rows as they are at this moment. Relays work on meanwhile.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`](super::PostgresStore::connect).
    pub(crate) async fn snapshot(
        url: &SecretString,
        options: &ServerOptions,
    ) -> Result<Self, StoreError> {
        let tables = Self::new(url, options)?;
        let begun = tables.connections.begin_snapshot().await;
        let begun = begun.map_err(|fault| fault.into_store_error(OPENING))?;
        Ok(Self { snapshot: Some(begun), ..tables })
    }

    fn new(url: &SecretString, options: &ServerOptions) -> Result<Self, StoreError> {
        let (connections, connecting) = connections(url, options)?;
        Ok(Self {
            connections: connections.with_long_timeout(),
            connecting,
            stays: options.connection.notify,
            now: options.now,
            snapshot: None,
            alone: None,
        })
    }
}

#[async_trait]
impl Tables for ServerTables {
    fn dialect(&self) -> Dialect {
        Dialect::Server
    }

    async fn run(&mut self, statements: Vec<Statement>) -> Result<Vec<Row>, StoreError> {
        match &self.snapshot {
            Some(snapshot) => {
                run(snapshot, &statements).await.map_err(|fault| fault.into_store_error(DOING))
            }
            None => transact!(self.connections, DOING, |it| run(it, &statements)),
        }
    }

    async fn is_in_use(&mut self) -> Result<bool, StoreError> {
        let held = self.alone.as_ref().is_some_and(|client| !client.is_closed());
        if self.stays && !held {
            let alone = session::alone(&self.connecting).await;
            self.alone = alone.map_err(|fault| fault.into_store_error(DOING))?;
            if self.alone.is_none() {
                return Ok(true);
            }
        }
        self.connections.run(DOING, &HasRelays(self.now)).await
    }
}

async fn run(transaction: &Transaction, statements: &[Statement]) -> Result<Vec<Row>, Fault> {
    let mut found = Vec::new();
    for Statement { sql, rows } in statements {
        for values in rows {
            let values: Vec<&dyn Value> = values.iter().map(|it| it as &dyn Value).collect();
            found = transaction.rows(sql, &values).await?;
        }
    }
    let texts =
        |row: &tokio_postgres::Row| (0..row.len()).map(|place| Ok(row.try_get(place)?)).collect();
    found.iter().map(texts).collect()
}
