//! Rebuilding: a new store of the rows of a damaged one.
//!
//! What belongs here: copying row by row, which needs the tables and no index. So nothing is lost if only
//! indexes or free pages are damaged. What doesn't: a table with missing rows. Rows refer to each other,
//! and only a person can decide which may be missing; then the next store begins empty.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params_from_iter};

use crate::domain::Time;
use crate::store::StoreError;
use crate::store::meta::DAMAGED;

use super::backup_manifest::{self, InvalidBackup};
use super::connection::DatabasePath;
use super::fault::Fault;
use super::files::Unfinished;
use super::tables::meta;
use super::{migrate, soundness};

/// Copies every row of the damaged store at `place` into a new one beside it, checks that and
/// brings it to rest. The damaged one isn't touched.
pub(super) fn rebuild(place: &DatabasePath, now: Time) -> Result<Unfinished, InvalidBackup> {
    let unfinished = Unfinished::beside(place.path(), now)
        .map_err(|error| Fault::Store(StoreError::unavailable("be rebuilt", error)))?;
    copy(&place.reader()?, unfinished.path(), now)?;
    backup_manifest::rest(unfinished.path())?;
    backup_manifest::read(unfinished.path())?;
    Ok(unfinished)
}

fn copy(from: &Connection, to: &Path, now: Time) -> Result<(), InvalidBackup> {
    let mut to = DatabasePath::new(to, Duration::ZERO).writer()?;
    migrate::migrate(&mut to, now)?;
    if migrate::version(from)? != migrate::version(&to)? {
        return Err(InvalidBackup::Damaged("its schema is of an older version".to_owned()));
    }
    // It is checked and synced as a whole before it gets its name.
    to.pragma_update(None, "synchronous", "OFF")?;
    let transaction = to.transaction()?;
    // With the table of SQLite's own that remembers which ids were given.
    for table in soundness::tables(&transaction)? {
        if table != "schema_migrations" {
            copy_table(from, &transaction, &table)?;
        }
    }
    meta::remember(&transaction, DAMAGED, None)?;
    transaction.commit()?;
    Ok(())
}

fn copy_table(from: &Connection, to: &Connection, table: &str) -> Result<(), Fault> {
    to.execute(&format!("DELETE FROM {table}"), [])?;
    let mut rows = from.prepare(&format!("SELECT * FROM {table} NOT INDEXED"))?;
    let columns = rows.column_count();
    let places = vec!["?"; columns].join(", ");
    let mut insert = to.prepare(&format!("INSERT INTO {table} VALUES ({places})"))?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| row.get_ref(column).map(ToSqlOutput::Borrowed));
        let values = values.collect::<rusqlite::Result<Vec<_>>>()?;
        insert.execute(params_from_iter(values))?;
    }
    Ok(())
}
