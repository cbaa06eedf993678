//! Tombstones: what remembers that somebody was forgotten, without knowing who.
//!
//! What belongs here: the key, the hashes and their rows. What doesn't: who counts as forgotten,
//! which the plan decides.

use std::sync::atomic::{AtomicBool, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{Connection, OptionalExtension, params};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::{Time, Trace};
use crate::store::StoreError;

use super::fault::Fault;
use super::house::{Meta, recall, remember};

/// Makes and finds tombstones under one key.
pub(super) struct Tombstones {
    key: [u8; 32],
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
        let key = match setting {
            Some(key) => digest(key.expose_secret().as_bytes(), &[b"tombstones"]),
            None => digest(hash_key, &[b"tombstones"]),
        };
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
        let Some(check) = recall::<[u8; 32]>(connection, Meta::TombstoneCheck)? else {
            return Ok(false);
        };
        if check != self.check() {
            return Err(Fault::Store(StoreError::OtherKey));
        }
        self.any.store(true, Ordering::Relaxed);
        Ok(true)
    }

    /// When whoever leaves this trace was forgotten, if they were.
    pub(super) fn find(
        &self,
        connection: &Connection,
        trace: &Trace,
    ) -> Result<Option<Time>, Fault> {
        let found: Option<i64> = connection
            .prepare_cached("SELECT forgotten_at FROM tombstones WHERE hash = ?1")?
            .query_row([self.hash(trace)], |row| row.get(0))
            .optional()?;
        Ok(found.map(Time::from_micros))
    }

    /// Sets one, or moves it to a later time.
    pub(super) fn set(
        &self,
        connection: &Connection,
        trace: &Trace,
        now: Time,
    ) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "INSERT INTO tombstones (hash, forgotten_at) VALUES (?1, ?2)
                 ON CONFLICT (hash) DO UPDATE
                 SET forgotten_at = MAX(forgotten_at, excluded.forgotten_at)",
            )?
            .execute(params![self.hash(trace), now.micros()])?;
        remember(connection, Meta::TombstoneCheck, self.check())
    }

    fn hash(&self, trace: &Trace) -> [u8; 32] {
        match trace {
            Trace::Participant(key) => {
                let parts = [b"participant", key.campaign.as_bytes(), key.participant.as_bytes()];
                digest(&self.key, &parts)
            }
            Trace::Address(email) => digest(&self.key, &[b"address", email.as_str().as_bytes()]),
        }
    }

    /// What shows that the key is the same, and not which it is.
    fn check(&self) -> [u8; 32] {
        digest(&self.key, &[b"check"])
    }
}

fn digest(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    let mut mac = mac.expect("HMAC takes a key of any length");
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        mac.update(&u64::try_from(part.len()).expect("a length").to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
