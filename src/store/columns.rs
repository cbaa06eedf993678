//! Columns: rows of tables as values, read by the places of their columns in either backend.
//!
//! What belongs here: the columns of each value, in their order. What doesn't: statements, which give them.

use uuid::Uuid;

use crate::domain::{
    AuditEntry, Class, DeliveryId, EventId, LaneId, Message, PersonId, Time, Webhook, WebhookId,
};

use super::record::{self, unreadable};
use super::rows::{
    CallRow, DeliveryRow, FinishedDelivery, LaneRow, LetterRow, MessageKey, PersonLetters,
    PersonRow, RowState, StoredWebhook, VisitorTraces, Waiting, WebhookCall, duration,
};
use super::{Death, DeliveryState, InboxEntry, LaneStatus, PastAttempt, StoreError};

/// A value that both backends read from a column.
pub(super) trait ColumnValue:
    rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>
{
}

impl<T> ColumnValue for T where
    T: rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>
{
}

/// A row that a statement gave.
pub(super) trait Columns {
    /// The backend's error.
    type Fault: From<StoreError>;

    /// Reads the column at a place.
    fn get<T: ColumnValue>(&self, place: usize) -> Result<T, Self::Fault>;
}

/// A value that is read from the columns of a row.
pub(super) trait FromColumns: Sized {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault>;
}

macro_rules! first_column {
    ($($value:ty),+) => {
        $(impl FromColumns for $value {
            fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
                row.get(0)
            }
        })+
    };
}

impl<A: ColumnValue, B: ColumnValue> FromColumns for (A, B) {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok((row.get(0)?, row.get(1)?))
    }
}

first_column!(bool, i64, Option<i64>, String, Uuid);

/// Implements [`FromColumns`] for values whose columns are in the order of these fields. A function behind a field
/// makes its value of the column.
macro_rules! in_order {
    ($($row:ident { $($field:ident $(($make:path))?),+ })+) => {
        $(impl FromColumns for $row {
            fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
                let mut place = 0..;
                let mut next = || place.next().expect("it doesn't end");
                Ok(Self { $($field: $($make)?(row.get(next())?)),+ })
            }
        })+
    };
}

in_order! {
    FinishedDelivery { row, lane(LaneId), state(DeliveryState::of) }
    PersonRow { id, identifier, state }
    LaneRow { id(LaneId), class, due_at, token, leased }
    DeliveryRow {
        id, lane(LaneId), webhook(webhook_id), class, planned_at, event_at, attempts, failing_since,
        call, identify
    }
    RowState {
        id, lane(LaneId), state, class, attempts, failing_since, delivered_at, has_identify,
        identify_dead
    }
    CallRow {
        row, lane(LaneId), state, call, identify, is_identify_dead, dead, is_call_dead, attempts
    }
    VisitorTraces { person(PersonId), is_leased, has_delivery, has_webhook }
}

impl FromColumns for (i64, String, i64) {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    }
}

/// The number stands before the record.
impl FromColumns for (i64, AuditEntry) {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        let entry = AuditEntry {
            at: Time::from_micros(row.get(1)?),
            name: row.get(2)?,
            role: row.get(3)?,
            origin: row.get(4)?,
            act: row.get(5)?,
            subject: row.get(6)?,
            outcome: row.get(7)?,
        };
        Ok((row.get(0)?, entry))
    }
}

fn webhook_id(id: Option<Uuid>) -> Option<WebhookId> {
    id.map(WebhookId)
}

impl FromColumns for WebhookId {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok(WebhookId(row.get(0)?))
    }
}

impl FromColumns for DeliveryId {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok(DeliveryId(row.get(0)?))
    }
}

pub(super) const WEBHOOK: &str = "id, received_at, source, owner, event, body";

impl FromColumns for Webhook {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok(Webhook {
            id: WebhookId(row.get(0)?),
            received_at: Time::from_micros(row.get(1)?),
            source: record::source(&row.get::<String>(2)?)?,
            owner: row.get(3)?,
            event: row.get(4)?,
            body: row.get(5)?,
        })
    }
}

/// The columns are `id`, `sha256`, `received_at`, `source`, `campaign`, and true if it is parked.
impl FromColumns for StoredWebhook {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok(StoredWebhook {
            id: WebhookId(row.get(0)?),
            fingerprint: hash(row.get(1)?)?,
            received_at: Time::from_micros(row.get(2)?),
            class: Class::of_stored(record::source(&row.get::<String>(3)?)?),
            campaign: row.get(4)?,
            is_parked: row.get(5)?,
        })
    }
}

/// Reads a hash of 32 bytes.
pub(super) fn hash(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| unreadable("a hash", "it hasn't 32 bytes"))
}

