//! Rows of lanes, deliveries, dead letters and attempts.
//!
//! A row of `deliveries` is up to two of them, its halves: a call, and the identify that goes before it.

use crate::domain::{Delivery, DeliveryId, LaneId, Time, WebhookId};
use crate::store::StoreError;
use crate::store::record::unreadable;

use super::duration;

/// Values of `deliveries.state`.
pub(in crate::store) const PENDING: i16 = 0;
pub(in crate::store) const DELIVERED: i16 = 1;
/// One of the halves is a dead letter, and none is pending.
pub(in crate::store) const DEAD: i16 = 2;

/// A lane, but for its next place.
#[derive(Clone, Debug)]
pub(in crate::store) struct LaneRow {
    pub(in crate::store) id: LaneId,
    /// That of the most urgent pending call; when nothing is pending, 2, or 3 of a lane to GrowSurf.
    pub(in crate::store) class: i16,
    /// `None` when nothing is pending; while leased, when the lease ends.
    pub(in crate::store) due_at: Option<i64>,
    pub(in crate::store) token: i64,
    pub(in crate::store) leased: bool,
}

/// One of a row's deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Half {
    /// The identify that goes before.
    Identify,
    /// The row's own call.
    Call,
}

pub(in crate::store) fn delivery(row: i64, half: Half) -> DeliveryId {
    DeliveryId(2 * row + i64::from(half == Half::Call))
}

/// Returns the row of a delivery, and its half.
pub(in crate::store) fn half(DeliveryId(id): DeliveryId) -> (i64, Half) {
    (id.div_euclid(2), if id.rem_euclid(2) == 0 { Half::Identify } else { Half::Call })
}

/// The part of a row of deliveries that changes.
#[derive(Clone, Debug)]
pub(in crate::store) struct RowState {
    pub(in crate::store) id: i64,
    pub(in crate::store) lane: LaneId,
    pub(in crate::store) state: i16,
    pub(in crate::store) class: i16,
    /// The attempts of the half whose turn it is.
    pub(in crate::store) attempts: i32,
    pub(in crate::store) failing_since: Option<i64>,
    pub(in crate::store) delivered_at: Option<i64>,
    /// False if there is no identify, or none any more.
    pub(in crate::store) has_identify: bool,
    /// True if the identify is a dead letter, and the call went on without it.
    pub(in crate::store) identify_dead: bool,
}

impl RowState {
    /// Returns the half that goes out next, if any is pending.
    pub(in crate::store) fn turn(&self) -> Option<Half> {
        let identify = self.has_identify && !self.identify_dead;
        let turn = if identify { Half::Identify } else { Half::Call };
        (self.state == PENDING).then_some(turn)
    }
}

/// A row of deliveries, whole.
#[derive(Clone, Debug)]
pub(in crate::store) struct DeliveryRow {
    pub(in crate::store) state: RowState,
    pub(in crate::store) webhook: Option<WebhookId>,
    pub(in crate::store) planned_at: i64,
    pub(in crate::store) event_at: Option<i64>,
    /// The row's own call; empty if it was put back.
    pub(in crate::store) call: String,
    /// The identify that goes before it, also one that is a dead letter.
    pub(in crate::store) identify: Option<String>,
}

impl DeliveryRow {
    /// Takes one of the row's deliveries, if it is left.
    pub(in crate::store) fn take(&mut self, half: Half) -> Option<Waiting> {
        let call = match half {
            Half::Identify => self.identify.take()?,
            Half::Call => Some(std::mem::take(&mut self.call)).filter(|call| !call.is_empty())?,
        };
        Some(Waiting {
            id: delivery(self.state.id, half),
            event_at: self.event_at.filter(|_| half == Half::Call),
            call,
            webhook: self.webhook,
            planned_at: self.planned_at,
            attempts: self.state.attempts,
            failing_since: self.state.failing_since,
            class: self.state.class,
        })
    }

    /// Returns the deliveries that are pending, the identify first. Attempts are those of whichever goes first.
    pub(in crate::store) fn deliveries(mut self) -> impl Iterator<Item = Waiting> {
        let identify = if self.state.identify_dead { None } else { self.take(Half::Identify) };
        if identify.is_some() {
            (self.state.attempts, self.state.failing_since) = (0, None);
        }
        identify.into_iter().chain(self.take(Half::Call))
    }
}

/// A delivery, not read yet.
#[derive(Debug)]
pub(in crate::store) struct Waiting {
    pub(in crate::store) id: DeliveryId,
    /// The call's own time; `None` of an identify.
    pub(in crate::store) event_at: Option<i64>,
    pub(in crate::store) call: String,
    pub(in crate::store) webhook: Option<WebhookId>,
    pub(in crate::store) planned_at: i64,
    pub(in crate::store) attempts: i32,
    pub(in crate::store) failing_since: Option<i64>,
    pub(in crate::store) class: i16,
}

impl Waiting {
    /// Reads the call.
    pub(in crate::store) fn read(self) -> Result<Delivery, StoreError> {
        let call = serde_json::from_str(&self.call);
        Ok(Delivery {
            id: self.id,
            call: call.map_err(|error| unreadable("a call", error))?,
            webhook: self.webhook,
            planned_at: Time::from_micros(self.planned_at),
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            failing_since: self.failing_since.map(duration),
        })
    }
}

/// A dead letter, without its delivery.
#[derive(Clone, Debug)]
pub(in crate::store) struct LetterRow {
    pub(in crate::store) delivery: DeliveryId,
    pub(in crate::store) died_at: i64,
    pub(in crate::store) reason: String,
    pub(in crate::store) field: Option<String>,
    pub(in crate::store) attempts: i32,
    /// The status answered to the last attempt.
    pub(in crate::store) http_status: Option<u16>,
}

/// New rows at the end of a lane: a relative change. A lane that isn't there is made.
pub(in crate::store) struct LaneAppend {
    /// The lane's class from now on, unless it is more urgent already.
    pub(in crate::store) class: i16,
    /// The time at which it is due from now on, unless something was pending before.
    pub(in crate::store) due_at: i64,
    /// The rows, in order. Their places are the lane's next ones.
    pub(in crate::store) rows: Vec<NewRow>,
}

/// A new row of deliveries that are pending.
#[derive(Clone)]
pub(in crate::store) struct NewRow {
    pub(in crate::store) webhook: Option<WebhookId>,
    pub(in crate::store) class: i16,
    pub(in crate::store) planned_at: i64,
    /// The call's own time; `None` of an identify.
    pub(in crate::store) event_at: Option<i64>,
    /// The identify that goes before the call.
    pub(in crate::store) identify: Option<String>,
    pub(in crate::store) call: String,
}

/// A visitor whose lane becomes as urgent as a class, and so do its first [`RAISED`](Self::RAISED) pending calls:
/// a relative change. A lane to GrowSurf, one in which nothing is pending, and what is more urgent stay as they are.
pub(in crate::store) struct LaneRaise {
    /// The visitor, as the table of people has it.
    pub(in crate::store) identifier: String,
    pub(in crate::store) class: i16,
}

impl LaneRaise {
    /// Calls that one raise reaches at most.
    pub(in crate::store) const RAISED: i64 = 1_000;
}
