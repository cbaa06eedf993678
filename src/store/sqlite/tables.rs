//! Tables on SQLite: the reads of the unit of work, and the rows that changes come to.
//!
//! What belongs here and below: SQL, a file for each group of tables. What doesn't: rules.

mod lanes;
pub(super) mod meta;
mod notes;
mod raising;

use rusqlite::Connection;

use crate::store::rows::Changes;

use super::fault::Fault;
pub(super) use lanes::extend;

/// Writes changes, table by table.
pub(super) fn write(connection: &Connection, changes: Changes) -> Result<(), Fault> {
    let Changes { counters, metas, notes, appended, raised } = changes;
    for (meta, value) in &metas {
        meta::remember(connection, *meta, value.as_deref())?;
    }
    notes::write(connection, &notes)?;
    lanes::append(connection, &appended)?;
    raising::write(connection, &raised)?;
    meta::count(connection, counters)
}
