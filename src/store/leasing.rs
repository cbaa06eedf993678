//! Leases: lanes are given to workers, and end with what came of their calls.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: the rules (`work`), and
//! what is leased when (`delivery`).

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Attempt, DeliveryId, Destination, LaneId, Leased, Time};

use super::engine::Backend;
use super::work::{Claim, NextDue, SettleLeases, ShiftDueTimes};
use super::{Store, StoreError};

impl Store {
    /// Leases lanes that are due and lead the way asked for: by class, then the longest due. Lanes of the
    /// class page are given only where no others are due. A lane has the class of its most urgent pending
    /// call; a join also makes the visitor's pending calls as urgent as itself.
    ///
    /// A lane is given to one worker at a time, until its lease ends. When a lease ends without a
    /// settlement the lane is due again, and the late settlement is fenced off by its token. Of
    /// each lane the first pending delivery is given, and behind an identify the tracks up to the
    /// next one, to be sent in turn; or a run of old ones (see [`ClaimRequest::old_before`]).
    pub async fn claim(&self, claim: ClaimRequest) -> Result<Vec<Leased>, StoreError> {
        let planning = Arc::clone(&self.planning);
        self.write("lease lanes", Claim { request: claim, planning }).await
    }

    /// When the next lane that leads this way is due, if any is, by the clock that shows `now`; may lie in the past.
    /// Lanes of the class page count only with `page`. Doesn't wait for writes.
    pub async fn next_due(
        &self,
        way: Destination,
        page: bool,
        now: Time,
    ) -> Result<Option<Time>, StoreError> {
        self.read("tell when a lane is due", NextDue { way, page, now }).await
    }

    /// Ends leases with what came of them. A settlement whose token isn't the lane's present one
    /// changes nothing and is counted in the answer.
    ///
    /// `accepting` is the accepting clock's present reading, kept with it.
    pub async fn settle(
        &self,
        settlements: Vec<Settlement>,
        accepting: AvailabilityClock,
        now: Time,
    ) -> Result<Settled, StoreError> {
        self.write("settle leases", SettleLeases { settlements, accepting, now }).await
    }

    /// Makes every leased lane due at once. Called once at start, by the process that holds the
    /// right to deliver; a no-op if another live process delivers from this store.
    pub async fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        match &self.backend {
            Backend::File(file) => file.take_over(now).await,
            Backend::Server(server) => server.take_over(now).await,
            #[cfg(test)]
            Backend::Memory(memory) => memory.take_over(now),
        }
    }

    /// The clock was set back by so much: lanes that lead this way, aren't leased and are due after
    /// `now` are due by as much sooner. Leases end when they would; whoever has one goes by the same
    /// clock.
    pub async fn shift_due_times(
        &self,
        way: Destination,
        by: Duration,
        now: Time,
    ) -> Result<(), StoreError> {
        self.write("follow the clock", ShiftDueTimes { way, by, now }).await
    }
}

/// What a worker asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimRequest {
    /// Which way the lanes lead.
    pub way: Destination,
    /// The present time; lanes due later aren't given.
    pub now: Time,
    /// When the leases end.
    pub until: Time,
    /// How many calls at most, over all lanes.
    pub calls: usize,
    /// How many calls at most of lanes of the class page, which are given where no others are due.
    pub page: usize,
    /// How many calls of one lane at most, to be sent one after the other.
    pub in_turn: usize,
    /// Tracks that happened before this trigger nothing at Customer.io, so that their order
    /// within a lane is free: a run of them may be given at once, as may one of a person's tracks of the
    /// class page. A run of old tracks with
    /// identifies between them gives the last of those identifies alone, with the others as
    /// superseded.
    pub old_before: Time,
    /// Only this lane, due or not, unless it is leased: the head that a halted destination is
    /// probed with.
    pub lane: Option<LaneId>,
}

/// The reading of a destination's accepting clock: for how long it has accepted calls, in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AvailabilityClock {
    /// Whose clock it is.
    pub way: Destination,
    /// What it shows.
    pub reading: Duration,
}

/// What came of a lease.
#[derive(Clone, PartialEq, Debug)]
pub struct Settlement {
    /// The lane.
    pub lane: LaneId,
    /// The lease's token.
    pub token: i64,
    /// What came of each delivery it held.
    pub results: Vec<Settle>,
}

/// What came of one delivery.
#[derive(Clone, PartialEq, Debug)]
pub struct Settle {
    /// The delivery.
    pub delivery: DeliveryId,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The attempt, unless it wasn't tried.
    pub attempt: Option<Attempt>,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Done; the lane goes on.
    Delivered,
    /// It stays first in its lane, which is due again at this time.
    Retry {
        /// When.
        at: Time,
        /// The accepting clock at its first failure.
        failing_since: Duration,
    },
    /// It becomes a dead letter; the lane goes on.
    Dead {
        /// Why, for people.
        reason: String,
        /// The field at fault, where known.
        field: Option<String>,
    },
    /// It wasn't tried, or its try says nothing about it; it stays first, due at once.
    NotAttempted,
    /// It wasn't tried, because it waits for something else; it stays first in its lane, which is due
    /// again at this time.
    Defer {
        /// When.
        at: Time,
    },
}

/// What a settling changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settled {
    /// How many settlements came too late and changed nothing.
    pub fenced: usize,
}
