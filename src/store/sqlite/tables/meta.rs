//! The tables `meta` and `counters`, and the size of the file.

use rusqlite::Connection;

use crate::store::AvailabilityClock;
use crate::store::meta;
use crate::store::rows::{Changes, Counters, micros};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::MetaRows;

use super::{change, find, read};

impl MetaRows for SqliteUnit<'_> {
    async fn values(&mut self, keys: &[String]) -> Result<Vec<Option<String>>, Fault> {
        keys.iter().map(|key| recall(self.connection, key)).collect()
    }

    async fn hold_value(&mut self, key: &str) -> Result<Option<String>, Fault> {
        recall(self.connection, key)
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
            Ok((Counters { pending, dead, parked, ..Counters::default() }, row.get(3)?))
        });
        Ok(numbers?)
    }

    async fn counters(&mut self) -> Result<Counters, Fault> {
        let kept: Vec<(String, i64)> =
            read(self.connection, "SELECT name, value FROM counters", [])?;
        Ok(Counters::of(kept))
    }

    async fn bytes(&mut self) -> Result<i64, Fault> {
        let number = |name| self.connection.pragma_query_value(None, name, |row| row.get(0));
        let (pages, size): (i64, i64) = (number("page_count")?, number("page_size")?);
        Ok(pages.saturating_mul(size))
    }
}

/// Returns the value of a key, if there is one.
pub fn recall(connection: &Connection, key: &str) -> Result<Option<String>, Fault> {
    find(connection, "SELECT value FROM meta WHERE key = ?1", [key])
}

/// Remembers a value in place of the one before, or forgets it.
pub fn remember(connection: &Connection, key: &str, value: Option<&str>) -> Result<(), Fault> {
    let insert = "INSERT INTO meta (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    match value {
        Some(value) => change(connection, insert, [key, value]),
        None => change(connection, "DELETE FROM meta WHERE key = ?1", [key]),
    }
}

/// Writes single values, and adds to the kept numbers.
pub fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for (key, value) in &changes.values {
        remember(connection, key, value.as_deref())?;
    }
    if let Some(AvailabilityClock { destination, reading }) = changes.accepting {
        remember(connection, meta::accepting(destination), Some(&micros(reading).to_string()))?;
    }
    if changes.counters == Counters::default() {
        return Ok(());
    }
    // All in one statement, over their few rows.
    let sql = "UPDATE counters SET value = value + CASE name
             WHEN 'dead' THEN ?1 WHEN 'delivered' THEN ?2 WHEN 'discarded' THEN ?3
             WHEN 'erased' THEN ?4 WHEN 'mapped' THEN ?5 WHEN 'parked' THEN ?6
             WHEN 'pending' THEN ?7 WHEN 'planned' THEN ?8 WHEN 'received' THEN ?9
             WHEN 'replaced' THEN ?10 WHEN 'unmapped' THEN ?11 ELSE 0 END";
    change(connection, sql, rusqlite::params_from_iter(changes.counters.values()))
}
