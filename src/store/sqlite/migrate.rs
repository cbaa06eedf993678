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

/// Applies what is missing, each migration in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, now: Time) -> Result<(), Fault> {
    let begin = TransactionBehavior::Immediate;
    connection.transaction_with_behavior(begin).and_then(|transaction| {
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                version INTEGER PRIMARY KEY,
                sha256 TEXT NOT NULL,
                applied_at INTEGER NOT NULL
            ) STRICT",
        )?;
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

/// The version of a schema that this version knows, or an older one; changes nothing.
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
