//! Single values: texts under keys, beside the rows.
//!
//! What belongs here: the keys of the store's own, and the form of each text, which is the same in every backend.
//! What doesn't: the table, which each backend keeps, changes of a value (`work`), and values of others, which
//! begin again if they can't read them.

use std::sync::Arc;

use strum::VariantArray;

use crate::domain::{Destination, Labelled, Time};

use super::cluster::ExclusiveJob;
use super::record::unreadable;
use super::work::{ReadValues, UpdateValue, ValueChange};
use super::{Store, StoreError};

/// A function from the text of a value to its next text. May be called more than once.
pub type KvUpdate = Arc<dyn Fn(Option<&str>) -> String + Send + Sync>;

/// Values that others keep here, such as how far a sync has come.
impl Store {
    /// Returns the value of a key.
    pub async fn kv_get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let [value] = self.read("read a value", ReadValues([key.to_owned()])).await?;
        Ok(value)
    }

    /// Changes a value in one transaction; returns the new text.
    pub async fn kv_update(&self, key: &str, revise: KvUpdate) -> Result<String, StoreError> {
        let change: ValueChange = Arc::new(move |before, _now| Ok(Some(revise(before))));
        let update = UpdateValue { key: key.to_owned(), now: Time::default(), change };
        Ok(self.write("write a value", update).await?.unwrap_or_default())
    }

    /// Returns the time at which the store was made. A copy has the time of its original.
    pub async fn made_at(&self) -> Result<Time, StoreError> {
        let micros = self.kv_get(MADE_AT).await?.unwrap_or_default();
        number(&micros).map(Time::from_micros)
    }

    /// Returns the time of the last erasure, if there was one.
    pub async fn erased_at(&self) -> Result<Option<Time>, StoreError> {
        let micros = self.kv_get(ERASED_AT).await?;
        micros.as_deref().map(number).transpose().map(|it| it.map(Time::from_micros))
    }
}

/// The store's secret.
pub const HASH_KEY: &str = "hash_key";

/// The time at which the store was made, in microseconds since the epoch. The first migration notes it.
pub const MADE_AT: &str = "made_at";

/// The time of the last erasure, in microseconds since the epoch.
pub const ERASED_AT: &str = "erased_at";

/// The Customer.io workspace that the effects went to.
pub const WORKSPACE: &str = "workspace";

/// The time of the latest write that proved that the store takes one.
pub const PROBED_AT: &str = "probed_at";

/// The start of the machine since which the store was looked through.
pub const LOOKED_THROUGH: &str = "looked_through";

/// The damage that was found then.
pub const DAMAGED: &str = "damaged";

/// A text that shows which key the tombstones are made with.
pub const TOMBSTONE_CHECK: &str = "tombstone_check";

/// The mark of a copy that isn't whole.
pub const COPYING: &str = "copying";

/// The relays that share the store, with their status.
pub const RELAYS: &str = "relays";

/// Returns the key of the reading of a destination's availability clock.
pub fn accepting(destination: Destination) -> &'static str {
    match destination {
        Destination::CustomerIo => "accepting",
        Destination::GrowSurf => "accepting_back",
    }
}

/// Returns a condition in SQL that is true of the rows that a copy of the store has. The others are about one place
/// alone.
pub fn copied_rows() -> String {
    let mut of_one_place = vec![PROBED_AT, LOOKED_THROUGH, DAMAGED, COPYING, RELAYS];
    of_one_place.extend(ExclusiveJob::VARIANTS.iter().map(Labelled::label));
    format!("key NOT IN ('{}')", of_one_place.join("', '"))
}

/// Checks that a text can be read as the value of a key.
///
/// # Errors
/// [`StoreError::Unreadable`] if it can't.
pub fn check(key: &str, text: &str) -> Result<(), StoreError> {
    match key {
        HASH_KEY | TOMBSTONE_CHECK => secret(text).map(drop),
        MADE_AT | ERASED_AT | WORKSPACE | PROBED_AT => number(text).map(drop),
        "accepting" | "accepting_back" | "pruned_until" | "parked_pruned_until" => {
            number(text).map(drop)
        }
        _ => Ok(()),
    }
}

/// Reads a value that is a number.
///
/// # Errors
/// [`StoreError::Unreadable`] if it isn't one.
pub fn number(text: &str) -> Result<i64, StoreError> {
    text.parse().map_err(|error| unreadable("a single value", error))
}

/// Reads a value of 32 bytes, which are kept as hexadecimal digits.
///
/// # Errors
/// [`StoreError::Unreadable`] if it isn't one.
pub fn secret(text: &str) -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    let read = hex::decode_to_slice(text, &mut bytes);
    read.map(|()| bytes).map_err(|error| unreadable("a single value", error))
}
