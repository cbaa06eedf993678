//! Dialects: what a copy asks of a store, in the SQL of its backend.
//!
//! What belongs here: statements over the columns of any part. What doesn't: doing them, which is the
//! backend's, and in which order (`steps`).

use crate::store::StoreError;
use crate::store::meta::{COPYING, copied_rows};
use crate::store::record::{text, unreadable};
use crate::store::rows::Counters;

use super::Tables;
use super::part::{Column, Kind, Part, Row, list};

/// The SQL of a backend. Its statements take and give texts. A value has its number behind `$`, and SQLite counts
/// them by their first places in the statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// SQLite's.
    File,
    /// Postgres's.
    Server,
}

/// A statement, done once for each row of values.
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) rows: Vec<Row>,
}

impl Statement {
    fn new(sql: impl Into<String>, values: Row) -> Self {
        Self { sql: sql.into(), rows: vec![values] }
    }
}

impl Dialect {
    /// Returns a column as the common form has it.
    fn read(self, (name, kind): Column) -> String {
        match (kind, self) {
            (Kind::Text, _) => name.to_owned(),
            (Kind::Number, _) => format!("CAST({name} AS TEXT)"),
            (Kind::Flag, _) => format!("CAST(CAST({name} AS INTEGER) AS TEXT)"),
            (Kind::Bytes | Kind::Id, Self::File) => {
                format!("iif({name} IS NULL, NULL, lower(hex({name})))")
            }
            (Kind::Bytes, Self::Server) => format!("encode({name}, 'hex')"),
            (Kind::Id, Self::Server) => format!("encode(uuid_send({name}), 'hex')"),
        }
    }

    /// Returns a value of the common form as a column has it.
    fn column(self, value: &str, kind: Kind) -> String {
        match (kind, self) {
            (Kind::Text, _) => value.to_owned(),
            (Kind::Number, _) => format!("CAST({value} AS BIGINT)"),
            (Kind::Flag, _) => format!("CAST({value} AS BOOLEAN)"),
            (Kind::Bytes | Kind::Id, Self::File) => format!("unhex({value})"),
            (Kind::Bytes, Self::Server) => format!("decode({value}, 'hex')"),
            (Kind::Id, Self::Server) => format!("CAST({value} AS UUID)"),
        }
    }

    /// Returns what a part's rows are read from.
    fn source(self, part: &Part) -> String {
        match (part.table, self) {
            ("meta", _) => format!("(SELECT * FROM meta WHERE {}) AS meta", copied_rows()),
            // Each is spread over several rows, and none has any before it is first counted.
            ("counters", Self::Server) => {
                let names = Counters::NAMES.map(|name| format!("('{name}')")).join(", ");
                format!(
                    "(SELECT names.name, COALESCE(SUM(value), 0)::bigint AS value
                     FROM (VALUES {names}) AS names (name)
                     LEFT JOIN counters ON counters.name = names.name GROUP BY names.name)
                     AS counters"
                )
            }
            (table, _) => table.to_owned(),
        }
    }

    fn insert(self, part: &Part, rows: &[Row]) -> Statement {
        let (table, names) = (part.table, list(part.columns, |_, (name, _)| name.to_owned()));
        if self == Self::File {
            let values =
                list(part.columns, |number, (_, kind)| self.column(&format!("${number}"), kind));
            let sql = format!("INSERT INTO {table} ({names}) VALUES ({values})");
            return Statement { sql, rows: rows.to_vec() };
        }
        // All rows at once, as an array of arrays.
        let values = list(part.columns, |number, (_, kind)| {
            self.column(&format!("(value ->> {})", number - 1), kind)
        });
        let sql = format!(
            "INSERT INTO {table} ({names}) SELECT {values}
             FROM jsonb_array_elements(CAST($1 AS jsonb)) AS given (value)"
        );
        let cells =
            |row: &Row| -> Row { row.iter().map(|cell| cell.as_deref().map(text)).collect() };
        let rows: Vec<Row> = rows.iter().map(cells).collect();
        Statement::new(sql, vec![Some(serde_json::to_string(&rows).expect("texts can be written"))])
    }

    fn make_ready(self, given: &Row) -> Vec<Statement> {
        let [people, deliveries] = [0, 1].map(|place| given[place].clone());
        if self == Self::Server {
            let sql = "SELECT setval('people_id_seq', GREATEST(CAST($1 AS BIGINT), 1)),
                     setval('deliveries_id_seq', GREATEST(CAST($2 AS BIGINT), 1)),
                     setval('attempts_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM attempts)),
                     setval('audit_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM audit))";
            // Else the first plans of statements are made for empty tables.
            let analyze =
                |part: Part| Statement::new(format!("ANALYZE {}", part.table), Vec::new());
            let analyze = Part::ALL.into_iter().map(analyze);
            return [Statement::new(sql, vec![people, deliveries])]
                .into_iter()
                .chain(analyze)
                .collect();
        }
        let mut statements = Vec::new();
        for (table, last) in [("people", people), ("deliveries", deliveries)] {
            for sql in [
                "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, CAST(?2 AS BIGINT)
                 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
                "UPDATE sqlite_sequence SET seq = MAX(seq, CAST(?2 AS BIGINT)) WHERE name = ?1",
            ] {
                statements.push(Statement::new(sql, vec![Some(table.to_owned()), last.clone()]));
            }
        }
        statements
    }
}

async fn row(
    store: &mut dyn Tables,
    sql: impl Into<String>,
    values: Row,
) -> Result<Row, StoreError> {
    let mut rows = store.run(vec![Statement::new(sql, values)]).await?;
    rows.pop().ok_or_else(|| unreadable("a number", "there is none"))
}

/// Returns the next rows of a part by its key, behind the one given; none behind the last.
pub(super) async fn page(
    store: &mut dyn Tables,
    part: &Part,
    after: Option<&Row>,
) -> Result<Vec<Row>, StoreError> {
    let dialect = store.dialect();
    let columns = list(part.columns, |_, column| dialect.read(column));
    // By the table's columns, not by the form they are read in.
    let key = list(part.key, |_, (name, _)| format!("{}.{name}", part.table));
    let places = list(part.key, |number, (_, kind)| dialect.column(&format!("${number}"), kind));
    let behind = if after.is_none() { "true".to_owned() } else { format!("({key}) > ({places})") };
    let (limit, fits) = match part.table {
        "inbox" => (WEBHOOKS, fits(&behind)),
        "deliveries" => (1_000, "true".to_owned()),
        _ => (4_000, "true".to_owned()),
    };
    let rows = dialect.source(part);
    let sql = format!(
        "SELECT {columns} FROM {rows} WHERE {behind} AND {fits} ORDER BY {key} LIMIT {limit}"
    );
    store.run(vec![Statement::new(sql, after.cloned().unwrap_or_default())]).await
}

/// Webhooks of a page.
const WEBHOOKS: usize = 100;

/// Bytes of the bodies on a page, unless the last is longer. So a page fits into memory, and into what a server
/// takes at once, which is 1 GB.
const BODIES: usize = 32 << 20;

/// Returns the condition that the bodies up to a webhook fit on a page.
fn fits(behind: &str) -> String {
    format!(
        "inbox.sha256 <= (SELECT sha256 FROM
             (SELECT sha256, length, SUM(length) OVER (ORDER BY sha256) AS lengths FROM
                 (SELECT sha256, COALESCE(length(body), 0) AS length FROM inbox
                  WHERE {behind} ORDER BY sha256 LIMIT {WEBHOOKS}) AS following) AS summed
             WHERE lengths - length < {BODIES} ORDER BY sha256 DESC LIMIT 1)"
    )
}

