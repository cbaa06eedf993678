//! The table `notes`.

use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::text;
use crate::store::unit::NoteRows;

impl NoteRows for Transaction {
    async fn note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        read(self, name, "SELECT value FROM notes WHERE name = $1").await
    }

    async fn hold_note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        // The lock is there before the row is, so that two don't both make the first one.
        let lock = "SELECT pg_advisory_xact_lock(hashtext('note' || current_schema() || $1))";
        self.rows(lock, &[&name]).await?;
        read(self, name, "SELECT value FROM notes WHERE name = $1 FOR UPDATE").await
    }
}

async fn read(transaction: &Transaction, name: &str, sql: &str) -> Result<Option<String>, Fault> {
    let row = transaction.row(sql, &[&name]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Writes notes with their new texts.
pub(super) async fn write(
    transaction: &Transaction,
    notes: &[(String, String)],
) -> Result<(), Fault> {
    let sql = "INSERT INTO notes (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    for (name, value) in notes {
        transaction.change(sql, &[name, &text(value)]).await?;
    }
    Ok(())
}
