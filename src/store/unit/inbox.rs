//! Webhooks in the inbox: in pages, and as far as pruning looks into them.

use uuid::Uuid;

use crate::domain::{Webhook, WebhookId};
use crate::store::inbox::Prunable;
use crate::store::rows::FinishedWebhook;

use super::UnitBase;

/// Reads of the table `inbox` and of the deliveries that webhooks led to.
pub(in crate::store) trait InboxRows: UnitBase {
    /// Returns the first webhooks with greater ids than this one, received at a time or later, whose bodies
    /// are kept; with `parked` only those that are parked.
    fn inbox_page(
        &mut self,
        after: Uuid,
        since: i64,
        parked: bool,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Webhook>, Self::Fault>> + Send;

    /// Returns the oldest webhooks received before a time, with lesser ids than this one, whose bodies are
    /// kept and of which nothing is pending or dead.
    fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<WebhookId>, Self::Fault>> + Send;

    /// Returns the webhooks of these ids whose bodies are kept, with the deliveries that they led to, and
    /// holds them.
    fn hold_finished(
        &mut self,
        ids: &[WebhookId],
    ) -> impl Future<Output = Result<Vec<FinishedWebhook>, Self::Fault>> + Send;
}
