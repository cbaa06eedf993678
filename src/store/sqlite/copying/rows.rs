//! Rows of any part: statements made of the columns of the common form.

use rusqlite::{Connection, params_from_iter};

use crate::store::copying::{Column, Kind, Part, Row, list};
use crate::store::meta::Meta;

use super::super::fault::Fault;

/// Returns the number of rows of a part.
pub(super) fn count(connection: &Connection, part: &Part) -> Result<u64, Fault> {
    let sql = format!("SELECT COUNT(*) FROM {}", part.rows());
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// A column as the common form has it.
fn read((name, kind): Column) -> String {
    match kind {
        Kind::Text => name.to_owned(),
        Kind::Number | Kind::Flag => format!("CAST({name} AS TEXT)"),
        Kind::Bytes | Kind::Id => format!("iif({name} IS NULL, NULL, lower(hex({name})))"),
    }
}

/// A value of the common form as a column has it, by its number.
fn place(number: usize, kind: Kind) -> String {
    match kind {
        Kind::Text => format!("?{number}"),
        Kind::Number | Kind::Flag => format!("CAST(?{number} AS INTEGER)"),
        Kind::Bytes | Kind::Id => format!("unhex(?{number})"),
    }
}

/// The next rows of a part.
pub(super) fn page(
    connection: &Connection,
    part: &Part,
    after: Option<&Row>,
) -> Result<Vec<Row>, Fault> {
    let sql = part.page(&part.rows(), after.is_none(), read, place);
    let mut statement = connection.prepare_cached(&sql)?;
    let after = params_from_iter(after.into_iter().flatten());
    let rows = statement
        .query_map(after, |row| (0..part.columns.len()).map(|place| row.get(place)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes rows that another store has given. With `clears` they take the place of all others.
pub(super) fn write(
    connection: &Connection,
    part: &Part,
    clears: bool,
    rows: &[Row],
) -> Result<(), Fault> {
    let table = part.table;
    if clears {
        let only = if table == "meta" { Meta::copied_rows() } else { "true".to_owned() };
        connection.execute(&format!("DELETE FROM {table} WHERE {only}"), [])?;
    }
    let names = list(part.columns, |_, (name, _)| name.to_owned());
    let places = list(part.columns, |number, (_, kind)| place(number, kind));
    let mut insert =
        connection.prepare_cached(&format!("INSERT INTO {table} ({names}) VALUES ({places})"))?;
    for row in rows {
        insert.execute(params_from_iter(row))?;
    }
    Ok(())
}
