//! Values: what a store holds, read row by row as the relay reads it.
//!
//! What belongs here: each table's reader. What doesn't: pages and bodies, which SQLite and hashes
//! answer for (`soundness`), and when a file is read like this (`contents`).

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::domain::Webhook;
use crate::store::columns::{DELIVERY, FromColumns, WEBHOOK};
use crate::store::rows::{DeliveryRow, Half, PersonRow, Waiting};
use crate::store::{StoreError, meta, record};

use super::fault::Fault;
use super::soundness::tables;

/// The greatest distance of a number from zero. The relay adds to numbers and doubles them, so one
/// near the end of what SQLite can hold would leave no room.
const FARTHEST: u64 = 1 << 60;

/// A row that the relay can't read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "row {row} of its table {table} can't be read: {reason}; use an earlier backup, or correct the \
     row while no relay runs"
)]
pub struct Unreadable {
    table: String,
    row: String,
    reason: String,
}

/// Returns the first row that the relay can't read.
pub(super) fn unreadable(connection: &Connection) -> Result<Option<Unreadable>, Fault> {
    for table in tables(connection)? {
        // Two readers go by the order of columns; they find theirs first.
        let columns = match table.as_str() {
            "inbox" => format!("{WEBHOOK}, *"),
            "deliveries" => format!("{DELIVERY}, *"),
            _ => "*".to_owned(),
        };
        let mut statement =
            connection.prepare(&format!("SELECT {columns} FROM {table} NOT INDEXED"))?;
        let count = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Err(fault) = read(&table, row, count) {
                let (row, reason) = (name(row)?, reason(fault));
                return Ok(Some(Unreadable { table, row, reason }));
            }
        }
    }
    Ok(None)
}

fn read(table: &str, row: &Row<'_>, columns: usize) -> Result<(), Fault> {
    for column in 0..columns {
        if let ValueRef::Integer(number) = row.get_ref(column)? {
            leaves_room(row.as_ref().column_name(column)?, number)?;
        }
    }
    match table {
        "meta" => single(row),
        "people" => Ok(record::person(&PersonRow::read(row)?).map(drop)?),
        // A pruned webhook, or one that names an erased person, has no body.
        "inbox" if row.get_ref(5)? == ValueRef::Null => {
            Ok(record::source(&row.get::<_, String>(2)?).map(drop)?)
        }
        "inbox" => Webhook::read(row).map(drop),
        "deliveries" => {
            let mut row = DeliveryRow::read(row)?;
            let calls = [Half::Identify, Half::Call].into_iter().filter_map(|it| row.take(it));
            calls.map(Waiting::read).try_for_each(|call| Ok(call.map(drop)?))
        }
        _ => Ok(()),
    }
}

/// Refuses a number that the relay couldn't add to.
fn leaves_room(name: &str, number: i64) -> Result<(), Fault> {
    if number.unsigned_abs() > FARTHEST {
        return Err(Fault::unreadable("a number", format!("{name} leaves no room for more")));
    }
    Ok(())
}

/// Reads a single value. One of a newer version is nobody's here.
fn single(row: &Row<'_>) -> Result<(), Fault> {
    let (key, value): (String, String) = FromColumns::read(row)?;
    meta::check(&key, &value)?;
    value.parse().map_or(Ok(()), |number| leaves_room(&key, number))
}

/// Returns the first column, by which the row is found.
fn name(row: &Row<'_>) -> Result<String, Fault> {
    Ok(match row.get_ref(0)? {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("x'{}'", hex::encode(bytes)),
        ValueRef::Null | ValueRef::Real(_) => "without a name".to_owned(),
    })
}

/// Returns what is wrong with a row, without what the store was doing.
pub(super) fn reason(fault: Fault) -> String {
    match fault {
        Fault::Store(StoreError::Unreadable { what, detail }) => format!("{what}: {detail}"),
        fault => fault.to_string(),
    }
}
