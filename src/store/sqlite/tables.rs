//! Tables on SQLite: the reads of the unit of work, and the rows that changes come to.
//!
//! What belongs here and below: SQL, a file for each group of tables. What doesn't: rules.

mod notes;

use rusqlite::Connection;

use crate::store::rows::{Changes, Counters};

use super::fault::Fault;
use super::house::{Counter, count};

/// Writes changes, table by table.
pub(super) fn write(connection: &Connection, changes: Changes) -> Result<(), Fault> {
    let Changes { counters, notes } = changes;
    notes::write(connection, &notes)?;
    let Counters { pending, dead, parked } = counters;
    count(connection, Counter::Pending, pending)?;
    count(connection, Counter::Dead, dead)?;
    count(connection, Counter::Parked, parked)
}
