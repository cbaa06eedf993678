//! Checkpoints in the store.
//!
//! Two processes with one checkpoint do the same work twice, which changes nothing. So nothing excludes them.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Store, StoreError};

/// Returns the value of a name. One that this version can't read counts as missing.
pub(super) async fn find<T: DeserializeOwned>(
    store: &Store,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let Some(text) = store.kv_get(name).await? else { return Ok(None) };
    match serde_json::from_str(&text) {
        Ok(place) => Ok(Some(place)),
        Err(error) => {
            tracing::warn!(name, %error, "what is remembered can't be read; it is begun again");
            Ok(None)
        }
    }
}

/// Stores a value.
pub(super) async fn keep<T: Serialize>(
    store: &Store,
    name: &str,
    place: &T,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(place).expect("plain values are JSON");
    store.kv_update(name, Arc::new(move |_before: Option<&str>| text.clone())).await.map(drop)
}
