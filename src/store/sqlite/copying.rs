//! Copying from and into a file: rows in the form that other backends take and give.
//!
//! What belongs here: how this backend's rows differ from that form, which is by types alone.

mod rows;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};

use crate::store::StoreError;
use crate::store::copying::{Given, Part, Row, Rows, Tables};
use crate::store::meta::Meta;

use super::connection::DatabasePath;
use super::delivery_lock::DeliveryLock;
use super::fault::Fault;
use super::opening::storage;
use super::tables::meta;
use super::{Options, access, damage, migrate};

const OPENING: &str = "be opened";
const DOING: &str = "be copied";

/// A file's rows.
pub(in crate::store) struct FileTables {
    connection: Connection,
    right: DeliveryLock,
}

impl FileTables {
    /// Opens the file, and makes it if it isn't there.
    ///
    /// # Errors
    /// As [`SqliteStore::open`](super::SqliteStore::open), but for its secret.
    pub(in crate::store) fn open(
        path: &std::path::Path,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let place = DatabasePath::new(path, options.busy_timeout);
        let path = place.path();
        if let Some(detail) = damage::before_opening(path) {
            return Err(StoreError::Damaged { detail });
        }
        place.make().map_err(|error| storage(OPENING, access::explain(path, error)))?;
        let open = || {
            let mut connection = place.writer()?;
            damage::refuse_foreign(&connection)?;
            migrate::migrate(&mut connection, options.now)?;
            Ok(connection)
        };
        let unopened = |fault: Fault| match access::refusal(path, &fault) {
            Some(refusal) => storage(OPENING, refusal),
            None => fault.into_store_error(OPENING),
        };
        let connection = open().map_err(unopened)?;
        Ok(Self { connection, right: DeliveryLock::new(place.lock_file()) })
    }

    fn with<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let work = || {
            let transaction = self.connection.unchecked_transaction()?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        work().map_err(|fault: Fault| fault.into_store_error(DOING))
    }
}

#[async_trait]
impl Rows for FileTables {
    async fn page(&mut self, part: &Part, after: Option<&Row>) -> Result<Vec<Row>, StoreError> {
        self.with(|connection| rows::page(connection, part, after))
    }

    async fn given(&mut self) -> Result<Given, StoreError> {
        self.with(|connection| {
            let given = |table: &str| {
                let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
                let last = connection.query_row(sql, [table], |row| row.get(0)).optional()?;
                Ok::<i64, Fault>(last.unwrap_or(0))
            };
            Ok(Given { people: given("people")?, deliveries: given("deliveries")? })
        })
    }
}

#[async_trait]
impl Tables for FileTables {
    async fn is_in_use(&mut self) -> Result<bool, StoreError> {
        Ok(!self.right.take().map_err(|error| storage(DOING, error))?)
    }

    async fn count(&mut self, part: &Part) -> Result<u64, StoreError> {
        self.with(|connection| rows::count(connection, part))
    }

    async fn recall(&mut self, meta: Meta) -> Result<Option<String>, StoreError> {
        self.with(|connection| meta::recall(connection, meta))
    }

    async fn remember(&mut self, meta: Meta, value: Option<&str>) -> Result<(), StoreError> {
        self.with(|connection| meta::remember(connection, meta, value))
    }

    async fn write(
        &mut self,
        part: &Part,
        clears: bool,
        rows: &[Row],
        mark: &str,
    ) -> Result<(), StoreError> {
        self.with(|connection| {
            rows::write(connection, part, clears, rows)?;
            meta::remember(connection, Meta::Copying, Some(mark))
        })
    }

    fn replaces_nul(&self) -> bool {
        false
    }

    async fn make_ready(&mut self, given: Given) -> Result<(), StoreError> {
        self.with(|connection| {
            for (table, last) in [("people", given.people), ("deliveries", given.deliveries)] {
                let sql = "UPDATE sqlite_sequence SET seq = MAX(seq, ?2) WHERE name = ?1";
                if connection.execute(sql, (table, last))? == 0 {
                    let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
                    connection.execute(sql, (table, last))?;
                }
            }
            Ok(())
        })
    }
}
