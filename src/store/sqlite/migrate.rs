//! Migrations: brings the schema of a file to what this version knows.
//!
//! What belongs here: the list of migrations and the runner. What doesn't: the SQL itself, which
//! is in `migrations/`, a numbered file each. A file that was released is never changed, and a
//! migration only adds, because two versions may work on one store while one replaces the other.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::domain::Time;
use crate::store::StoreError;

use super::fault::Fault;

/// All migrations; the first is version 1.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_first.sql")];

/// The table that remembers which migrations were applied.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT";

/// Applies what is missing, each migration in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, now: Time) -> Result<(), Fault> {
    let begin = TransactionBehavior::Immediate;
    connection.transaction_with_behavior(begin).and_then(|transaction| {
        transaction.execute_batch(TABLE)?;
        transaction.commit()
    })?;
    refuse_newer(connection)?;
    for (version, sql) in (1_i64..).zip(MIGRATIONS) {
        // Another process may migrate the same file; the transaction lets one of the two do it.
        let transaction = connection.transaction_with_behavior(begin)?;
        apply(&transaction, version, sql, now)?;
        transaction.commit()?;
    }
    Ok(())
}

/// One thing that a schema is made of: its kind, its name, the table it is of, and its SQL.
type Part = (String, String, String, Option<String>);

/// Returns the first difference between the schema of a file and the one that migrations up to
/// `version` make, in words.
pub(super) fn difference(connection: &Connection, version: i64) -> Result<Option<String>, Fault> {
    let own = Connection::open_in_memory()?;
    own.execute_batch(TABLE)?;
    // The first migration notes when the store was made.
    own.execute("INSERT INTO schema_migrations VALUES (0, '', 0)", [])?;
    for sql in MIGRATIONS.iter().take(usize::try_from(version).unwrap_or(0)) {
        own.execute_batch(sql)?;
    }
    let (found, mut missing) = (parts(connection)?, parts(&own)?);
    for (kind, name, table, sql) in found {
        let place = missing.iter().position(|it| (&it.0, &it.1) == (&kind, &name));
        let of = if table == name { String::new() } else { format!(" of {table:?}") };
        match place.map(|place| missing.remove(place)) {
            None => return Ok(Some(format!("it holds {kind} {name:?}{of}, which isn't its own"))),
            Some(it) if (it.2 != table, it.3 != sql) != (false, false) => {
                return Ok(Some(format!("its {kind} {name:?}{of} was altered")));
            }
            Some(_) => {}
        }
    }
    if let Some((kind, name, ..)) = missing.first() {
        return Ok(Some(format!("its {kind} {name:?} is missing")));
    }
    let mark = |of: &Connection| -> Result<i64, Fault> {
        Ok(of.query_row("SELECT application_id FROM pragma_application_id", [], |row| row.get(0))?)
    };
    let (found, known) = (mark(connection)?, mark(&own)?);
    Ok((found != known).then(|| format!("its application_id is {found}, not {known}")))
}

/// Returns all parts of a schema, without the statistics that SQLite itself keeps there.
fn parts(connection: &Connection) -> Result<Vec<Part>, Fault> {
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema
         WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))";
    let mut statement = connection.prepare(sql)?;
    let parts =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(parts.collect::<Result<_, _>>()?)
}

/// Returns the version of a schema that this version knows, or an older one; changes nothing.
pub(super) fn version(connection: &Connection) -> Result<i64, Fault> {
    refuse_newer(connection)?;
    let mut version = 0;
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        if is_applied(connection, number, sql)? {
            version = number;
        }
    }
    Ok(version)
}

fn refuse_newer(connection: &Connection) -> Result<(), Fault> {
    let known = i64::try_from(MIGRATIONS.len()).expect("a short list");
    let sql = "SELECT COALESCE(MAX(version), 0) FROM schema_migrations";
    let found = connection.query_row(sql, [], |row| row.get(0))?;
    if found > known {
        return Err(Fault::Store(StoreError::TooNew { found, known }));
    }
    Ok(())
}

fn apply(transaction: &Transaction<'_>, version: i64, sql: &str, now: Time) -> Result<(), Fault> {
    if is_applied(transaction, version, sql)? {
        return Ok(());
    }
    // First, because the first migration notes when the store was made.
    transaction.execute(
        "INSERT INTO schema_migrations (version, sha256, applied_at) VALUES (?1, ?2, ?3)",
        params![version, checksum(sql), now.micros()],
    )?;
    transaction.execute_batch(sql)?;
    Ok(())
}

fn is_applied(connection: &Connection, version: i64, sql: &str) -> Result<bool, Fault> {
    let applied: Option<String> = connection
        .query_row("SELECT sha256 FROM schema_migrations WHERE version = ?1", [version], |row| {
            row.get(0)
        })
        .optional()?;
    match applied {
        Some(applied) if applied != checksum(sql) => Err(Fault::unreadable(
            "a schema",
            format!("migration {version} isn't the one that was applied to it"),
        )),
        applied => Ok(applied.is_some()),
    }
}

fn checksum(sql: &str) -> String {
    hex::encode(Sha256::digest(sql))
}
