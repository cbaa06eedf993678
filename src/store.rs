//! The store: the durability contract, in use cases.
//!
//! What belongs here: the [`Store`] trait, whose documentation is the contract that every backend
//! keeps and that `store::contract` tests, and the plain values it takes and gives. What doesn't:
//! SQL (in the backends below), decisions about calls (the [`Planner`](crate::domain::Planner)
//! makes them) and decisions about attempts (`delivery` makes them).

mod backend;
mod batcher;
mod cluster;
#[cfg(test)]
mod contract;
pub mod copying;
mod damage;
mod effects;
mod engine;
mod erasing;
mod error;
mod fetching;
mod inbox;
mod location;
mod meta;
mod overlay;
mod planning;
pub mod postgres;
mod record;
mod rows;
pub mod sqlite;
mod tombstones;
mod unit;
mod work;
mod writer_status;

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{
    Attempt, Delivery, DeliveryId, Destination, Identifier, LaneId, Leased, Notification, Receipt,
    ReceivedWebhook, Time, Webhook, WebhookId,
};

pub use cluster::{Cluster, ExclusiveJob, HEARTBEAT_TTL, Outage, OutageKind, PeerStatus};
pub use damage::Damage;
pub use effects::{DeliveryState, Effect, EffectDelivery, Effects, MessageStatus};
pub use erasing::{CancelResult, Erased, ErasureTarget, Forgetting};
pub use error::StoreError;
pub use fetching::{Fetching, KvUpdate};
pub use inbox::{InboxPage, Pruned};
pub use location::StoreLocation;
pub use writer_status::Writing;

/// Keeps everything that must outlive the process.
///
/// Every method is one transaction, unless it says that it goes in pieces: it happens whole or
/// not at all, and it is on disk when the method returns `Ok`. A method whose future is dropped
/// may or may not have happened. Methods may be called from many tasks at once; writes that wait
/// together may share one commit, and then each gets its own result.
#[async_trait]
pub trait Store: Forgetting + Cluster + Fetching + Effects {
    /// Takes in a webhook: inbox, people, effects and deliveries are born together.
    ///
    /// Only after `Ok` may the sender be told that it was accepted. If the very bytes are in the
    /// inbox already and aren't parked, nothing changes and the status is `Duplicate`, with the
    /// first one's id. If they are there but parked, that webhook is planned again under its own
    /// id and its first time of receipt. A webhook whose planning fails or panics is parked with
    /// the reason; others of the same commit aren't touched by it. A webhook that is mapped only
    /// in part is accepted, and marked parked as well, so that a replay of parked ones finds it.
    ///
    /// The plan is made inside the transaction, so it sees people as they are. For each track in
    /// it a row in the effects ledger and a delivery are written, for each identify a delivery.
    /// An effect that is in the ledger is never planned again. What happened to messages
    /// that effects led to is entered, see [`Effects`].
    ///
    /// An arrival of the class [`Page`](crate::domain::Class::Page) that leads to nothing new, or to something that can't be
    /// mapped, is dropped: nothing of it is stored.
    async fn accept(&self, arrival: ReceivedWebhook, now: Time) -> Result<Receipt, StoreError>;

    /// Takes in webhooks as [`Store::accept`] does, each planned behind those before it. They share
    /// commits, but each is taken in for itself.
    ///
    /// Calls of `accept` that wait at the same time are planned in any order.
    ///
    /// # Errors
    /// The first one's that wasn't taken in; others may have been.
    async fn accept_in_order(
        &self,
        arrivals: Vec<ReceivedWebhook>,
        now: Time,
    ) -> Result<Vec<Receipt>, StoreError>;

    /// Plans a stored webhook again: new effects only. With `dry_run` it tells what would
    /// happen and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSuchWebhook`] if there is none of this id, or its body was pruned.
    async fn replay(
        &self,
        id: WebhookId,
        reading: Result<Notification, String>,
        now: Time,
        dry_run: bool,
    ) -> Result<Receipt, StoreError>;

    /// A page of the inbox, oldest first, of webhooks whose bodies are kept.
    async fn inbox(&self, page: InboxPage) -> Result<Vec<Webhook>, StoreError>;

    /// Returns the times of receipt up to which bodies were pruned.
    async fn pruned_until(&self) -> Result<Pruned, StoreError>;

    /// Leases lanes that are due and lead the way asked for: by class, then the longest due. Lanes of the
    /// class page are given only where no others are due. A lane has the class of its most urgent pending
    /// call; a join also makes the visitor's pending calls as urgent as itself.
    ///
    /// A lane is given to one worker at a time, until its lease ends. When a lease ends without a
    /// settlement the lane is due again, and the late settlement is fenced off by its token. Of
    /// each lane the first pending delivery is given, and behind an identify the tracks up to the
    /// next one, to be sent in turn; or a run of old ones (see [`ClaimRequest::old_before`]).
    async fn claim(&self, claim: ClaimRequest) -> Result<Vec<Leased>, StoreError>;