/// The columns are those up to `delivered_at`, and those of the dead letters of the call and of the identify.
impl FromColumns for WebhookCall {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok(WebhookCall {
            row: row.get(0)?,
            webhook: WebhookId(row.get(1)?),
            lane: LaneId(row.get(2)?),
            identifier: row.get(3)?,
            call: row.get(4)?,
            has_identify: row.get(5)?,
            state: row.get(6)?,
            planned_at: row.get(7)?,
            delivered_at: row.get(8)?,
            call_letter: death(row, 9)?,
            identify_letter: death(row, 12)?,
        })
    }
}

/// Reads a dead letter whose `died_at`, `reason` and `field` begin at a column; `None` where a join found none.
fn death<R: Columns>(row: &R, first: usize) -> Result<Option<Death>, R::Fault> {
    let died_at: Option<i64> = row.get(first)?;
    let Some(died_at) = died_at.map(Time::from_micros) else { return Ok(None) };
    Ok(Some(Death { died_at, reason: row.get(first + 1)?, field: row.get(first + 2)? }))
}

/// The columns of an [`InboxEntry`].
pub(super) const ENTRY: &str = "id, received_at, source, owner, event, parked";

impl FromColumns for InboxEntry {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok(InboxEntry {
            id: WebhookId(row.get(0)?),
            received_at: Time::from_micros(row.get(1)?),
            source: record::source(&row.get::<String>(2)?)?,
            owner: row.get(3)?,
            event: row.get(4)?,
            parked: row.get(5)?,
        })
    }
}

/// The columns are the lane, `due_at`, `leased`, when its first pending call was planned, and the number of
/// pending rows.
impl FromColumns for LaneStatus {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        let (due_at, oldest): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(3)?);
        Ok(LaneStatus {
            lane: LaneId(row.get(0)?),
            due_at: due_at.map(Time::from_micros),
            is_leased: row.get(2)?,
            oldest: oldest.map(Time::from_micros),
            pending: row.get(4)?,
        })
    }
}

/// The columns are those of the key, `channel`, `sender`, `sender_id` and `at`.
impl FromColumns for Message {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        let (event, delivery, metric) = MessageKey::read(row)?;
        let sender: Option<String> = row.get(4)?;
        Ok(Self {
            event,
            delivery,
            metric,
            channel: row.get(3)?,
            sender: sender.zip(row.get(5)?),
            at: Time::from_micros(row.get(6)?),
        })
    }
}

/// The columns are `event`, `delivery` and `metric`.
impl FromColumns for MessageKey {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok((EventId(row.get::<Uuid>(0)?.into_bytes()), row.get(1)?, row.get(2)?))
    }
}

/// The identifier of its person stands behind the lane.
impl FromColumns for (LaneRow, String) {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok((LaneRow::read(row)?, row.get(5)?))
    }
}

/// The identifier of its person stands behind the row.
impl FromColumns for (DeliveryRow, String) {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok((DeliveryRow::read(row)?, row.get(10)?))
    }
}

/// The columns are `at`, `took`, `http_status`, `outcome` and `reason`.
impl FromColumns for PastAttempt {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        let status: Option<i32> = row.get(2)?;
        Ok(PastAttempt {
            at: Time::from_micros(row.get(0)?),
            took: duration(row.get(1)?),
            http_status: status.and_then(|status| u16::try_from(status).ok()),
            outcome: row.get(3)?,
            reason: row.get(4)?,
        })
    }
}

/// The columns are those of the attempt, and the number of the delivery.
impl FromColumns for (DeliveryId, PastAttempt) {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Ok((DeliveryId(row.get(5)?), PastAttempt::read(row)?))
    }
}

/// The columns are those of [`DeliveryRow`], the number of the delivery, the identifier of its person, `died_at`,
/// `reason`, `field` and the status of the last attempt.
impl FromColumns for LetterRow {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        let delivery = DeliveryRow::read(row)?;
        let status: Option<i32> = row.get(15)?;
        Ok(LetterRow {
            lane: delivery.lane,
            delivery: Waiting { id: DeliveryId(row.get(10)?), ..delivery.own() },
            identifier: row.get(11)?,
            died_at: row.get(12)?,
            reason: row.get(13)?,
            field: row.get(14)?,
            http_status: status.and_then(|status| u16::try_from(status).ok()),
        })
    }
}

/// The columns are those of [`RowState`], `planned_at`, `call`, `webhook`, the identifier and the state of the
/// person. The dead letters come apart.
impl FromColumns for PersonLetters {
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        let state = RowState::read(row)?;
        let (identifier, of_person): (String, String) = (row.get(12)?, row.get(13)?);
        Ok(Self {
            person: record::person(state.lane.0, &identifier, &of_person)?,
            row: state,
            dead: Vec::new(),
            planned_at: row.get(9)?,
            call: row.get(10)?,
            webhook: webhook_id(row.get(11)?),
        })
    }
}
