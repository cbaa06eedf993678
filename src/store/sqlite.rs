//! SQLite: the store in one file, for one machine.
//!
//! What belongs here and below: SQL, connections, the one thread that writes, and copies of the
//! file. What doesn't: the contract (`store`), plans and decisions about attempts, which come in
//! as values.
//!
//! Invariants:
//! - One thread with one connection writes; all that waits shares a commit; nobody is answered
//!   before it. Readers beside it never wait for it. Other processes may do the same to the file.
//! - A row of `deliveries` is a call and perhaps the identify before it: deliveries number
//!   `2 * id + 1` and `2 * id`. `state = 0` means that the call is pending. A lane with something pending has `due_at`, one
//!   without has none; while it is leased `due_at` is the end of the lease. So the index of due
//!   lanes serves claims and expired leases alike, and no statement scans deliveries.
//! - A row of `counters` changes in the transaction that changes what it counts.
//! - Effects are never removed; an inbox row keeps its hash when its body is pruned.
//!
//! ```text
//! inbox ─┬─< deliveries >── lanes ── people ─< participants      effects (ids alone)
//!        │   ├ ─ dead_letters         │                           counters, meta
//!        │   └ ─ attempts             │                           schema_migrations
//!        ├── redactions               │                           tombstones (hashes alone)
//!        └─< mentions >───────────────┘                           messages (of effects)
//! ```

mod access;
mod backup;
mod backup_manifest;
mod checkpointer;
mod company;
mod connection;
mod copying;
#[cfg(test)]
pub(crate) mod counted;
mod damage;
mod delivery_lock;
mod erasing;
mod fault;
mod file_identity;
mod files;
mod forget;
mod integrity_check;
mod made;
mod migrate;
mod opening;
mod options;
mod people;
mod quarantine;
mod queue;
mod readers;
mod rebuild;
mod restore;
mod soundness;
mod tables;
mod tombstones;
mod traces;
mod unit;
mod values;
#[cfg(test)]
pub(crate) mod watch;
mod writer;

#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{
    DeliveryId, Destination, Leased, Notification, Receipt, ReceivedWebhook, Time, Webhook,
    WebhookId,
};

use super::batcher::Batcher;
use super::inbox::Prunable;
use super::meta::Meta;
use super::planning::Planning;
use super::work::{
    Accept, Claim, Item, ListLetters, NextDue, ReadDestinations, ReadInbox, ReadPruned, ReadStats,
    ReleaseLanes, Remember, SettleLeases, ShiftDueTimes, ShowLetter, discard, prune, redeliver,
};
use super::{
    AvailabilityClock, ClaimRequest, DeadLetter, DeadLetters, InboxPage, PastAttempt, Pruned,
    Settled, Settlement, Stats, Store, StoreError, StoredDestinations, Workspace, Writing,
};
use connection::DatabasePath;
use delivery_lock::DeliveryLock;
use opening::storage;
use queue::Priority;
use readers::Readers;
use writer::Writer;

pub use backup::{BackupError, back_up, snapshot};
pub use backup_manifest::{BackupManifest, InvalidBackup, foreign};
pub(super) use copying::FileTables;
pub use damage::{Kept, Quarantined, is_made};
pub use files::FileError;
pub use integrity_check::{Examination, examine, examine_once};
pub use options::Options;
pub use quarantine::damaged_aside;
pub use restore::{RestoreError, Restored, Source, restore};

/// The store in one SQLite file. Dropping it finishes the writes that wait, in the background.
pub struct SqliteStore {
    batcher: Batcher,
    writer: Arc<Writer>,
    readers: Readers,
    planning: Arc<Planning>,
    right: Arc<DeliveryLock>,
    place: DatabasePath,
}

