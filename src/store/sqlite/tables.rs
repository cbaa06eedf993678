//! Tables on SQLite: the reads of the unit of work, and the rows that changes come to.
//!
//! What belongs here and below: SQL, a file for each group of tables. What doesn't: rules.

mod audit;
mod deliveries;
mod effects;
mod erasing;
mod finding;
mod inbox;
mod lanes;
mod letters;
pub(super) mod meta;
mod people;

use rusqlite::{Connection, Params, Row};

use crate::store::AvailabilityClock;
use crate::store::columns::{ColumnValue, Columns, FromColumns};
use crate::store::meta::Meta;
use crate::store::rows::{Changes, micros};

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
    inbox::remove_deliveries(connection, &changes.removed_deliveries)?;
    inbox::write(connection, &changes)?;
    letters::take(connection, &changes.taken)?;
    erasing::write(connection, &changes)?;
    people::remove(connection, &changes.removed_people)?;
    people::write(connection, &changes)?;
    if frees {
        overwrite(connection, false)?;
    }
    effects::write(connection, &changes)?;
    for (meta, value) in &changes.metas {
        meta::remember(connection, *meta, value.as_deref())?;
    }
    if let Some(AvailabilityClock { way, reading }) = changes.accepting {
        let reading = micros(reading).to_string();
        meta::remember(connection, Meta::Accepting(way), Some(&reading))?;
    }
    meta::note(connection, &changes.notes)?;
    audit::write(connection, &changes)?;
    deliveries::write(connection, &changes.deliveries)?;
    deliveries::empty(connection, &changes.emptied)?;
    letters::write(connection, &changes.letters)?;
    letters::keep(connection, &changes.attempts)?;
    lanes::write(connection, &changes.lanes)?;
    deliveries::append(connection, &changes.appended)?;
    deliveries::raise(connection, &changes.raised)?;
    meta::count(connection, changes.counters)
}
