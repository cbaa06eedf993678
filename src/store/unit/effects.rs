//! Effects, the calls that carry them, and the messages that they led to.

use crate::domain::{EventId, Message, WebhookId};
use crate::store::rows::{MessageKey, WebhookCall};

use super::UnitBase;

/// Reads of the tables `effects` and `messages`, and of the deliveries of a webhook.
pub(in crate::store) trait EffectRows: UnitBase {
    /// Returns the webhook that led to an effect; `None` if it isn't in the ledger.
    fn effect_webhook(
        &mut self,
        effect: EventId,
    ) -> impl Future<Output = Result<Option<WebhookId>, Self::Fault>> + Send;

    /// Returns the calls that a webhook led to and that are kept, but for the identifies that share a row
    /// with a call.
    fn webhook_calls(
        &mut self,
        webhook: WebhookId,
    ) -> impl Future<Output = Result<Vec<WebhookCall>, Self::Fault>> + Send;

    /// Returns what happened to the messages that an effect led to.
    fn effect_messages(
        &mut self,
        effect: EventId,
    ) -> impl Future<Output = Result<Vec<Message>, Self::Fault>> + Send;

    /// Returns the oldest rows of what happened to messages before a time, and holds them, but for those that
    /// another transaction holds.
    fn hold_messages(
        &mut self,
        before: i64,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<MessageKey>, Self::Fault>> + Send;
}
