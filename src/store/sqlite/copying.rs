//! Copying from and into a file: rows in the form that other backends take and give.
//!
//! What belongs here: the connection, and doing statements. What doesn't: the statements (`store::copying`).

use async_trait::async_trait;
use rusqlite::{Connection, params_from_iter};

use crate::store::StoreError;
use crate::store::copying::{Dialect, Row, Statement, Tables};

use super::Options;
use super::connection::{DatabasePath, keep_as_it_is};
use super::delivery_lock::DeliveryLock;
use super::fault::Fault;
use super::opening;

const DOING: &str = "be copied";

/// A file's rows.
pub(crate) struct FileTables {
    connection: Connection,
    right: DeliveryLock,
}

impl FileTables {
    /// Opens the file, and makes it if it isn't there.
    ///
    /// # Errors
    /// As [`SqliteStore::open`](super::SqliteStore::open), but for its secret.
    pub(crate) fn open(path: &std::path::Path, options: &Options) -> Result<Self, StoreError> {
        let place = DatabasePath::new(path, options.busy_timeout);
        let connection = opening::open_by(&place, options, |place, options| {
            let connection = opening::migrated(place, options)?;
            keep_as_it_is(&connection, false)?;
            Ok(connection)
        })?;
        Ok(Self { connection, right: DeliveryLock::new(place.lock_file()) })
    }
}

#[async_trait]
impl Tables for FileTables {
    fn dialect(&self) -> Dialect {
        Dialect::File
    }

    async fn run(&mut self, statements: Vec<Statement>) -> Result<Vec<Row>, StoreError> {
        run(&self.connection, &statements).map_err(|fault| fault.into_store_error(DOING))
    }

    async fn is_in_use(&mut self) -> Result<bool, StoreError> {
        Ok(!self.right.take().map_err(|error| StoreError::unavailable(DOING, error))?)
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
