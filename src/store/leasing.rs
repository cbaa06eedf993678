//! Leases: a worker claims lanes, and settles them with the outcomes of their calls.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: the rules (`work`), and
//! when lanes are claimed (`delivery`).

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Attempt, Class, DeliveryId, Destination, LaneId, LaneKey, Leased, Time};

use super::engine::Backend;
use super::rows::{Changes, LaneRow, micros};
use super::unit::{PlanKeys, use_case};
use super::work::{Claim, NextDue, SettleLeases, raise, ranks};
use super::{Store, StoreError, record};

impl Store {
    /// Leases due lanes of a destination: by class, then the longest due. Lanes of the class page are leased
    /// only if no others are due. A lane has the class of its most urgent pending call.
    ///
    /// A lane has one lease at a time. If a lease ends without a settlement, the lane is due again, and its
    /// token fences off the late settlement. Of each lane goes the first pending delivery, and behind an
    /// identify the tracks up to the next one, to be sent in turn; or a run of old ones
    /// (see [`ClaimRequest::old_before`]).
    pub async fn claim(&self, claim: ClaimRequest) -> Result<Vec<Leased>, StoreError> {
        let planning = Arc::clone(&self.planning);
        self.write("lease lanes", Claim { request: claim, planning }).await
    }

    /// Returns the time at which the next lane of a destination is due, which may lie in the past, by the
    /// clock that shows `now`. Lanes of the class page count only with `page`. Doesn't wait for writes.
    pub async fn next_due(
        &self,
        destination: Destination,
        page: bool,
        now: Time,
    ) -> Result<Option<Time>, StoreError> {
        self.read("find the next due lane", NextDue { destination, page, now }).await
    }

    /// Ends leases with the verdicts on their deliveries, and keeps the reading of the availability clock. A
    /// settlement whose token isn't the lane's present one came too late and changes nothing. Returns how many did.
    pub async fn settle(
        &self,
        settlements: Vec<Settlement>,
        accepting: AvailabilityClock,
        now: Time,
    ) -> Result<usize, StoreError> {
        self.write("settle leases", SettleLeases { settlements, accepting, now }).await
    }

    /// Makes every leased lane due at once, unless another live process delivers from this store. Returns how
    /// many there were. Called once at start.
    pub async fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        match &*self.backend {
            Backend::File(file) => file.take_over(now).await,
            Backend::Server(server) => server.take_over(now).await,
            #[cfg(test)]
            Backend::Memory(memory) => memory.take_over(now),
        }
    }

    /// Makes a lane that waits for its next try due. False if it doesn't wait. The attempts of its calls count on.
    pub async fn release_wait(&self, lane: LaneId, now: Time) -> Result<bool, StoreError> {
        let is_released = use_case!(
            self.write("release a lane's wait"),
            [lane: LaneId, now: Time] -> bool,
            |unit| {
                let now = unit.by_lanes(*now, *now);
                let held = unit.hold_lanes(&[(*lane, Vec::new())]).await?;
                let mut lanes: Vec<LaneRow> = held.into_iter().map(|it| it.lane).collect();
                lanes.retain(|lane| !lane.leased && lane.due_at > Some(now));
                for lane in &mut lanes {
                    lane.due_at = Some(now);
                }
                let is_released = !lanes.is_empty();
                unit.write(Changes { lanes, ..Changes::default() }).await?;
                Ok(is_released)
            }
        )?;
        self.wake_others();
        Ok(is_released)
    }

    /// Moves the due times of a destination's lanes back by `by`, as the clock was, but not before `now`.
    /// Leased lanes stay, because their worker uses the same clock.
    pub async fn shift_due_times(
        &self,
        destination: Destination,
        by: Duration,
        now: Time,
    ) -> Result<(), StoreError> {
        use_case!(
            self.write("move due times"),
            [destination: Destination, by: Duration, now: Time] -> (),
            |unit| {
                if unit.has_own_clock() {
                    return Ok(());
                }
                let (by, now) = (micros(*by), now.micros());
                let mut lanes = unit.hold_all_lanes(ranks(*destination, true), false).await?;
                lanes.retain(|lane| lane.due_at > Some(now));
                for lane in &mut lanes {
                    lane.due_at = lane.due_at.map(|due_at| due_at.saturating_sub(by).max(now));
                }
                unit.write(Changes { lanes, ..Changes::default() }).await
            }
        )
    }

    /// True if a lane has a pending or leased call.
    pub async fn has_pending(&self, key: &LaneKey) -> Result<bool, StoreError> {
        let identifier = record::column(key);
        use_case!(
            self.read("look for a pending call"),
            [identifier: String] -> bool,
            |unit| {
                let identifiers = [identifier.clone()].into();
                let found = unit.records(&PlanKeys { identifiers, ..PlanKeys::default() }).await?;
                let lanes: Vec<LaneId> = found.people.iter().map(|row| LaneId(row.id)).collect();
                Ok(!unit.pending_rows(&lanes, 1).await?.is_empty())
            }
        )
    }

    /// Makes the pending calls of a lane as urgent as a class, unless they are more urgent. Reaches the oldest
    /// thousand, so that a long lane holds nobody up.
    pub async fn raise(&self, key: &LaneKey, class: Class) -> Result<(), StoreError> {
        let key = key.clone();
        use_case!(
            self.write("raise a lane"),
            [key: LaneKey, class: Class] -> (),
            |unit| {
                let raised = vec![raise(key, *class)];
                unit.write(Changes { raised, ..Changes::default() }).await
            }
        )
    }
}

