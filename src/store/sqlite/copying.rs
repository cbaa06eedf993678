//! Copying from and into a file: rows in the form that other backends take and give.
//!
//! What belongs here: the connection, and doing statements. What doesn't: the statements (`store::copying`).

use async_trait::async_trait;
use rusqlite::{Connection, params_from_iter};

use crate::store::StoreError;
use crate::store::copying::{Dialect, Row, Rows, Statement, Tables};

use super::connection::DatabasePath;
use super::delivery_lock::DeliveryLock;
use super::fault::Fault;
use super::opening::storage;
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
}

#[async_trait]
impl Rows for FileTables {
    fn dialect(&self) -> Dialect {
        Dialect::File
    }

    async fn run(&mut self, statements: Vec<Statement>) -> Result<Vec<Row>, StoreError> {
        run(&self.connection, &statements).map_err(|fault| fault.into_store_error(DOING))
    }
}

#[async_trait]
impl Tables for FileTables {
    async fn is_in_use(&mut self) -> Result<bool, StoreError> {
        Ok(!self.right.take().map_err(|error| storage(DOING, error))?)
    }
}

fn run(connection: &Connection, statements: &[Statement]) -> Result<Vec<Row>, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let mut found = Vec::new();
    for Statement { sql, rows } in statements {
        let mut statement = transaction.prepare_cached(sql)?;
        let columns = statement.column_count();
        for values in rows {
            let rows = statement.query_map(params_from_iter(values), |row| {
                (0..columns).map(|place| row.get(place)).collect()
            })?;
            found = rows.collect::<Result<_, _>>()?;
        }
    }
    transaction.commit()?;
    Ok(found)
}
