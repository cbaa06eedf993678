//! The store: the durability contract, in use cases.
//!
//! What belongs here: [`Store`], whose documentation is the contract that `store::contract` tests, and its plain
//! values. What doesn't: SQL (the backends below), the rules of the contract (`work`), decisions about calls
//! ([`Planner`](crate::domain::Planner)) and about attempts (`delivery`).

mod audit;
mod batcher;
mod cluster;
mod columns;
#[cfg(test)]
mod contract;
pub mod copying;
mod damage;
mod destinations;
mod engine;
mod erasing;
mod error;
mod finding;
mod inbox;
mod leasing;
mod letters;
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
pub mod url;
mod work;
mod writer_status;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::domain::{
    Destination, Notification, Receipt, ReceivedWebhook, TRIGGERS_FOR, Time, WebhookId,
};

use batcher::Batcher;
use engine::{Backend, ReadBound};
use planning::Planning;
use rows::Changes;
use unit::{Deliveries, use_case};
use work::{Accept, Item, ReadBooks, ReadStats, ReadValues};

pub use audit::Traffic;
pub use cluster::{ExclusiveJob, HEARTBEAT_TTL, Outage, PeerStatus};
pub use damage::Damage;
pub use destinations::DestinationReport;
pub use erasing::{CancelResult, Erased, ErasureTarget};
pub use error::StoreError;
pub use finding::{
    CallStatus, Death, DeliveryState, Effect, LaneStatus, MessageStatus, WaitingCall, WaitingKey,
    WebhookStatus,
};
pub use inbox::{InboxEntry, InboxPage, Pruned};
pub use leasing::{AvailabilityClock, ClaimRequest, Settle, Settlement, Verdict};
pub use letters::{DeadLetter, DeadLetters, LetterGroup, PastAttempt, RedeliveryNote};
pub use location::StoreLocation;
pub use meta::KvUpdate;
pub use unit::Entries;
pub use writer_status::Writing;

/// The rows that must outlive the process.
///
/// Every method is one transaction, unless it says that it goes in pieces: it happens whole or not at all, and is
/// on disk when the method returns `Ok`. A method whose future is dropped may or may not have happened. Many
/// tasks may call methods at once. Writes that wait together may share one commit; each gets its own result.
pub struct Store {
    batcher: Arc<Batcher>,
    planning: Arc<Planning>,
    backend: Arc<Backend>,
    /// The bound of reads, if they have one.
    bound: Option<Arc<ReadBound>>,
}

impl Store {
    fn new(batcher: Batcher, planning: Arc<Planning>, backend: Backend) -> Self {
        Self { batcher: Arc::new(batcher), planning, backend: Arc::new(backend), bound: None }
    }

    /// Returns the same store, of which only so many reads go on at once, each within a time. A longer one is
    /// interrupted.
    pub fn bounded(&self, reads: usize, time: Duration) -> Self {
        let (batcher, planning) = (Arc::clone(&self.batcher), Arc::clone(&self.planning));
        let bound = Some(Arc::new(ReadBound::new(reads, time)));
        Self { batcher, planning, backend: Arc::clone(&self.backend), bound }
    }

    /// Accepts a webhook: writes it, the people it names, effects and deliveries. The sender may be answered only
    /// after `Ok`.
    ///
    /// - If the same bytes are in the inbox and aren't parked, nothing changes. The status is `Duplicate`, with the
    ///   first one's id. If they are parked, that webhook is planned again under its own id and first time of receipt.
    /// - A webhook whose planning fails or panics is parked with the reason; others of the same commit aren't touched.
    ///   One that is mapped only in part is accepted and parked, so that a replay of parked ones finds it.
    /// - The plan is made inside the transaction, so it sees people as they are. Each track leads to an effect in the
    ///   ledger and a delivery, each identify to a delivery. An effect in the ledger is never planned again.
    /// - A join makes the visitor's pending calls as urgent as itself.
    /// - A webhook of the class [`Page`](crate::domain::Class::Page) that leads to nothing new, or can't be mapped, is
    ///   dropped: nothing of it is stored.
    pub async fn accept(&self, arrival: ReceivedWebhook, now: Time) -> Result<Receipt, StoreError> {
        let mut receipts = self.accept_in_order(vec![arrival], now).await?;
        Ok(receipts.pop().expect("a receipt for each webhook"))
    }

    /// Accepts webhooks as [`Store::accept`] does, each planned behind those before it. They share commits, but
    /// each is accepted for itself. Calls of `accept` that wait at the same time are planned in any order.
    ///
    /// # Errors
    /// The error of the first that wasn't accepted; others may be.
    pub async fn accept_in_order(
        &self,
        arrivals: Vec<ReceivedWebhook>,
        now: Time,
    ) -> Result<Vec<Receipt>, StoreError> {
        let items = arrivals.into_iter().map(|arrival| Item::received(arrival, now)).collect();
        self.batcher.accept(items).await
    }

    /// Plans a stored webhook again: new effects only. A dry run returns the same receipt and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSuchWebhook`] if there is none of this id, or its body was pruned.
    pub async fn replay(
        &self,
        id: WebhookId,
        reading: Result<Notification, String>,
        now: Time,
        dry_run: bool,
    ) -> Result<Receipt, StoreError> {
        let planning = Arc::clone(&self.planning);
        let work = Accept::replay(planning, Item::stored(id, reading, now), dry_run);
        let mut receipts = self.write("replay a webhook", work).await?;
        if !dry_run {
            self.wake_others();
        }
        Ok(receipts.pop().expect("a receipt for each item"))
    }