    /// When the next lane that leads this way is due, if any is, by the clock that shows `now`; may lie in the past.
    /// Lanes of the class page count only with `page`. Doesn't wait for writes.
    async fn next_due(
        &self,
        way: Destination,
        page: bool,
        now: Time,
    ) -> Result<Option<Time>, StoreError>;

    /// Ends leases with what came of them. A settlement whose token isn't the lane's present one
    /// changes nothing and is counted in the answer.
    ///
    /// `accepting` is the accepting clock's present reading, kept with it.
    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        accepting: AvailabilityClock,
        now: Time,
    ) -> Result<Settled, StoreError>;

    /// Makes every leased lane due at once. Called once at start, by the process that holds the
    /// right to deliver; a no-op if another live process delivers from this store.
    async fn take_over(&self, now: Time) -> Result<usize, StoreError>;

    /// The clock was set back by so much: lanes that lead this way, aren't leased and are due after
    /// `now` are due by as much sooner. Leases end when they would; whoever has one goes by the same
    /// clock.
    async fn shift_due_times(
        &self,
        way: Destination,
        by: Duration,
        now: Time,
    ) -> Result<(), StoreError>;

    /// A page of the dead letters, newest first.
    async fn dead_letters(
        &self,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// One dead letter and its latest attempts (a hundred at least, if there were so many),
    /// oldest first; `None` if there is none of this id.
    async fn dead_letter(
        &self,
        id: DeliveryId,
    ) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, StoreError>;

    /// Puts dead letters back at the end of their lanes, as if never tried; those of the class page keep
    /// it, the others are live. Ids that aren't dead letters are passed over. Returns how many it put
    /// back. The event id stays the same. An identify carries the present profile, so that it takes nothing
    /// back. Goes in pieces; if it fails, those put back stay so, and it can be called again.
    async fn redeliver(&self, which: DeadLetters, now: Time) -> Result<usize, StoreError>;

    /// Removes dead letters for good; their effects stay in the ledger. Returns how many. Goes in
    /// pieces.
    async fn discard(&self, which: DeadLetters) -> Result<usize, StoreError>;

    /// Removes payloads of webhooks received before `before`: bodies, delivered calls, attempts.
    /// Never one with pending, dead or parked work, never an effect. With the last of their calls
    /// and bodies goes a visitor whom nobody claimed. At most `limit` webhooks; returns how many.
    /// Goes in pieces.
    async fn prune(&self, before: Time, limit: usize) -> Result<usize, StoreError>;

    /// Ends the parking of webhooks received before `before`: their payloads go as in
    /// [`Store::prune`], they can't be replayed, and they don't count as parked any more. Never one
    /// with pending or dead work. The same bytes stay known, and are a duplicate from then on. At
    /// most `limit` webhooks; returns how many. Goes in pieces.
    async fn prune_parked(&self, before: Time, limit: usize) -> Result<usize, StoreError>;

    /// The numbers that operators watch; kept, not counted.
    async fn stats(&self) -> Result<Stats, StoreError>;

    /// Commits a small write, to prove that the store takes one.
    async fn probe(&self, now: Time) -> Result<(), StoreError>;

    /// What its writing is at, for whoever watches over it. Answers at once.
    fn writer_status(&self) -> Writing;

    /// What the store remembers of the destinations.
    async fn destination(&self) -> Result<StoredDestinations, StoreError>;

    /// Remembers which workspace the effects went to.
    async fn remember_workspace(&self, workspace: Workspace) -> Result<(), StoreError>;

    /// Finishes the writes that wait, brings the file into its resting state and lets go of it.
    /// Later calls answer [`StoreError::Closed`].
    async fn close(&self) -> Result<(), StoreError>;
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

/// Which dead letters are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeadLetters {
    /// All of them.
    All,
    /// These.
    These(Vec<DeliveryId>),
}

/// A delivery that will not be tried again by itself.
#[derive(Clone, PartialEq, Debug)]
pub struct DeadLetter {
    /// The delivery.
    pub delivery: Delivery,
    /// Whose lane it was in.
    pub lane: LaneId,
    /// How Customer.io knows that person now.
    pub identifier: Identifier,
    /// When it died.
    pub died_at: Time,
    /// Why.
    pub reason: String,
    /// The field at fault, where known.
    pub field: Option<String>,
}

/// An attempt that didn't deliver, as kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastAttempt {
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// The status answered, if there was an answer.
    pub http_status: Option<u16>,
    /// The outcome's word.
    pub outcome: String,
    /// What went wrong.
    pub reason: String,
}

/// The numbers that operators watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Deliveries that wait or are leased.
    pub pending: u64,
    /// When the oldest of them was planned.
    pub oldest_pending: Option<Time>,
    /// Dead letters.
    pub dead: u64,
    /// Webhooks that are parked, wholly or in part.
    pub parked: u64,
}

/// What the store remembers of the destinations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoredDestinations {
    /// For how long Customer.io has accepted calls, in all.
    pub accepting: Duration,
    /// For how long GrowSurf has.
    pub accepting_back: Duration,
    /// The workspace that the effects went to.
    pub workspace: Option<Workspace>,
}

/// A Customer.io workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Workspace {
    /// Customer.io's `environment_id`.
    pub environment_id: i64,
}
