//! The table `notes`.

use rusqlite::{Connection, OptionalExtension};

use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::NoteRows;

impl NoteRows for SqliteUnit<'_> {
    async fn note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        let mut statement =
            self.connection.prepare_cached("SELECT value FROM notes WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    async fn hold_note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.note(name).await
    }
}

/// Writes notes with their new texts.
pub(super) fn write(connection: &Connection, notes: &[(String, String)]) -> Result<(), Fault> {
    for (name, text) in notes {
        connection
            .prepare_cached(
                "INSERT INTO notes (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([name, text])?;
    }
    Ok(())
}
