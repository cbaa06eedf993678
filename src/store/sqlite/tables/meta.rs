//! The tables `meta`, `counters` and `notes`.

use rusqlite::Connection;

use crate::store::meta::Meta;
use crate::store::rows::Counters;
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::MetaRows;

use super::{change, find};

impl MetaRows for SqliteUnit<'_> {
    async fn metas(&mut self, which: &[Meta]) -> Result<Vec<Option<String>>, Fault> {
        which.iter().map(|meta| recall(self.connection, *meta)).collect()
    }

    async fn hold_meta(&mut self, which: Meta) -> Result<Option<String>, Fault> {
        recall(self.connection, which)
    }

    async fn numbers(&mut self) -> Result<(Counters, Option<i64>), Fault> {
        // One statement, so that all numbers are of one moment.
        let mut statement = self.connection.prepare_cached(
            "SELECT
                 (SELECT value FROM counters WHERE name = 'pending'),
                 (SELECT value FROM counters WHERE name = 'dead'),
                 (SELECT value FROM counters WHERE name = 'parked'),
                 (SELECT planned_at FROM deliveries INDEXED BY deliveries_planned
                  WHERE state = 0 ORDER BY planned_at LIMIT 1)",
        )?;
        let numbers = statement.query_row([], |row| {
            let (pending, dead, parked) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((Counters { pending, dead, parked }, row.get(3)?))
        });
        Ok(numbers?)
    }

    async fn note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        find(self.connection, "SELECT value FROM notes WHERE name = ?1", [name])
    }

    async fn hold_note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.note(name).await
    }
}

/// Returns the value remembered, if there is one.
pub(in crate::store::sqlite) fn recall(
    connection: &Connection,
    meta: Meta,
) -> Result<Option<String>, Fault> {
    find(connection, "SELECT value FROM meta WHERE key = ?1", [meta.key()])
}

/// Remembers a value in place of the one before, or forgets it.
pub(in crate::store::sqlite) fn remember(
    connection: &Connection,
    meta: Meta,
    value: Option<&str>,
) -> Result<(), Fault> {
    let insert = "INSERT INTO meta (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    match value {
        Some(value) => change(connection, insert, [meta.key(), value]),
        None => change(connection, "DELETE FROM meta WHERE key = ?1", [meta.key()]),
    }
}

/// Adds to the kept numbers.
pub(in crate::store::sqlite) fn count(
    connection: &Connection,
    Counters { pending, dead, parked }: Counters,
) -> Result<(), Fault> {
    for (name, by) in [("pending", pending), ("dead", dead), ("parked", parked)] {
        if by != 0 {
            let sql = "UPDATE counters SET value = value + ?2 WHERE name = ?1";
            change(connection, sql, (name, by))?;
        }
    }
    Ok(())
}

/// Writes notes with their new texts.
pub(super) fn note(connection: &Connection, notes: &[(String, String)]) -> Result<(), Fault> {
    for (name, text) in notes {
        let sql = "INSERT INTO notes (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        change(connection, sql, [name, text])?;
    }
    Ok(())
}
