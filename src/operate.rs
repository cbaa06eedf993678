//! Acting: the use cases of operators that take longer than a request, the same for every face.
//!
//! What belongs here and below: the steps of an act, and its state as a plain value, kept in a note of the store.
//! What doesn't: rights and the audit (the faces), transactions (`store`).

mod parked;
mod redelivery;
mod task;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Store, StoreError};

pub use parked::{
    ParkedReplay, ReplayState, begin_replay, discard_all_parked, last_replay, stop_replay,
};
pub use redelivery::{
    BeginError, First, LOOK_EVERY, Redelivery, RedeliveryState, advance, begin, discard_letters,
    last, stop,
};
pub use task::ActTask;

/// Returns the act in a note, if it can be read.
async fn noted<T: DeserializeOwned>(store: &Store, note: &str) -> Result<Option<T>, StoreError> {
    Ok(store.kv_get(note).await?.as_deref().and_then(read))
}

/// Replaces the act of a note, if it is as it was known.
async fn replace<T: Serialize>(
    store: &Store,
    note: &str,
    known: &T,
    next: &T,
) -> Result<(), StoreError> {
    let (known, next) = (text(known), text(next));
    let revise = move |kept: Option<&str>| match kept {
        Some(kept) if *kept != known => kept.to_owned(),
        _ => next.clone(),
    };
    store.kv_update(note, Arc::new(revise)).await.map(drop)
}

/// Writes the act into a note, unless the one there goes on. Returns the one that is there then.
async fn put<T: Serialize + DeserializeOwned + 'static>(
    store: &Store,
    note: &str,
    begun: &T,
    goes_on: fn(&T) -> bool,
) -> Result<Option<T>, StoreError> {
    let text = text(begun);
    let revise = move |kept: Option<&str>| match kept {
        Some(kept) if read(kept).is_some_and(|it| goes_on(&it)) => kept.to_owned(),
        _ => text.clone(),
    };
    Ok(read(&store.kv_update(note, Arc::new(revise)).await?))
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn text<T: Serialize>(act: &T) -> String {
    serde_json::to_string(act).expect("plain values are JSON")
}
