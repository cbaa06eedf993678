//! What planning needs beside the rows, and whether anybody was ever forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::{Planner, Redact};
use crate::store::StoreError;
use crate::store::meta::Meta;
use crate::store::tombstones::TombstoneKey;

use super::fault::Fault;
use super::tables::meta::recall;
use super::transaction::Transaction;

/// Makes plans from what the store knows.
pub(super) struct Planning {
    pub(super) planner: Arc<dyn Planner>,
    pub(super) hash_key: [u8; 32],
    pub(super) tombstones: TombstoneKey,
    pub(super) redact: Redact,
    /// Once somebody was forgotten, it stays so.
    forgotten: AtomicBool,
}

impl Planning {
    pub(super) fn new(
        planner: Arc<dyn Planner>,
        hash_key: [u8; 32],
        tombstones: TombstoneKey,
        redact: Redact,
    ) -> Self {
        Self { planner, hash_key, tombstones, redact, forgotten: AtomicBool::new(false) }
    }

    /// Whether anybody was ever forgotten here, by this relay or another.
    ///
    /// # Errors
    /// [`StoreError::OtherKey`] if that was under another key.
    pub(super) async fn has_tombstones(&self, transaction: &Transaction) -> Result<bool, Fault> {
        if self.forgotten.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let Some(check) = recall(transaction, Meta::TombstoneCheck).await? else {
            return Ok(false);
        };
        if check != self.tombstones.check() {
            return Err(Fault::Store(StoreError::OtherKey));
        }
        self.forgotten.store(true, Ordering::Relaxed);
        Ok(true)
    }
}
