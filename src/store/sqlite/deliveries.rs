//! Deliveries: how one is written as a row and read back.
//!
//! What belongs here: the row and its values. What doesn't: when a delivery's state changes
//! (`settle`, `dead`, `house`).

use std::time::Duration;

use rusqlite::{Connection, Row, params};

use crate::domain::{Call, Delivery, DeliveryId, LaneId, Time, WebhookId};

use super::fault::Fault;

/// Values of `deliveries.state`.
pub(super) const DELIVERED: i64 = 1;
pub(super) const DEAD: i64 = 2;

/// Writes a new pending delivery at a place of its lane.
pub(super) fn insert(
    connection: &Connection,
    lane: LaneId,
    seq: i64,
    webhook: Option<i64>,
    call: &Call,
    now: Time,
) -> Result<(), Fault> {
    let event_at = match call {
        Call::Identify { .. } => None,
        Call::Track { at, .. } => Some(at.micros()),
    };
    let call = serde_json::to_string(call).map_err(|error| Fault::unreadable("a plan", error))?;
    connection
        .prepare_cached(
            "INSERT INTO deliveries (lane, seq, webhook, planned_at, event_at, call)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![lane.0, seq, webhook, now.micros(), event_at, call])?;
    Ok(())
}

/// Reads one delivery, whatever its state.
pub(super) fn read(connection: &Connection, id: DeliveryId) -> Result<Delivery, Fault> {
    connection
        .prepare_cached(
            "SELECT deliveries.id, call, inbox.id, planned_at, attempts, failing_since
             FROM deliveries LEFT JOIN inbox ON inbox.seq = deliveries.webhook
             WHERE deliveries.id = ?1",
        )?
        .query_row([id.0], |row| Ok(from_row(row)))?
}

/// Reads a row whose first columns are those of [`read`].
pub(super) fn from_row(row: &Row<'_>) -> Result<Delivery, Fault> {
    let call: String = row.get(1)?;
    let call = serde_json::from_str(&call).map_err(|error| Fault::unreadable("a call", error))?;
    let webhook: Option<[u8; 16]> = row.get(2)?;
    let failing_since: Option<i64> = row.get(5)?;
    Ok(Delivery {
        id: DeliveryId(row.get(0)?),
        call,
        webhook: webhook.map(|bytes| WebhookId(uuid::Uuid::from_bytes(bytes))),
        planned_at: Time::from_micros(row.get(3)?),
        attempts: row.get(4)?,
        failing_since: failing_since.map(duration),
    })
}

/// A duration as a column holds it, in microseconds.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A duration as a column held it.
pub(super) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
