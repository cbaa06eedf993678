//! Rows of lanes, deliveries, dead letters and attempts.
//!
//! A row of `deliveries` is up to two of them, its halves: a call, and the identify that goes before it.

use crate::domain::{Delivery, DeliveryId, LaneId, Time, WebhookId};
use crate::store::StoreError;
use crate::store::record::unreadable;

use super::duration;

/// Values of `deliveries.state`.
pub const PENDING: i16 = 0;
pub const DELIVERED: i16 = 1;
/// One of the halves is a dead letter, and none is pending.
pub const DEAD: i16 = 2;

/// A lane, but for its next place.
#[derive(Clone, Debug)]
pub struct LaneRow {
    pub id: LaneId,
    /// That of the most urgent pending call; when nothing is pending, 2, or 3 of a lane to GrowSurf.
    pub class: i16,
    /// `None` when nothing is pending; while leased, when the lease ends.
    pub due_at: Option<i64>,
    pub token: i64,
    pub leased: bool,
}

/// One of a row's deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// The identify that goes before.
    Identify,
    /// The row's own call.
    Call,
}

pub fn delivery(row: i64, half: Half) -> DeliveryId {
    DeliveryId(2 * row + i64::from(half == Half::Call))
}

/// Returns the row of a delivery, and its half.
pub fn half(DeliveryId(id): DeliveryId) -> (i64, Half) {
    (id.div_euclid(2), if id.rem_euclid(2) == 0 { Half::Identify } else { Half::Call })
}

/// The part of a row of deliveries that changes.
#[derive(Clone, Debug)]
pub struct RowState {
    pub id: i64,
    pub lane: LaneId,
    pub state: i16,
    pub class: i16,
    /// The attempts of the half whose turn it is.
    pub attempts: i32,
    pub failing_since: Option<i64>,
    pub delivered_at: Option<i64>,
    /// False if there is no identify, or none any more.
    pub has_identify: bool,
    /// True if the identify is a dead letter, and the call went on without it.
    pub identify_dead: bool,
}

impl RowState {
    /// Returns the half that goes out next, if any is pending.
    pub fn turn(&self) -> Option<Half> {
        let identify = self.has_identify && !self.identify_dead;
        let turn = if identify { Half::Identify } else { Half::Call };
        (self.state == PENDING).then_some(turn)
    }
}

/// A row of deliveries, whole.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    pub state: RowState,
    pub webhook: Option<WebhookId>,
    pub planned_at: i64,
    pub event_at: Option<i64>,
    /// The row's own call; empty if it was put back.
    pub call: String,
    /// The identify that goes before it, also one that is a dead letter.
    pub identify: Option<String>,
}

impl DeliveryRow {
    /// Takes one of the row's deliveries, if it is left.
    pub fn take(&mut self, half: Half) -> Option<Waiting> {
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
    pub fn deliveries(mut self) -> impl Iterator<Item = Waiting> {
        let identify = if self.state.identify_dead { None } else { self.take(Half::Identify) };
        if identify.is_some() {
            (self.state.attempts, self.state.failing_since) = (0, None);
        }
        identify.into_iter().chain(self.take(Half::Call))
    }
}

/// A delivery, not read yet.
#[derive(Debug)]
pub struct Waiting {
    pub id: DeliveryId,
    /// The call's own time; `None` of an identify.
    pub event_at: Option<i64>,
    pub call: String,
    pub webhook: Option<WebhookId>,
    pub planned_at: i64,
    pub attempts: i32,
    pub failing_since: Option<i64>,
    pub class: i16,
}

impl Waiting {
    /// Reads the call.
    pub fn read(self) -> Result<Delivery, StoreError> {
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
pub struct LetterRow {
    pub delivery: DeliveryId,
    pub died_at: i64,
    pub reason: String,
    pub field: Option<String>,
    pub attempts: i32,
    /// The status answered to the last attempt.
    pub http_status: Option<u16>,
}

/// New rows at the end of a lane: a relative change. A lane that isn't there is made.
pub struct LaneAppend {
    /// The lane's class from now on, unless it is more urgent already.
    pub class: i16,
    /// The time at which it is due from now on, unless something was pending before.
    pub due_at: i64,
    /// The rows, in order. Their places are the lane's next ones.
    pub rows: Vec<NewRow>,
}

/// A new row of deliveries that are pending.
#[derive(Clone)]
pub struct NewRow {
    pub webhook: Option<WebhookId>,
    pub class: i16,
    pub planned_at: i64,
    /// The call's own time; `None` of an identify.
    pub event_at: Option<i64>,
    /// The identify that goes before the call.
    pub identify: Option<String>,
    pub call: String,
}

/// A visitor whose lane becomes as urgent as a class, and so do its first [`RAISED`](Self::RAISED) pending calls:
/// a relative change. A lane to GrowSurf, one in which nothing is pending, and what is more urgent stay as they are.
pub struct LaneRaise {
    /// The visitor, as the table of people has it.
    pub identifier: String,
    pub class: i16,
}

impl LaneRaise {
    /// Calls that one raise reaches at most.
    pub const RAISED: i64 = 1_000;
}
