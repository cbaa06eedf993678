//! Single values: texts under keys, beside the rows.
//!
//! What belongs here: the keys of the store's own, and the form of each text, which is the same in every backend.
//! What doesn't: the table, which each backend keeps, changes of a value (`work`), and values of others, which
//! begin again if they can't read them.

use strum::VariantArray;

use crate::domain::{Destination, Labelled};

use super::StoreError;
use super::cluster::ExclusiveJob;
use super::record::unreadable;

/// The store's secret.
pub(super) const HASH_KEY: &str = "hash_key";

/// The time at which the store was made, in microseconds since the epoch. The first migration notes it.
pub(super) const MADE_AT: &str = "made_at";

/// The Customer.io workspace that the effects went to.
pub(super) const WORKSPACE: &str = "workspace";

/// The time of the latest write that proved that the store takes one.
pub(super) const PROBED_AT: &str = "probed_at";

/// The start of the machine since which the store was looked through.
pub(super) const LOOKED_THROUGH: &str = "looked_through";

/// The damage that was found then.
pub(super) const DAMAGED: &str = "damaged";

/// A text that shows which key the tombstones are made with.
pub(super) const TOMBSTONE_CHECK: &str = "tombstone_check";

/// The mark of a copy that isn't whole.
pub(super) const COPYING: &str = "copying";

/// The relays that share the store, with their status.
pub(super) const RELAYS: &str = "relays";

/// Returns the key of the reading of a destination's availability clock.
pub(super) fn accepting(destination: Destination) -> &'static str {
    match destination {
        Destination::CustomerIo => "accepting",
        Destination::GrowSurf => "accepting_back",
    }
}

/// Returns a condition in SQL that is true of the rows that a copy of the store has. The others are about one place
/// alone.
pub(super) fn copied_rows() -> String {
    let mut of_one_place = vec![PROBED_AT, LOOKED_THROUGH, DAMAGED, COPYING, RELAYS];
    of_one_place.extend(ExclusiveJob::VARIANTS.iter().map(Labelled::label));
    format!("key NOT IN ('{}')", of_one_place.join("', '"))
}

/// Checks that a text can be read as the value of a key.
///
/// # Errors
/// [`StoreError::Unreadable`] if it can't.
pub(super) fn check(key: &str, text: &str) -> Result<(), StoreError> {
    match key {
        HASH_KEY | TOMBSTONE_CHECK => secret(text).map(drop),
        MADE_AT | WORKSPACE | PROBED_AT => number(text).map(drop),
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
pub(super) fn number(text: &str) -> Result<i64, StoreError> {
    text.parse().map_err(|error| unreadable("a single value", error))
}

/// Reads a value of 32 bytes, which are kept as hexadecimal digits.
///
/// # Errors
/// [`StoreError::Unreadable`] if it isn't one.
pub(super) fn secret(text: &str) -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    let read = hex::decode_to_slice(text, &mut bytes);
    read.map(|()| bytes).map_err(|error| unreadable("a single value", error))
}
