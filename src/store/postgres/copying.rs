//! Copying from and into a server: rows in the form that other backends take and give.
//!
//! What belongs here: how this backend's rows differ from that form, which is by types alone. What
//! doesn't: which rows there are (`store::copying`).

mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio_postgres::Client;

use crate::domain::Time;
use crate::store::StoreError;
use crate::store::copying::{Given, Part, Row, Rows, Tables};
use crate::store::meta::Meta;
use crate::store::work::HasRelays;

use super::connecting::Connecting;
use super::fault::Fault;
use super::opening::connections;
use super::retry::transact;
use super::tables::meta;
use super::transaction::{Connections, Transaction};
use super::{ServerOptions, migrate, session};

const OPENING: &str = "be opened";
const DOING: &str = "be copied";

/// A server's rows.
pub(in crate::store) struct ServerTables {
    connections: Connections,
    connecting: Arc<Connecting>,
    /// True if a connection can stay; behind a pooler it can't.
    stays: bool,
    now: Time,
    /// Keeps relays from knowing themselves alone; ends with this value.
    alone: Option<Client>,
}

impl ServerTables {
    /// Connects, and makes the tables if they aren't there.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`](super::PostgresStore::connect), but for its secret.
    pub(in crate::store) async fn open(
        url: &SecretString,
        options: &ServerOptions,
    ) -> Result<Self, StoreError> {
        let (connections, connecting) = connections(url, options)?;
        transact!(connections, OPENING, |it| migrate::migrate(it, options.now))?;
        let connections = connections.with_long_timeout();
        Ok(Self {
            connections,
            connecting,
            stays: options.connection.notify,
            now: options.now,
            alone: None,
        })
    }
}

/// A server's rows as they were at one moment. Relays work on meanwhile.
pub(in crate::store) struct ServerSnapshot(Transaction);

impl ServerSnapshot {
    /// Connects and begins the moment.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`](super::PostgresStore::connect).
    pub(in crate::store) async fn open(
        url: &SecretString,
        options: &ServerOptions,
    ) -> Result<Self, StoreError> {
        let (connections, _connecting) = connections(url, options)?;
        let begun = connections.with_long_timeout().begin_snapshot().await;
        Ok(Self(begun.map_err(|fault| fault.into_store_error(OPENING))?))
    }
}

#[async_trait]
impl Rows for ServerSnapshot {
    async fn page(&mut self, part: &Part, after: Option<&Row>) -> Result<Vec<Row>, StoreError> {
        let page = rows::page(&self.0, part, after).await;
        page.map_err(|fault| fault.into_store_error(DOING))
    }

    async fn given(&mut self) -> Result<Given, StoreError> {
        given(&self.0).await.map_err(|fault| fault.into_store_error(DOING))
    }
}

#[async_trait]
impl Rows for ServerTables {
    async fn page(&mut self, part: &Part, after: Option<&Row>) -> Result<Vec<Row>, StoreError> {
        transact!(self.connections, DOING, |it| rows::page(it, part, after))
    }

    async fn given(&mut self) -> Result<Given, StoreError> {
        transact!(self.connections, DOING, |it| given(it))
    }
}

#[async_trait]
impl Tables for ServerTables {
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

    async fn count(&mut self, part: &Part) -> Result<u64, StoreError> {
        transact!(self.connections, DOING, |it| rows::count(it, part))
    }

    async fn recall(&mut self, meta: Meta) -> Result<Option<String>, StoreError> {
        transact!(self.connections, DOING, |it| meta::recall(it, meta))
    }

    async fn remember(&mut self, meta: Meta, value: Option<&str>) -> Result<(), StoreError> {
        transact!(self.connections, DOING, |it| meta::remember(it, meta, value))
    }

    async fn write(
        &mut self,
        part: &Part,
        clears: bool,
        rows: &[Row],
        mark: &str,
    ) -> Result<(), StoreError> {
        transact!(self.connections, DOING, |it| async {
            rows::write(it, part, clears, rows).await?;
            meta::remember(it, Meta::Copying, Some(mark)).await
        })
    }

    fn replaces_nul(&self) -> bool {
        true
    }

    async fn make_ready(&mut self, given: Given) -> Result<(), StoreError> {
        transact!(self.connections, DOING, |it| make_ready(it, given))
    }
}

async fn given(transaction: &Transaction) -> Result<Given, Fault> {
    let sql = "SELECT people.last_value, deliveries.last_value
         FROM people_id_seq AS people, deliveries_id_seq AS deliveries";
    let row = transaction.row(sql, &[]).await?;
    let row = row.ok_or_else(|| crate::store::record::unreadable("sequences", "there are none"))?;
    Ok(Given { people: row.try_get(0)?, deliveries: row.try_get(1)? })
}

async fn make_ready(transaction: &Transaction, given: Given) -> Result<(), Fault> {
    let sql = "SELECT setval('people_id_seq', GREATEST($1, 1)),
             setval('deliveries_id_seq', GREATEST($2, 1)),
             setval('attempts_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM attempts))";
    transaction.rows(sql, &[&given.people, &given.deliveries]).await?;
    // Else the first plans of statements are made for empty tables.
    for part in Part::ALL {
        transaction.script(&format!("ANALYZE {}", part.table)).await?;
    }
    Ok(())
}
