//! Rows of lanes, deliveries, dead letters and attempts.
//!
//! A row of `deliveries` is up to two of them, its halves: a call, and the identify that goes before it.

use crate::domain::{Delivery, DeliveryId, LaneId, Person, Time, WebhookId};
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

/// A row of pending deliveries.
#[derive(Debug)]
pub(in crate::store) struct DeliveryRow {
    pub(in crate::store) id: i64,
    pub(in crate::store) lane: LaneId,
    pub(in crate::store) webhook: Option<WebhookId>,
    pub(in crate::store) class: i16,
    pub(in crate::store) planned_at: i64,
    pub(in crate::store) event_at: Option<i64>,
    pub(in crate::store) attempts: i32,
    pub(in crate::store) failing_since: Option<i64>,
    pub(in crate::store) call: String,
    /// The identify, unless it is a dead letter.
    pub(in crate::store) identify: Option<String>,
}

impl DeliveryRow {
    /// Returns the row's own call.
    pub(in crate::store) fn own(self) -> Waiting {
        Waiting {
            id: delivery(self.id, Half::Call),
            event_at: self.event_at,
            call: self.call,
            webhook: self.webhook,
            planned_at: self.planned_at,
            attempts: self.attempts,
            failing_since: self.failing_since,
            class: self.class,
        }
    }

    /// Returns the deliveries of the row, the identify first. Attempts are those of whichever goes first.
    pub(in crate::store) fn deliveries(mut self) -> impl Iterator<Item = Waiting> {
        let (id, identify) = (delivery(self.id, Half::Identify), self.identify.take());
        let mut own = self.own();
        let before = identify.map(|call| Waiting {
            id,
            event_at: None,
            call,
            attempts: std::mem::take(&mut own.attempts),
            failing_since: own.failing_since.take(),
            ..own
        });
        before.into_iter().chain(Some(own))
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

/// A dead letter with its delivery.
#[derive(Debug)]
pub(in crate::store) struct LetterRow {
    /// The delivery; its attempts are those at its death.
    pub(in crate::store) delivery: Waiting,
    pub(in crate::store) lane: LaneId,
    /// The person's, as the table of people has it.
    pub(in crate::store) identifier: String,
    pub(in crate::store) died_at: i64,
    pub(in crate::store) reason: String,
    pub(in crate::store) field: Option<String>,
    /// The status answered to the last attempt.
    pub(in crate::store) http_status: Option<u16>,
}

/// Dead letters of one row of deliveries.
pub(in crate::store) struct PersonLetters {
    pub(in crate::store) row: RowState,
    /// All of them, also those that weren't asked for.
    pub(in crate::store) dead: Vec<DeliveryId>,
    pub(in crate::store) webhook: Option<WebhookId>,
    pub(in crate::store) planned_at: i64,
    /// Empty if it has moved on.
    pub(in crate::store) call: String,
    pub(in crate::store) person: Person,
}

/// A new dead letter.
#[derive(Clone, Debug)]
pub(in crate::store) struct NewLetter {
    pub(in crate::store) delivery: DeliveryId,
    pub(in crate::store) died_at: i64,
    pub(in crate::store) reason: String,
    pub(in crate::store) field: Option<String>,
    pub(in crate::store) attempts: i32,
}

/// An attempt that didn't deliver.
#[derive(Clone, Debug)]
pub(in crate::store) struct NewAttempt {
    pub(in crate::store) delivery: DeliveryId,
    pub(in crate::store) at: i64,
    pub(in crate::store) took: i64,
    pub(in crate::store) http_status: Option<u16>,
    pub(in crate::store) outcome: &'static str,
    pub(in crate::store) reason: String,
}

impl NewAttempt {
    /// Attempts kept of one delivery, the latest; the head that probes a halted destination for weeks
    /// would else have tens of thousands.
    pub(in crate::store) const ATTEMPTS: i64 = 100;
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
