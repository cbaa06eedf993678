//! The mark that a copy leaves in the store it goes into, until it is whole.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::StoreError;
use crate::store::record::unreadable;

use super::Row;

/// The progress of a copy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The copied store; the same text for the same store, and no secret.
    pub(super) source: String,
    /// The table that is being copied. Everything before is.
    pub(super) table: String,
    /// The key of its last row that was.
    pub(super) after: Option<Row>,
}

impl Mark {
    /// Returns the mark as a store keeps it.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts can be written")
    }

    /// Reads what [`Mark::text`] has written.
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|error| unreadable("the mark of a copy", error))
    }
}

/// Refuses to work on a store in which a copy has left its mark.
///
/// # Errors
/// [`StoreError::HalfCopied`].
pub(crate) fn refuse_marked(mark: Option<String>) -> Result<(), StoreError> {
    match mark {
        Some(_) => Err(StoreError::HalfCopied),
        None => Ok(()),
    }
}

/// Returns the mark of a store that no other has, made of its secret.
pub(super) fn source(secret: Option<String>) -> Result<String, StoreError> {
    let secret = secret.ok_or_else(|| unreadable("no secret", "was it ever opened?"))?;
    Ok(hex::encode(&Sha256::digest(format!("copy of {secret}"))[..8]))
}