impl SqliteStore {
    /// How many transactions this store has committed since it was opened.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn accept(&self, arrival: ReceivedWebhook, now: Time) -> Result<Receipt, StoreError> {
        let mut receipts = self.accept_in_order(vec![arrival], now).await?;
        Ok(receipts.pop().expect("a receipt for each webhook"))
    }

    async fn accept_in_order(
        &self,
        arrivals: Vec<ReceivedWebhook>,
        now: Time,
    ) -> Result<Vec<Receipt>, StoreError> {
        let items = arrivals.into_iter().map(|arrival| Item::received(arrival, now)).collect();
        self.batcher.accept(items).await
    }

    async fn replay(
        &self,
        id: WebhookId,
        reading: Result<Notification, String>,
        now: Time,
        dry_run: bool,
    ) -> Result<Receipt, StoreError> {
        let planning = Arc::clone(&self.planning);
        let work = Accept::replay(planning, Item::stored(id, reading, now), dry_run);
        let mut receipts = self.write(Priority::Rest, "replay a webhook", work).await?;
        Ok(receipts.pop().expect("a receipt for each item"))
    }

    async fn inbox(&self, page: InboxPage) -> Result<Vec<Webhook>, StoreError> {
        self.read("list the inbox", ReadInbox(page)).await
    }

    async fn pruned_until(&self) -> Result<Pruned, StoreError> {
        self.read("tell what was pruned", ReadPruned).await
    }

    async fn claim(&self, claim: ClaimRequest) -> Result<Vec<Leased>, StoreError> {
        self.write(Priority::Rest, "lease lanes", Claim(claim)).await
    }

    async fn next_due(
        &self,
        way: Destination,
        page: bool,
        now: Time,
    ) -> Result<Option<Time>, StoreError> {
        self.read("tell when a lane is due", NextDue { way, page, now }).await
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        accepting: AvailabilityClock,
        now: Time,
    ) -> Result<Settled, StoreError> {
        let work = SettleLeases { settlements, accepting, now };
        self.write(Priority::Rest, "settle leases", work).await
    }

    async fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        const DOING: &str = "take over leases";
        if !self.right.take().map_err(|error| storage(DOING, error))? {
            return Ok(0);
        }
        self.write(Priority::Rest, DOING, ReleaseLanes(now)).await
    }

    async fn shift_due_times(
        &self,
        way: Destination,
        by: Duration,
        now: Time,
    ) -> Result<(), StoreError> {
        self.write(Priority::Rest, "follow the clock", ShiftDueTimes { way, by, now }).await
    }

    async fn dead_letters(
        &self,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.read("list dead letters", ListLetters { before, limit }).await
    }

    async fn dead_letter(
        &self,
        id: DeliveryId,
    ) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, StoreError> {
        self.read("show a dead letter", ShowLetter(id)).await
    }

    async fn redeliver(&self, which: DeadLetters, now: Time) -> Result<usize, StoreError> {
        redeliver(self, which, Arc::clone(&self.planning.planner), now).await
    }

    async fn discard(&self, which: DeadLetters) -> Result<usize, StoreError> {
        discard(self, which).await
    }

    async fn prune(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        prune(self, Prunable::Finished, before, limit).await
    }

    async fn prune_parked(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        prune(self, Prunable::Parked, before, limit).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.read("tell its numbers", ReadStats).await
    }

    async fn probe(&self, now: Time) -> Result<(), StoreError> {
        let work = Remember(Meta::ProbedAt, now.micros().to_string());
        self.write(Priority::Rest, "take a write", work).await
    }

    fn writer_status(&self) -> Writing {
        self.writer.writing()
    }

    async fn destination(&self) -> Result<StoredDestinations, StoreError> {
        self.read("tell of the destination", ReadDestinations).await
    }

    async fn remember_workspace(&self, workspace: Workspace) -> Result<(), StoreError> {
        let work = Remember(Meta::Workspace, workspace.environment_id.to_string());
        self.write(Priority::Rest, "remember the workspace", work).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.batcher.close().await;
        self.readers.close().await;
        let closed = self.writer.close().await;
        self.right.give_up();
        closed
    }
}
