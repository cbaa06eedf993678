//! Tombstones on SQLite: their rows.
//!
//! What belongs here: setting them. What doesn't: what they are kept as (`store::tombstones`).

use rusqlite::{Connection, params};

use crate::domain::{ErasureKey, Time};
use crate::store::meta::Meta;
use crate::store::tombstones::TombstoneKey;

use super::fault::Fault;
use super::tables::meta::remember;

/// Sets one, or moves it to a later time.
pub(super) fn set(
    connection: &Connection,
    key: &TombstoneKey,
    trace: &ErasureKey,
    now: Time,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO tombstones (hash, forgotten_at) VALUES (?1, ?2)
             ON CONFLICT (hash) DO UPDATE
             SET forgotten_at = MAX(forgotten_at, excluded.forgotten_at)",
        )?
        .execute(params![key.hash(trace), now.micros()])?;
    remember(connection, Meta::TombstoneCheck, Some(&key.check()))
}
