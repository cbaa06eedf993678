//! Webhooks in the inbox.

use crate::domain::{Webhook, WebhookId};
use crate::store::rows::StoredWebhook;

use super::UnitBase;

/// Reads of the table `inbox`.
pub(in crate::store) trait WebhookRows: UnitBase {
    /// Returns the webhooks with these fingerprints, and those with these ids whose bodies are kept. Holds
    /// the ones that are parked, and those found by id.
    ///
    /// # Errors
    /// A conflict if another transaction removed one meanwhile.
    fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
        ids: &[WebhookId],
    ) -> impl Future<Output = Result<Vec<StoredWebhook>, Self::Fault>> + Send;

    /// Returns a webhook with its body, if that is kept.
    fn webhook(
        &mut self,
        id: WebhookId,
    ) -> impl Future<Output = Result<Option<Webhook>, Self::Fault>> + Send;
}
