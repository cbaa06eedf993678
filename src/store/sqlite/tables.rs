//! Tables on SQLite: the reads of the unit of work, and the rows that changes come to.
//!
//! What belongs here and below: SQL, a file for each group of tables. What doesn't: rules.

mod audit;
mod calls;
mod deliveries;
mod inbox;
mod lanes;
pub mod meta;
mod people;

use rusqlite::{Connection, Params, Row, ToSql};

use crate::store::columns::{ColumnValue, Columns, FromColumns};
use crate::store::rows::Changes;

use super::connection::overwrite;
use super::fault::Fault;

/// Does a statement.
pub(super) fn change(connection: &Connection, sql: &str, values: impl Params) -> Result<(), Fault> {
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Reads the rows that a statement gives.
pub(super) fn read<T: FromColumns>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Vec<T>, Fault> {
    connection.prepare_cached(sql)?.query_and_then(values, |row| T::read(row))?.collect()
}

/// Reads the rows that a statement gives for each of some keys.
pub(super) fn read_by<T: FromColumns>(
    connection: &Connection,
    sql: &str,
    keys: impl IntoIterator<Item = impl ToSql>,
) -> Result<Vec<T>, Fault> {
    let mut found = Vec::new();
    for key in keys {
        found.append(&mut read(connection, sql, [key])?);
    }
    Ok(found)
}

/// Reads the first row that a statement gives, if it gives one.
pub(super) fn find<T: FromColumns>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Option<T>, Fault> {
    connection.prepare_cached(sql)?.query_and_then(values, |row| T::read(row))?.next().transpose()
}

impl Columns for Row<'_> {
    type Fault = Fault;

    fn get<T: ColumnValue>(&self, place: usize) -> Result<T, Fault> {
        Ok(self.get(place)?)
    }
}

pub(super) fn write(connection: &Connection, changes: Changes) -> Result<(), Fault> {
    // Pages that payloads free are overwritten, so that nothing of them stays in the file.
    let frees =
        changes.is_erasing || !changes.dropped.is_empty() || !changes.removed_deliveries.is_empty();
    if frees {
        overwrite(connection, true)?;
    }
    deliveries::remove(connection, &changes.removed_deliveries)?;
    inbox::write(connection, &changes)?;
    calls::remove(connection, &changes)?;
    deliveries::rewrite(connection, &changes.calls)?;
    people::remove(connection, &changes)?;
    people::write(connection, &changes)?;
    if frees {
        overwrite(connection, false)?;
    }
    audit::write(connection, &changes)?;
    deliveries::write(connection, &changes.deliveries)?;
    calls::write(connection, &changes)?;
    lanes::write(connection, &changes.lanes)?;
    deliveries::append(connection, &changes.appended)?;
    deliveries::raise(connection, &changes.raised)?;
    meta::write(connection, &changes)
}
