//! Rows of any part: statements made of the columns of the common form.

use crate::store::copying::{Cell, Kind, Part, Row};
use crate::store::meta::Meta;

use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::super::value::{Value, text};

/// Where a part's rows are read.
fn table(part: Part) -> String {
    match part {
        // Each is spread over several rows, and none has any before it is first counted.
        Part::Counters => "(SELECT names.name, COALESCE(SUM(value), 0)::bigint AS value
             FROM (VALUES ('dead'), ('parked'), ('pending')) AS names (name)
             LEFT JOIN counters ON counters.name = names.name GROUP BY names.name) AS counters"
            .to_owned(),
        Part::Meta => format!("(SELECT * FROM meta WHERE {}) AS meta", Meta::copied_rows()),
        _ => part.table().to_owned(),
    }
}

/// How many rows a part has.
pub(super) async fn count(transaction: &Transaction, part: Part) -> Result<u64, Fault> {
    let sql = format!("SELECT COUNT(*) FROM {}", table(part));
    let row = transaction.row(&sql, &[]).await?;
    let count: i64 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
    Ok(u64::try_from(count).unwrap_or(0))
}

/// A column as the common form has it.
fn expression(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Number | Kind::Text | Kind::Bytes => name.to_owned(),
        Kind::Whole | Kind::Short => format!("{name}::bigint"),
        Kind::Flag => format!("{name}::integer::bigint"),
        Kind::Id | Kind::Webhook => format!("uuid_send({name})"),
    }
}

/// A value of the common form as a column has it.
fn column(value: &str, kind: Kind) -> String {
    match kind {
        Kind::Number | Kind::Text | Kind::Bytes => value.to_owned(),
        Kind::Whole => format!("{value}::integer"),
        Kind::Short => format!("{value}::smallint"),
        Kind::Flag => format!("({value} <> 0)"),
        Kind::Id | Kind::Webhook => format!("encode({value}, 'hex')::uuid"),
    }
}

/// The next rows of a part.
pub(super) async fn page(
    transaction: &Transaction,
    part: Part,
    after: Option<&[Cell]>,
) -> Result<Vec<Row>, Fault> {
    let all = part.columns();
    let columns: Vec<String> = all.iter().map(|(name, kind)| expression(name, *kind)).collect();
    let key = &all[..part.key_length()];
    let names: Vec<&str> = key.iter().map(|(name, _)| *name).collect();
    let places = key.iter().zip(1..).map(|((_, kind), at)| column(&format!("${at}"), *kind));
    let behind = match after {
        Some(_) => {
            format!("WHERE ({}) > ({})", names.join(", "), places.collect::<Vec<_>>().join(", "))
        }
        None => String::new(),
    };
    let sql = format!(
        "SELECT {} FROM {} {behind} ORDER BY {} LIMIT {}",
        columns.join(", "),
        table(part),
        names.join(", "),
        part.page()
    );
    let values: Vec<Box<dyn Value + Send>> = after.unwrap_or_default().iter().map(value).collect();
    let values: Vec<&dyn Value> = values.iter().map(|value| &**value as &dyn Value).collect();
    let mut page = Vec::new();
    for row in transaction.rows(&sql, &values).await? {
        page.push(Row(all
            .iter()
            .enumerate()
            .map(|(place, (_, kind))| cell(&row, place, *kind))
            .collect::<Result<_, _>>()?));
    }
    Ok(page)
}

fn value(cell: &Cell) -> Box<dyn Value + Send> {
    match cell {
        Cell::Null => Box::new(None::<i64>),
        Cell::Number(number) => Box::new(*number),
        Cell::Text(text) => Box::new(text.clone()),
        Cell::Bytes(bytes) => Box::new(bytes.clone()),
    }
}

fn cell(row: &tokio_postgres::Row, place: usize, kind: Kind) -> Result<Cell, Fault> {
    let cell = match kind {
        Kind::Number | Kind::Whole | Kind::Short | Kind::Flag => {
            row.try_get::<_, Option<i64>>(place)?.map_or(Cell::Null, Cell::Number)
        }
        Kind::Text => row.try_get::<_, Option<String>>(place)?.map_or(Cell::Null, Cell::Text),
        Kind::Bytes | Kind::Id | Kind::Webhook => {
            row.try_get::<_, Option<Vec<u8>>>(place)?.map_or(Cell::Null, Cell::Bytes)
        }
    };
    Ok(cell)
}

/// Writes rows that another store has given, in one statement: an array a column.
pub(super) async fn write(
    transaction: &Transaction,
    part: Part,
    rows: &[Row],
) -> Result<(), Fault> {
    let all = part.columns();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let places = (1..=all.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
    let given = (1..=all.len()).map(|at| format!("c{at}")).collect::<Vec<_>>().join(", ");
    let columns: Vec<String> =
        all.iter().zip(1..).map(|((_, kind), at)| column(&format!("c{at}"), *kind)).collect();
    let (names, columns) = (names.join(", "), columns.join(", "));
    let from = format!("FROM unnest({places}) AS given ({given})");
    let table = part.table();
    let sql = match part {
        Part::Counters => format!("INSERT INTO {table} ({names}, slot) SELECT {columns}, 0 {from}"),
        _ => format!("INSERT INTO {table} ({names}) SELECT {columns} {from}"),
    };
    let arrays: Vec<Box<dyn Value + Send + '_>> =
        all.iter().enumerate().map(|(place, (_, kind))| array(rows, place, *kind)).collect();
    let values: Vec<&dyn Value> = arrays.iter().map(|array| &**array as &dyn Value).collect();
    transaction.change(&sql, &values).await?;
    Ok(())
}

fn array(rows: &[Row], place: usize, kind: Kind) -> Box<dyn Value + Send + '_> {
    let cells = rows.iter().map(|Row(cells)| &cells[place]);
    match kind {
        Kind::Number | Kind::Whole | Kind::Short | Kind::Flag => Box::new(
            cells
                .map(|cell| match cell {
                    Cell::Number(number) => Some(*number),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
        Kind::Text => Box::new(
            cells
                .map(|cell| match cell {
                    Cell::Text(it) => Some(text(it)),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
        Kind::Bytes | Kind::Id | Kind::Webhook => Box::new(
            cells
                .map(|cell| match cell {
                    Cell::Bytes(bytes) => Some(bytes.as_slice()),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
    }
}

/// A row as it is read again.
pub(super) fn kept(_part: Part, Row(mut cells): Row) -> Row {
    for cell in &mut cells {
        if let Cell::Text(it) = cell {
            *it = text(it);
        }
    }
    Row(cells)
}

/// Removes what a store has that was only opened.
pub(super) async fn clear(transaction: &Transaction) -> Result<(), Fault> {
    transaction
        .script(&format!(
            "DELETE FROM counters; DELETE FROM notes; DELETE FROM meta WHERE {}",
            Meta::copied_rows()
        ))
        .await
}
