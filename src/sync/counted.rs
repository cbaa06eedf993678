//! The end of counting: everything that GrowSurf has of a campaign was taken in.
//!
//! What belongs here: the rows that say so, one for each known participant. What doesn't: what a count
//! is worth without them (`domain::Completeness`).

use serde_json::json;

use crate::growsurf::rest::{Cursor, Page};
use crate::store::{Store, StoreError};

/// How many participants are read at a time.
const PAGE: usize = 100;

/// Returns a page of the participants that the store knows, those behind `after`.
pub(super) async fn page(
    store: &Store,
    campaign: &str,
    after: Option<&Cursor>,
) -> Result<Page, StoreError> {
    let after = match after {
        Some(Cursor::Id(id)) => Some(id.as_str()),
        Some(Cursor::Offset(_)) | None => None,
    };
    let ids = store.participants(campaign, after, PAGE).await?;
    let next = ids.last().filter(|_| ids.len() == PAGE).cloned().map(Cursor::Id);
    Ok(Page { rows: ids.into_iter().map(|id| json!({ "id": id })).collect(), next })
}
