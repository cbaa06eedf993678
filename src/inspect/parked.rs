//! Parked webhooks: listed with their reasons, and shown with their bodies masked.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use serde_with::{DisplayFromStr, serde_as};

use super::causes::words;
use super::webhook::WebhookView;
use super::{Inspector, Show, masked};
use crate::domain::{Time, WebhookId};
use crate::store::{Entries, StoreError, WebhookStatus};

/// A page of parked webhooks.
#[derive(Clone, Debug, Serialize)]
pub struct ParkedView {
    /// The number of all that are parked.
    pub total: u64,
    /// The newest first; the last one's id is the next page's `before`.
    pub parked: Vec<WebhookView>,
}

/// The parked webhooks by event and reason.
#[derive(Clone, Debug, Serialize)]
pub struct ParkedGroups {
    /// The number of those that were looked at, the newest.
    pub looked_at: usize,
    /// The groups, that of the most webhooks first.
    pub groups: Vec<ParkedGroup>,
}

/// Parked webhooks of one event and one reason.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct ParkedGroup {
    pub event: Option<String>,
    /// The words of the reason, without names and numbers.
    pub reason: String,
    /// The number of webhooks.
    pub webhooks: usize,
    #[serde_as(as = "DisplayFromStr")]
    pub newest: WebhookId,
    /// The time when the first of them was received.
    #[serde_as(as = "DisplayFromStr")]
    pub first_at: Time,
    /// The time when the newest was received.
    #[serde_as(as = "DisplayFromStr")]
    pub last_at: Time,
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

/// The newest parked webhooks that are grouped.
const LOOKED_AT: usize = 10_000;

/// Parked webhooks that are read at a time.
const PAGE: usize = 1_000;

impl Inspector {
    /// Returns the newest parked webhooks by event and reason.
    ///
    /// # Errors
    /// The store's.
    pub async fn parked_groups(&self) -> Result<ParkedGroups, StoreError> {
        let mut groups: BTreeMap<(Option<String>, String), ParkedGroup> = BTreeMap::new();
        let (mut looked_at, mut before) = (0, None);
        while looked_at < LOOKED_AT {
            let entries = self.store.entries(Entries::Parked, before, PAGE).await?;
            let Some(last) = entries.last() else { break };
            before = Some(last.id);
            looked_at += entries.len();
            for entry in entries {
                let (newest, at) = (entry.id, entry.received_at);
                let status = WebhookStatus { entry, calls: Vec::new() };
                let WebhookView { event, reason, .. } = WebhookView::of(status, self.show);
                let reason = words(reason.as_deref().unwrap_or_default());
                let group = groups.entry((event.clone(), reason.clone())).or_insert(ParkedGroup {
                    event,
                    reason,
                    webhooks: 0,
                    newest,
                    first_at: at,
                    last_at: at,
                });
                group.webhooks += 1;
                group.first_at = group.first_at.min(at);
                group.last_at = group.last_at.max(at);
            }
        }
        let mut groups: Vec<ParkedGroup> = groups.into_values().collect();
        groups.sort_by_key(|it| (Reverse(it.webhooks), Reverse(it.newest)));
        Ok(ParkedGroups { looked_at, groups })
    }

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
        let entries = self.store.entries(Entries::Parked, before, limit).await?.into_iter();
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
