//! Tables on SQLite: the reads of the unit of work, and the rows that changes come to.
//!
//! What belongs here and below: SQL, a file for each group of tables. What doesn't: rules.

mod lanes;
pub(super) mod meta;
mod notes;
mod plan_reads;
mod raising;
mod webhooks;

use rusqlite::Connection;

use crate::store::rows::Changes;

use super::effects;
use super::fault::Fault;
pub(super) use lanes::extend;

/// Writes changes, table by table.
pub(super) fn write(connection: &Connection, changes: Changes) -> Result<(), Fault> {
    webhooks::write(connection, &changes)?;
    plan_reads::write(connection, &changes)?;
    for message in &changes.messages {
        effects::write(connection, message)?;
    }
    for (meta, value) in &changes.metas {
        meta::remember(connection, *meta, value.as_deref())?;
    }
    notes::write(connection, &changes.notes)?;
    lanes::append(connection, &changes.appended)?;
    raising::write(connection, &changes.raised)?;
    meta::count(connection, changes.counters)
}