/// A worker's request for leases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimRequest {
    /// The destination of the lanes.
    pub destination: Destination,
    /// The present time; lanes due later aren't given.
    pub now: Time,
    /// The end of the leases.
    pub until: Time,
    /// The greatest number of calls, over all lanes.
    pub calls: usize,
    /// The greatest number of calls of lanes of the class page.
    pub page: usize,
    /// The greatest number of calls of one lane that are sent one after the other.
    pub in_turn: usize,
    /// The time before which tracks are old: they trigger nothing at Customer.io, so that their order within
    /// a lane is free. A run of them goes at once, and so do a person's tracks of the class page. If identifies
    /// are between them, the last identify goes alone, and supersedes the others.
    pub old_before: Time,
    /// The only lane to lease, due or not, unless it is leased. A halted destination is probed with it.
    pub lane: Option<LaneId>,
}

/// The reading of a destination's availability clock: the time for which it has accepted calls, in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AvailabilityClock {
    pub destination: Destination,
    pub reading: Duration,
}

/// The end of a lease.
#[derive(Clone, PartialEq, Debug)]
pub struct Settlement {
    pub lane: LaneId,
    /// The lease's token.
    pub token: i64,
    /// The verdicts on its deliveries.
    pub results: Vec<Settle>,
}

/// The verdict on one delivery.
#[derive(Clone, PartialEq, Debug)]
pub struct Settle {
    pub delivery: DeliveryId,
    pub verdict: Verdict,
    /// The attempt, unless it wasn't tried.
    pub attempt: Option<Attempt>,
}

/// The next state of a delivery after an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Done; the lane goes on.
    Delivered,
    /// It stays first in its lane, which is due again at this time.
    Retry {
        at: Time,
        /// The availability clock at its first failure.
        failing_since: Duration,
    },
    /// It becomes a dead letter; the lane goes on.
    Dead {
        /// The reason, for people.
        reason: String,
        /// The field at fault, where known.
        field: Option<String>,
    },
    /// It wasn't tried, or its try says nothing about it; it stays first, due at once.
    NotAttempted,
    /// It wasn't tried, because it waits for something else; it stays first in its lane, which is due
    /// again at this time.
    Defer { at: Time },
}
