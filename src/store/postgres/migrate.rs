//! Migrations: numbered SQL, each applied once, by whichever relay comes first.
//!
//! What belongs here: which migrations there are, and in which order they go. What doesn't: what a
//! relay does with the tables. During a rolling deploy the version before works on beside this one,
//! so a migration only adds; what it makes superfluous goes with a later one, which names the oldest
//! version that can do without.

use sha2::{Digest, Sha256};

use crate::domain::Time;
use crate::store::StoreError;

use super::fault::Fault;
use super::transaction::Transaction;

struct Migration {
    sql: &'static str,
    /// The oldest schema whose relays still work on this one.
    fit_for: i64,
}

/// In order; the first is version 1. What was released never changes.
const MIGRATIONS: &[Migration] =
    &[Migration { sql: include_str!("migrations/0001_first.sql"), fit_for: 1 }];

/// A number of the relay's own, for the server's advisory locks: "RELA".
pub(super) const LOCKS: i32 = 0x5245_4c41;

/// Brings the schema to this version's, or leaves a newer one that this version can work on.
///
/// # Errors
/// [`StoreError::TooNew`] if it can't, [`StoreError::Unreadable`] if the schema was made by
/// something else.
pub(super) async fn migrate(transaction: &Transaction, now: Time) -> Result<(), Fault> {
    refuse_encoding(transaction).await?;
    // One at a time; ends with the transaction.
    let lock = "SELECT pg_advisory_xact_lock($1, hashtext('migrate' || current_schema()))";
    transaction.rows(lock, &[&LOCKS]).await?;
    transaction
        .script(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                 version bigint PRIMARY KEY,
                 sha256 bytea NOT NULL,
                 fit_for bigint NOT NULL,
                 applied_at bigint NOT NULL
             )",
        )
        .await?;
    let known = i64::try_from(MIGRATIONS.len()).expect("a small number");
    let sql = "SELECT version, sha256, fit_for FROM schema_migrations ORDER BY version";
    let mut found = 0;
    for (version, sha256, fit_for) in transaction.read::<(i64, Vec<u8>, i64)>(sql, &[]).await? {
        if fit_for > known {
            return Err(StoreError::TooNew { found: version, known }.into());
        }
        let own = usize::try_from(version - 1).ok().and_then(|place| MIGRATIONS.get(place));
        if own.is_some_and(|own| Sha256::digest(own.sql).as_slice() != sha256) {
            let detail = format!("migration {version} isn't the one that this version knows");
            return Err(StoreError::Unreadable { what: "a schema", detail }.into());
        }
        found = version;
    }
    for (version, migration) in (1..).zip(MIGRATIONS).skip_while(|(version, _)| *version <= found) {
        let sql = "INSERT INTO schema_migrations (version, sha256, fit_for, applied_at)
             VALUES ($1, $2, $3, $4)";
        let sha256 = Sha256::digest(migration.sql).to_vec();
        // First, because the first migration notes when the store was made.
        transaction.change(sql, &[&version, &sha256, &migration.fit_for, &now.micros()]).await?;
        transaction.script(migration.sql).await?;
        tracing::info!(version, "migrated the store");
    }
    Ok(())
}

/// Refuses a database that can't hold every text.
async fn refuse_encoding(transaction: &Transaction) -> Result<(), Fault> {
    let found = transaction.read("SELECT current_setting('server_encoding')", &[]).await?;
    let encoding: String = found.into_iter().next().unwrap_or_default();
    if encoding == "UTF8" {
        return Ok(());
    }
    let source = format!(
        "its database holds {encoding} and not every text; make one with \
         CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
    );
    Err(StoreError::unavailable("be opened", source).into())
}

/// True if a relay has made its tables here.
pub(super) async fn is_made(transaction: &Transaction) -> Result<bool, Fault> {
    let sql = "SELECT to_regclass('schema_migrations') IS NOT NULL";
    Ok(transaction.read(sql, &[]).await?.pop().unwrap_or(false))
}
