//! Deliveries: how one is read back.
//!
//! What belongs here: the row and its values. What doesn't: when a delivery's state changes
//! (`settle`, `dead`).

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{Delivery, DeliveryId, LaneId, Time, WebhookId};
use crate::store::StoreError;
use crate::store::head::Pending;
use crate::store::record::unreadable;
pub(super) use crate::store::rows::{duration, micros};
use crate::store::work::PAGE;

use super::fault::Fault;

/// Values of `deliveries.state`.
pub(super) const PENDING: i16 = 0;
pub(super) const DELIVERED: i16 = 1;
pub(super) const DEAD: i16 = 2;

/// The columns that [`Waiting::of`] reads, of a table or subquery called `it`.
pub(super) const COLUMNS: &str = "it.id, it.call, it.webhook, it.planned_at, it.attempts, \
                                  it.failing_since, it.event_at, it.lane, it.class";

/// A call as its row holds it, not read yet.
pub(super) struct Waiting {
    pub(super) id: DeliveryId,
    pub(super) lane: LaneId,
    event_at: Option<i64>,
    call: String,
    webhook: Option<Uuid>,
    planned_at: i64,
    attempts: i32,
    failing_since: Option<i64>,
    class: i16,
}

impl Waiting {
    /// Of a row that begins with [`COLUMNS`].
    pub(super) fn of(row: &Row) -> Result<Self, Fault> {
        Ok(Self {
            id: DeliveryId(row.try_get(0)?),
            call: row.try_get(1)?,
            webhook: row.try_get(2)?,
            planned_at: row.try_get(3)?,
            attempts: row.try_get(4)?,
            failing_since: row.try_get(5)?,
            event_at: row.try_get(6)?,
            lane: LaneId(row.try_get(7)?),
            class: row.try_get(8)?,
        })
    }

    /// Reads the call.
    pub(super) fn read(self) -> Result<Delivery, StoreError> {
        let call = serde_json::from_str(&self.call);
        Ok(Delivery {
            id: self.id,
            call: call.map_err(|error| unreadable("a call", error))?,
            webhook: self.webhook.map(WebhookId),
            planned_at: Time::from_micros(self.planned_at),
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            failing_since: self.failing_since.map(duration),
        })
    }
}

impl Pending for Waiting {
    fn id(&self) -> DeliveryId {
        self.id
    }

    fn event_at(&self) -> Option<Time> {
        self.event_at.map(Time::from_micros)
    }

    fn is_page(&self) -> bool {
        self.class == PAGE
    }
}
