//! Tombstones on SQLite: their rows.
//!
//! What belongs here: setting and finding them, and whether there are any. What doesn't: what they
//! are kept as (`store::tombstones`).

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension, params};
use secrecy::SecretString;

use crate::domain::{ErasureKey, Time};
use crate::store::StoreError;
use crate::store::meta::Meta;
use crate::store::tombstones::TombstoneKey;

use super::fault::Fault;
use super::tables::meta::{recall, remember};

/// Makes and finds tombstones under one key.
pub(super) struct Tombstones {
    key: TombstoneKey,
    /// Once there is one, there always is.
    any: AtomicBool,
}

impl Tombstones {
    /// Under the key of the settings, else under one made of the store's own secret.
    ///
    /// # Errors
    /// [`StoreError::OtherKey`] if there are tombstones under another one: it wouldn't find them.
    pub(super) fn open(
        connection: &Connection,
        setting: Option<&SecretString>,
        hash_key: &[u8; 32],
    ) -> Result<Self, Fault> {
        let key = TombstoneKey::new(setting, hash_key);
        let tombstones = Self { key, any: AtomicBool::new(false) };
        tombstones.any(connection)?;
        Ok(tombstones)
    }

    /// Whether anybody was ever forgotten here, by this process or another.
    ///
    /// # Errors
    /// [`StoreError::OtherKey`] if that was under another key.
    pub(super) fn any(&self, connection: &Connection) -> Result<bool, Fault> {
        if self.any.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let Some(check) = recall(connection, Meta::TombstoneCheck)? else {
            return Ok(false);
        };
        if check != self.key.check() {
            return Err(Fault::Store(StoreError::OtherKey));
        }
        self.any.store(true, Ordering::Relaxed);
        Ok(true)
    }

    /// When whoever leaves this trace was forgotten, if they were.
    pub(super) fn find(
        &self,
        connection: &Connection,
        trace: &ErasureKey,
    ) -> Result<Option<Time>, Fault> {
        let found: Option<i64> = connection
            .prepare_cached("SELECT forgotten_at FROM tombstones WHERE hash = ?1")?
            .query_row([self.key.hash(trace)], |row| row.get(0))
            .optional()?;
        Ok(found.map(Time::from_micros))
    }

    /// Sets one, or moves it to a later time.
    pub(super) fn set(
        &self,
        connection: &Connection,
        trace: &ErasureKey,
        now: Time,
    ) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "INSERT INTO tombstones (hash, forgotten_at) VALUES (?1, ?2)
                 ON CONFLICT (hash) DO UPDATE
                 SET forgotten_at = MAX(forgotten_at, excluded.forgotten_at)",
            )?
            .execute(params![self.key.hash(trace), now.micros()])?;
        remember(connection, Meta::TombstoneCheck, Some(&self.key.check()))
    }
}