    /// Returns the numbers that operators watch; kept, not counted.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        self.read("read its counters", ReadStats).await
    }

    /// Returns the books: every webhook and call there ever was, by what became of it; kept, not counted, and
    /// all of one moment.
    pub async fn books(&self) -> Result<Books, StoreError> {
        self.read("read its books", ReadBooks).await
    }

    /// Returns the time from which on the next of the waiting events triggers no campaign, which counts from the
    /// event's own time. If all of them are too late already, that of the latest.
    pub async fn deadline(&self, now: Time) -> Result<Option<Time>, StoreError> {
        /// Rows of the oldest plans that are looked at. Their events are the oldest, but for history.
        const ROWS: i64 = 200;
        use_case!(self.read("look for the next deadline"), [now: Time] -> Option<Time>, |unit| {
            let first = Deliveries::Waiting { after: (i64::MIN, 0), limit: ROWS };
            let events = unit.deliveries(first).await?.into_iter().filter_map(|row| row.event_at);
            let deadlines = events.map(|at| Time::from_micros(at).plus(TRIGGERS_FOR));
            let (passed, ahead): (Vec<_>, Vec<_>) = deadlines.partition(|at| at <= now);
            Ok(ahead.into_iter().min().or(passed.into_iter().max()))
        })
    }

    /// Commits a small write, to prove that the store takes one.
    pub async fn probe(&self, now: Time) -> Result<(), StoreError> {
        self.remember("test a write", meta::PROBED_AT, now.micros()).await
    }

    /// Returns the state of the writer, at once.
    pub fn writer_status(&self) -> Writing {
        match &*self.backend {
            Backend::File(file) => file.writing(),
            // Each statement on a server has a time limit, so nothing can hang.
            _ => Writing::Idle,
        }
    }

    /// Returns what the store remembers of the destinations.
    pub async fn destination(&self) -> Result<StoredDestinations, StoreError> {
        let clocks = [Destination::CustomerIo, Destination::GrowSurf].map(meta::accepting);
        let keys = [clocks[0], clocks[1], meta::WORKSPACE].map(str::to_owned);
        let values = self.read("read the workspace", ReadValues(keys)).await?;
        let [accepting, accepting_back, workspace] =
            values.map(|value| value.as_deref().map(meta::number).transpose());
        let clock = |micros: Option<i64>| micros.map_or(Duration::ZERO, rows::duration);
        Ok(StoredDestinations {
            accepting: clock(accepting?),
            accepting_back: clock(accepting_back?),
            workspace: workspace?.map(|environment_id| Workspace { environment_id }),
        })
    }

    /// Remembers the workspace that the effects went to.
    pub async fn remember_workspace(&self, workspace: Workspace) -> Result<(), StoreError> {
        self.remember("remember the workspace", meta::WORKSPACE, workspace.environment_id).await
    }

    /// Remembers a number in place of the one before.
    async fn remember(
        &self,
        doing: &'static str,
        key: &'static str,
        number: i64,
    ) -> Result<(), StoreError> {
        use_case!(
            self.write(doing),
            [key: &'static str, number: i64] -> (),
            |unit| {
                let values = vec![((*key).to_owned(), Some(number.to_string()))];
                unit.write(Changes { values, ..Changes::default() }).await
            }
        )
    }

    /// Finishes the writes that wait, brings the file into its resting state and closes it. Later calls return
    /// [`StoreError::Closed`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.batcher.close().await;
        match &*self.backend {
            Backend::File(file) => file.close().await,
            Backend::Server(server) => server.close(),
            #[cfg(test)]
            Backend::Memory(memory) => memory.close(),
        }
    }

    /// Returns the number of transactions committed to a file since it was opened; 0 on a server.
    pub fn commits(&self) -> u64 {
        match &*self.backend {
            Backend::File(file) => file.commits(),
            _ => 0,
        }
    }
}

/// The numbers that operators watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Deliveries that wait or are leased.
    pub pending: u64,
    /// The time at which the oldest of them was planned.
    pub oldest_pending: Option<Time>,
    /// Dead letters.
    pub dead: u64,
    /// Webhooks that are parked, wholly or in part.
    pub parked: u64,
}

/// Every webhook and call there ever was, by what became of it. Pruning changes no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Books {
    /// Webhooks that were stored.
    pub received: u64,
    /// Those of which at least a part was planned.
    pub mapped: u64,
    /// Those of which nothing was planned: they are parked, or were discarded or pruned when they were.
    pub unmapped: u64,
    /// Webhooks that are parked now, wholly or in part.
    pub parked: u64,
    /// Calls that were planned.
    pub planned: u64,
    /// Those that the destination accepted.
    pub delivered: u64,
    /// Those that wait.
    pub pending: u64,
    /// Those that are dead letters.
    pub dead: u64,
    /// Dead letters that an operator discarded.
    pub discarded: u64,
    /// Identifies that a newer one replaced.
    pub replaced: u64,
    /// Calls that went with an erased person.
    pub erased: u64,
}

impl Books {
    /// Returns how many webhooks and calls are in no line; none if the books balance.
    pub fn differences(&self) -> (i64, i64) {
        let less = |all: u64, lines: &[u64]| {
            let lines: i128 = lines.iter().copied().map(i128::from).sum();
            i64::try_from(i128::from(all) - lines).unwrap_or(i64::MAX)
        };
        let Self { delivered, pending, dead, discarded, replaced, erased, .. } = *self;
        let calls = [delivered, pending, dead, discarded, replaced, erased];
        (less(self.received, &[self.mapped, self.unmapped]), less(self.planned, &calls))
    }
}

/// The store's memory of the destinations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoredDestinations {
    /// The reading of Customer.io's availability clock.
    pub accepting: Duration,
    /// The reading of GrowSurf's.
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
