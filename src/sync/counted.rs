//! Rows that end a full comparison: one for each known participant of the campaign.

use serde_json::json;

use crate::growsurf::rest::{Cursor, Page};
use crate::store::{Store, StoreError};

/// Participants in a page.
const PAGE: usize = 100;

/// Returns a page of the store's participants behind `after`.
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
