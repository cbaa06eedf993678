//! Parked webhooks: listed with their reasons, and shown with their bodies masked.

use serde::Serialize;
use serde_json::Value;

use super::webhook::WebhookView;
use super::{Inspector, Show, masked};
use crate::domain::WebhookId;
use crate::store::{StoreError, WebhookStatus};

/// A page of parked webhooks.
#[derive(Clone, Debug, Serialize)]
pub struct ParkedView {
    /// The number of all that are parked.
    pub total: u64,
    /// The newest first; the last one's id is the next page's `before`.
    pub parked: Vec<WebhookView>,
}

/// A parked webhook with its body.
#[derive(Clone, Debug, Serialize)]
pub struct ParkedWebhook {
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// The body, if it is JSON and kept.
    pub body: Option<Value>,
    /// The length of the body in bytes.
    pub body_bytes: usize,
}

impl Inspector {
    /// Returns a page of the parked webhooks.
    ///
    /// # Errors
    /// The store's.
    pub async fn parked(
        &self,
        before: Option<WebhookId>,
        limit: usize,
    ) -> Result<ParkedView, StoreError> {
        let total = self.store.stats().await?.parked;
        let entries = self.store.parked(before, limit).await?.into_iter();
        let view = |entry| WebhookView::of(WebhookStatus { entry, calls: Vec::new() }, self.show);
        Ok(ParkedView { total, parked: entries.map(view).collect() })
    }

    /// Returns a parked webhook with its body; `None` if none of this id is parked.
    ///
    /// # Errors
    /// The store's.
    pub async fn parked_webhook(&self, id: WebhookId) -> Result<Option<ParkedWebhook>, StoreError> {
        let webhook = self.webhook(id).await?.filter(|webhook| webhook.reason.is_some());
        let Some(webhook) = webhook else { return Ok(None) };
        let (body, body_bytes) = self.body(id).await?;
        Ok(Some(ParkedWebhook { webhook, body, body_bytes }))
    }

    /// Returns the body of a webhook, if it is JSON and kept, and its length in bytes.
    ///
    /// # Errors
    /// The store's.
    pub async fn body(&self, id: WebhookId) -> Result<(Option<Value>, usize), StoreError> {
        let body = self.store.stored(id).await?.map_or(Vec::new(), |stored| stored.body);
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        let json = json.map(|json| match self.show {
            Show::Masked => masked(&json),
            Show::Revealed => json,
        });
        Ok((json, body.len()))
    }
}
