//! Deliveries: how one is written as a row and read back.
//!
//! What belongs here: the row and its values. What doesn't: when a delivery's state changes
//! (`settle`, `dead`). A row is up to two deliveries, because nearly every track has an
//! identify before it, and a row costs more to write than what is in it.

use rusqlite::Row;

use crate::domain::{Delivery, DeliveryId, Time, WebhookId};

use crate::store::head::Pending;
pub(super) use crate::store::rows::{duration, micros};
use crate::store::work::PAGE;

use super::fault::Fault;

/// Values of `deliveries.state`.
pub(super) const DELIVERED: i64 = 1;
pub(super) const DEAD: i64 = 2;

/// Which of a row's calls a delivery is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Half {
    /// The identify that goes before.
    Identify,
    /// The row's own call.
    Call,
}

/// The delivery that is one half of a row.
pub(super) fn id(row: i64, half: Half) -> DeliveryId {
    DeliveryId(2 * row + i64::from(half == Half::Call))
}

/// The row of a delivery, and which half of it.
pub(super) fn half(DeliveryId(id): DeliveryId) -> (i64, Half) {
    (id.div_euclid(2), if id.rem_euclid(2) == 0 { Half::Identify } else { Half::Call })
}

/// A pending call as its row holds it, not read yet.
pub(super) struct Waiting {
    id: DeliveryId,
    event_at: Option<i64>,
    call: String,
    webhook: Option<[u8; 16]>,
    planned_at: i64,
    attempts: u32,
    failing_since: Option<i64>,
    class: i16,
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

impl Waiting {
    /// The calls of a row, the identify first. The row's columns are its id, the call, the
    /// webhook's id, `planned_at`, `attempts`, `failing_since`, `event_at`, `identify` and `class`. Attempts
    /// are those of whichever goes first.
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<(Option<Self>, Self)> {
        let number = row.get(0)?;
        let mut own = Self {
            id: id(number, Half::Call),
            event_at: row.get(6)?,
            call: row.get(1)?,
            webhook: row.get(2)?,
            planned_at: row.get(3)?,
            attempts: row.get(4)?,
            failing_since: row.get(5)?,
            class: row.get(8)?,
        };
        // One that is dead isn't asked for.
        let identify: Option<String> = row.get(7)?;
        let before = identify.map(|call| Self {
            id: id(number, Half::Identify),
            event_at: None,
            call,
            attempts: std::mem::take(&mut own.attempts),
            failing_since: own.failing_since.take(),
            ..own
        });
        Ok((before, own))
    }

    /// True if the call was erased with the person it was of.
    pub(super) fn is_erased(&self) -> bool {
        self.call.is_empty()
    }

    /// Reads the call.
    pub(super) fn read(self) -> Result<Delivery, Fault> {
        let call = serde_json::from_str(&self.call);
        Ok(Delivery {
            id: self.id,
            call: call.map_err(|error| Fault::unreadable("a call", error))?,
            webhook: self.webhook.map(|bytes| WebhookId(uuid::Uuid::from_bytes(bytes))),
            planned_at: Time::from_micros(self.planned_at),
            attempts: self.attempts,
            failing_since: self.failing_since.map(duration),
        })
    }
}
