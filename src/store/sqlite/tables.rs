//! Tables on SQLite: the reads of the unit of work, and the rows that changes come to.
//!
//! What belongs here and below: SQL, a file for each group of tables. What doesn't: rules.

mod effects;
pub(super) mod inbox;
mod lanes;
pub(super) mod meta;
mod notes;
mod people;
mod plan_reads;
mod raising;
mod webhooks;

use rusqlite::Connection;

use crate::store::rows::Changes;

use super::connection::overwrite;
use super::fault::Fault;
pub(super) use lanes::extend;

/// Writes changes, table by table.
pub(super) fn write(connection: &Connection, changes: Changes) -> Result<(), Fault> {
    // Pages that payloads free are overwritten, so that nothing of them stays in the file.
    let frees = !changes.bodies.is_empty() || !changes.removed_deliveries.is_empty();
    if frees {
        overwrite(connection, true)?;
    }
    inbox::remove_deliveries(connection, &changes.removed_deliveries)?;
    webhooks::write(connection, &changes)?;
    if frees {
        overwrite(connection, false)?;
    }
    people::remove(connection, &changes.removed_people)?;
    plan_reads::write(connection, &changes)?;
    effects::write(connection, &changes)?;
    for (meta, value) in &changes.metas {
        meta::remember(connection, *meta, value.as_deref())?;
    }
    notes::write(connection, &changes.notes)?;
    lanes::append(connection, &changes.appended)?;
    raising::write(connection, &changes.raised)?;
    meta::count(connection, changes.counters)
}
