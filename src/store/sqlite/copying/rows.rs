//! Rows of any part: statements made of the columns of the common form.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::store::copying::{Cell, Column, Kind, Part, Row};
use crate::store::meta::Meta;

use super::super::fault::Fault;

/// Which rows are copied.
fn only(part: Part) -> String {
    match part {
        Part::Meta => Meta::copied_rows(),
        _ => "1".to_owned(),
    }
}

/// How many rows of a part are copied.
pub(super) fn count(connection: &Connection, part: Part) -> Result<u64, Fault> {
    let sql = format!("SELECT COUNT(*) FROM {} WHERE {}", part.table(), only(part));
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// A column as the common form has it.
fn expression(part: Part, (name, kind): Column) -> String {
    match kind {
        Kind::Webhook => {
            format!("(SELECT inbox.id FROM inbox WHERE seq = {}.webhook)", part.table())
        }
        _ => name.to_owned(),
    }
}

/// The place of a value in a statement.
fn place(number: usize, kind: Kind) -> String {
    match kind {
        Kind::Webhook => format!("(SELECT seq FROM inbox WHERE id = ?{number})"),
        _ => format!("?{number}"),
    }
}

/// A list of what there is for each column of the key.
fn key(part: Part, one: impl Fn(usize, Column) -> String) -> String {
    let columns = part.columns()[..part.key_length()].iter().enumerate();
    columns.map(|(at, column)| one(at + 1, *column)).collect::<Vec<_>>().join(", ")
}

/// The next rows of a part.
pub(super) fn page(
    connection: &Connection,
    part: Part,
    after: Option<&[Cell]>,
) -> Result<Vec<Row>, Fault> {
    let columns: Vec<String> = part.columns().iter().map(|it| expression(part, *it)).collect();
    let names = key(part, |_, (name, _)| name.to_owned());
    let behind = match after {
        Some(_) => format!("({names}) > ({})", key(part, |at, (_, kind)| place(at, kind))),
        None => "1".to_owned(),
    };
    let only = only(part);
    let sql = format!(
        "SELECT {} FROM {} WHERE {behind} AND {only} ORDER BY {names} LIMIT {}",
        columns.join(", "),
        part.table(),
        part.page()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows =
        statement.query(params_from_iter(after.unwrap_or_default().iter().map(value)))?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(Row(cells(row, part.columns().len())?));
    }
    Ok(page)
}

fn value(cell: &Cell) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match cell {
        Cell::Null => ValueRef::Null,
        Cell::Number(number) => ValueRef::Integer(*number),
        Cell::Text(text) => ValueRef::Text(text.as_bytes()),
        Cell::Bytes(bytes) => ValueRef::Blob(bytes),
    })
}

/// The first columns of a row.
pub(super) fn cells(row: &rusqlite::Row<'_>, count: usize) -> Result<Vec<Cell>, Fault> {
    let cell = |place| {
        Ok(match row.get_ref(place)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Number(number),
            ValueRef::Text(_) => Cell::Text(row.get(place)?),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_owned()),
            ValueRef::Real(_) => return Err(Fault::unreadable("a row", "a fraction in it")),
        })
    };
    (0..count).map(cell).collect()
}

/// The statement that writes a row.
fn insert(part: Part) -> String {
    let columns = part.columns().iter().enumerate();
    let names: Vec<&str> = part.columns().iter().map(|(name, _)| *name).collect();
    let places: Vec<String> = columns.map(|(at, (_, kind))| place(at + 1, *kind)).collect();
    let (table, names, places) = (part.table(), names.join(", "), places.join(", "));
    match part {
        Part::Notes | Part::Counters | Part::Meta => {
            format!("INSERT OR REPLACE INTO {table} ({names}) VALUES ({places})")
        }
        _ => format!("INSERT INTO {table} ({names}) VALUES ({places})"),
    }
}

/// Writes rows that another store has given.
pub(super) fn write(connection: &Connection, part: Part, rows: &[Row]) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(&insert(part))?;
    for Row(cells) in rows {
        insert.execute(params_from_iter(cells.iter().map(value)))?;
    }
    Ok(())
}
