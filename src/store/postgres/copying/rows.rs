//! Rows of any part: statements made of the columns of the common form.

use crate::store::copying::{Column, Kind, Part, Row, list};
use crate::store::meta::Meta;

use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::super::value::{Value, text};

/// Returns what a part's rows are read from.
fn source(part: &Part) -> String {
    match part.table {
        // Each is spread over several rows, and none has any before it is first counted.
        "counters" => "(SELECT names.name, COALESCE(SUM(value), 0)::bigint AS value
             FROM (VALUES ('dead'), ('parked'), ('pending')) AS names (name)
             LEFT JOIN counters ON counters.name = names.name GROUP BY names.name) AS counters"
            .to_owned(),
        _ => part.rows(),
    }
}

/// Returns the number of rows of a part.
pub(super) async fn count(transaction: &Transaction, part: &Part) -> Result<u64, Fault> {
    let row = transaction.row(&format!("SELECT COUNT(*) FROM {}", source(part)), &[]).await?;
    let count: i64 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
    Ok(u64::try_from(count).unwrap_or(0))
}

/// A column as the common form has it.
fn read((name, kind): Column) -> String {
    match kind {
        Kind::Text => name.to_owned(),
        Kind::Number => format!("{name}::text"),
        Kind::Flag => format!("{name}::integer::text"),
        Kind::Bytes => format!("encode({name}, 'hex')"),
        Kind::Id => format!("encode(uuid_send({name}), 'hex')"),
    }
}

/// A value of the common form as a column has it.
fn column(value: &str, kind: Kind) -> String {
    match kind {
        Kind::Text => value.to_owned(),
        Kind::Number => format!("{value}::bigint"),
        Kind::Flag => format!("{value}::boolean"),
        Kind::Bytes => format!("decode({value}, 'hex')"),
        Kind::Id => format!("{value}::uuid"),
    }
}

/// The next rows of a part.
pub(super) async fn page(
    transaction: &Transaction,
    part: &Part,
    after: Option<&Row>,
) -> Result<Vec<Row>, Fault> {
    let place = |number, kind| column(&format!("${number}"), kind);
    let sql = part.page(&source(part), after.is_none(), read, place);
    let values: Vec<&dyn Value> = after.into_iter().flatten().map(|it| it as &dyn Value).collect();
    let rows = transaction.rows(&sql, &values).await?;
    let row = |row: &tokio_postgres::Row| {
        (0..part.columns.len()).map(|place| Ok(row.try_get(place)?)).collect()
    };
    rows.iter().map(row).collect()
}

/// Writes rows that another store has given, in one statement: an array a column. With `clears` they take
/// the place of all others.
pub(super) async fn write(
    transaction: &Transaction,
    part: &Part,
    clears: bool,
    rows: &[Row],
) -> Result<(), Fault> {
    let (table, all) = (part.table, part.columns);
    if clears {
        let only = if table == "meta" { Meta::copied_rows() } else { "true".to_owned() };
        transaction.script(&format!("DELETE FROM {table} WHERE {only}")).await?;
    }
    let (more, slot) = if table == "counters" { (", slot", ", 0") } else { ("", "") };
    let names = list(all, |_, (name, _)| name.to_owned());
    let places = list(all, |number, _| format!("${number}"));
    let given = list(all, |number, _| format!("c{number}"));
    let columns = list(all, |number, (_, kind)| column(&format!("c{number}"), kind));
    let sql = format!(
        "INSERT INTO {table} ({names}{more})
         SELECT {columns}{slot} FROM unnest({places}) AS given ({given})"
    );
    let array = |place: usize| rows.iter().map(|row| row[place].as_deref().map(text)).collect();
    let arrays: Vec<Vec<Option<String>>> = (0..all.len()).map(array).collect();
    let values: Vec<&dyn Value> = arrays.iter().map(|array| array as &dyn Value).collect();
    transaction.change(&sql, &values).await.map(drop)
}
