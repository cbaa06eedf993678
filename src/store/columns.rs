//! Columns: rows of tables as values, read by the places of their columns in either backend.
//!
//! What belongs here: the columns of each value, in their order. What doesn't: statements, which give them.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::{
    AuditEntry, Class, DeliveryId, EventId, LaneId, Message, PersonId, Source, Time, Webhook,
    WebhookId,
};

use super::record::{self, unreadable};
use super::rows::{DeliveryRow, LaneRow, LetterRow, PersonRow, RowState, StoredWebhook, duration};
use super::unit::Hash;
use super::{InboxEntry, LaneStatus, PastAttempt, StoreError};

/// A value that both backends read from a column.
pub trait ColumnValue:
    rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>
{
}

impl<T> ColumnValue for T where
    T: rusqlite::types::FromSql + for<'a> tokio_postgres::types::FromSql<'a>
{
}

/// A row that a statement gave.
pub(crate) trait Columns {
    /// The backend's error.
    type Fault: From<StoreError>;

    /// Reads the column at a place.
    fn get<T: ColumnValue>(&self, place: usize) -> Result<T, Self::Fault>;
}

/// A value of one or several columns.
pub trait FromColumns: Sized {
    /// Reads it from the columns that begin at a place, and moves the place behind them.
    fn next<R: Columns>(row: &R, place: &mut usize) -> Result<Self, R::Fault>;

    /// Reads it from the first columns.
    fn read<R: Columns>(row: &R) -> Result<Self, R::Fault> {
        Self::next(row, &mut 0)
    }
}

/// Implements [`FromColumns`] for values of one column: as the backends read it, or made of that.
macro_rules! one_column {
    ($($value:ty $(: $raw:ty => $make:expr)?),+ $(,)?) => {
        $(impl FromColumns for $value {
            fn next<R: Columns>(row: &R, place: &mut usize) -> Result<Self, R::Fault> {
                *place += 1;
                let it = row.get(*place - 1)?;
                $(
                    let make: fn($raw) -> Result<Self, StoreError> = $make;
                    let it = make(it)?;
                )?
                Ok(it)
            }
        })+
    };
}

one_column! {
    bool, i16, i32, i64, Option<i64>, String, Option<String>, Vec<u8>, Uuid,
    LaneId: i64 => |it| Ok(Self(it)),
    PersonId: i64 => |it| Ok(Self(it)),
    DeliveryId: i64 => |it| Ok(Self(it)),
    WebhookId: Uuid => |it| Ok(Self(it)),
    Option<WebhookId>: Option<Uuid> => |it| Ok(it.map(WebhookId)),
    EventId: Uuid => |it| Ok(Self(it.into_bytes())),
    Time: i64 => |it| Ok(Self::from_micros(it)),
    Option<Time>: Option<i64> => |it| Ok(it.map(Time::from_micros)),
    Duration: i64 => |it| Ok(duration(it)),
    Option<u16>: Option<i32> => |it| Ok(it.and_then(|it| u16::try_from(it).ok())),
    Hash: Vec<u8> => |it| it.try_into().map_err(|_| unreadable("a hash", "it hasn't 32 bytes")),
    Source: String => |it| record::source(&it),
    // Of a stored webhook, by its source.
    Class: String => |it| record::source(&it).map(Self::of_stored),
}

/// Implements [`FromColumns`] for values whose columns are in the order of these fields.
macro_rules! in_order {
    ($($row:ident { $($field:ident),+ })+) => {
        $(impl FromColumns for $row {
            fn next<R: Columns>(row: &R, place: &mut usize) -> Result<Self, R::Fault> {
                Ok(Self { $($field: FromColumns::next(row, place)?),+ })
            }
        })+
    };
}

in_order! {
    Webhook { id, received_at, source, owner, event, body }
    InboxEntry { id, received_at, source, owner, event, parked, is_mapped_in_part }
    StoredWebhook { id, fingerprint, received_at, class, campaign, is_parked, is_mapped }
    PersonRow { id, identifier, state }
    LaneRow { id, class, due_at, token, leased }
    LaneStatus { lane, due_at, is_leased, oldest, pending }
    RowState {
        id, lane, state, class, attempts, failing_since, delivered_at, has_identify, identify_dead
    }
    DeliveryRow { state, webhook, planned_at, event_at, call, identify }
    LetterRow { delivery, died_at, reason, field, attempts, http_status }
    PastAttempt { at, took, http_status, outcome, reason }
    Message { event, delivery, metric, channel, sender, at }
    AuditEntry { at, name, role, origin, act, subject, outcome }
}

/// The columns of a [`Webhook`].
pub const WEBHOOK: &str = "id, received_at, source, owner, event, body";

/// The columns of an [`InboxEntry`].
pub const ENTRY: &str = "id, received_at, source, owner, event, parked, parked IS NOT NULL
     AND EXISTS (SELECT 1 FROM deliveries WHERE deliveries.webhook = inbox.id)";

/// The columns of a [`DeliveryRow`].
pub const DELIVERY: &str = "id, lane, state, class, attempts, failing_since, delivered_at,
     identify IS NOT NULL, identify_dead, webhook, planned_at, event_at, call, identify";

impl<A: FromColumns, B: FromColumns> FromColumns for (A, B) {
    fn next<R: Columns>(row: &R, place: &mut usize) -> Result<Self, R::Fault> {
        Ok((A::next(row, place)?, B::next(row, place)?))
    }
}

impl<A: FromColumns, B: FromColumns, C: FromColumns> FromColumns for (A, B, C) {
    fn next<R: Columns>(row: &R, place: &mut usize) -> Result<Self, R::Fault> {
        Ok((A::next(row, place)?, B::next(row, place)?, C::next(row, place)?))
    }
}

/// A message's sender: the kind and the id.
impl FromColumns for Option<(String, String)> {
    fn next<R: Columns>(row: &R, place: &mut usize) -> Result<Self, R::Fault> {
        let (kind, id): (Option<String>, Option<String>) = FromColumns::next(row, place)?;
        Ok(kind.zip(id))
    }
}
