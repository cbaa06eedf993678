//! What erasing reads: records and bodies in pages, and everything that is known of a call.

use uuid::Uuid;

use crate::domain::{LaneId, Webhook, WebhookId};
use crate::store::rows::{CallRow, PersonRow};

use super::UnitBase;

/// Reads that only erasing makes, of many tables.
pub(in crate::store) trait ErasureRows: UnitBase {
    /// Returns the first people with greater numbers than this one.
    fn people_after(
        &mut self,
        after: i64,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<PersonRow>, Self::Fault>> + Send;

    /// Returns people by number, and holds them.
    fn hold_people(
        &mut self,
        ids: &[i64],
    ) -> impl Future<Output = Result<Vec<PersonRow>, Self::Fault>> + Send;

    /// Returns the webhooks that mention any of these people.
    fn mentioning(
        &mut self,
        people: &[i64],
    ) -> impl Future<Output = Result<Vec<WebhookId>, Self::Fault>> + Send;

    /// Returns the first webhooks with greater ids than this one whose bodies are kept, and that are parked
    /// or of other senders than GrowSurf.
    fn searched_bodies(
        &mut self,
        after: Uuid,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Webhook>, Self::Fault>> + Send;

    /// Returns those of these webhooks whose bodies are kept, true for one that is parked, and holds them.
    fn hold_bodies(
        &mut self,
        ids: &[WebhookId],
    ) -> impl Future<Output = Result<Vec<(WebhookId, bool)>, Self::Fault>> + Send;

    /// Returns the rows of deliveries that webhooks led to, and holds them.
    fn calls_of(
        &mut self,
        webhooks: &[WebhookId],
    ) -> impl Future<Output = Result<Vec<CallRow>, Self::Fault>> + Send;

    /// Returns rows of a lane in which something is pending or dead. Whoever holds the lane holds them.
    fn unsettled_calls(
        &mut self,
        lane: LaneId,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<CallRow>, Self::Fault>> + Send;
}
