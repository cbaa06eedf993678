//! Bookmarks: how far something came, kept in the store.
//!
//! What belongs here: reading and writing them. What doesn't: what they say. Two processes at the
//! same thing only do it twice, which changes nothing; so nobody is kept out.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Store, StoreError};

/// The place that is kept under a name; `None` if none is, or one that this version can't read,
/// which is begun again.
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

/// Keeps a place.
pub(super) async fn keep<T: Serialize>(
    store: &Store,
    name: &str,
    place: &T,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(place).expect("plain values are JSON");
    store.kv_update(name, Arc::new(move |_before: Option<&str>| text.clone())).await.map(drop)
}