/// Returns the number of rows of a part.
pub(super) async fn count(store: &mut dyn Tables, part: &Part) -> Result<u64, StoreError> {
    let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {}", store.dialect().source(part));
    let count = row(store, sql, Vec::new()).await?;
    Ok(count[0].as_ref().and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// Returns the highest numbers that a store has given to people and deliveries.
pub(super) async fn given(store: &mut dyn Tables) -> Result<Row, StoreError> {
    let sql = match store.dialect() {
        Dialect::File => {
            "SELECT
                 CAST(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'people'), 0) AS TEXT),
                 CAST(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'), 0) AS TEXT)"
        }
        Dialect::Server => {
            "SELECT people.last_value::text, deliveries.last_value::text
             FROM people_id_seq AS people, deliveries_id_seq AS deliveries"
        }
    };
    row(store, sql, Vec::new()).await
}

/// Makes a store give higher numbers than these, and makes it ready for work.
pub(super) async fn make_ready(store: &mut dyn Tables, given: &Row) -> Result<(), StoreError> {
    store.run(store.dialect().make_ready(given)).await.map(drop)
}

/// Returns a single value.
pub(super) async fn recall(
    store: &mut dyn Tables,
    key: &str,
) -> Result<Option<String>, StoreError> {
    let key = Some(key.to_owned());
    let sql = "SELECT value FROM meta WHERE key = $1";
    let rows = store.run(vec![Statement::new(sql, vec![key])]).await?;
    Ok(rows.into_iter().flatten().next().flatten())
}

/// Writes the mark of a copy, or removes it.
pub(super) async fn mark(store: &mut dyn Tables, mark: Option<&str>) -> Result<(), StoreError> {
    store.run(vec![marking(mark)]).await.map(drop)
}

fn marking(mark: Option<&str>) -> Statement {
    let key = Some(COPYING.to_owned());
    match mark {
        Some(mark) => Statement::new(
            "INSERT INTO meta (key, value) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            vec![key, Some(mark.to_owned())],
        ),
        None => Statement::new("DELETE FROM meta WHERE key = $1", vec![key]),
    }
}

/// Writes rows that [`page`] has given for another store, and the mark, in one transaction. Those that a store
/// has when it is opened make room.
pub(super) async fn write(
    store: &mut dyn Tables,
    part: &Part,
    is_first: bool,
    rows: &[Row],
    mark: &str,
) -> Result<(), StoreError> {
    let mut statements = Vec::new();
    if is_first && !part.is_empty_at_first() {
        let only = if part.table == "meta" { copied_rows() } else { "true".to_owned() };
        let sql = format!("DELETE FROM {} WHERE {only}", part.table);
        statements.push(Statement::new(sql, Vec::new()));
    }
    statements.push(store.dialect().insert(part, rows));
    statements.push(marking(Some(mark)));
    store.run(statements).await.map(drop)
}
