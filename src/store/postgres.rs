//! Postgres: the store on a server, for several relays at once.
//!
//! What belongs here and below: SQL, connections, transactions. What doesn't: the contract (`store`),
//! plans and decisions about attempts, which come in as values.
//!
//! Invariants:
//! - Statements read what others have committed until then (READ COMMITTED), so whatever a
//!   transaction decides by, it holds first: people while they are planned for, lanes while they are
//!   leased, settled or added to. What is held in one order everywhere: people, then lanes, each by
//!   number.
//! - A lane's calls are placed by the lane's own row, so their order is the order of commits. A lane
//!   with something pending has `due_at`, one without has none; while it is leased `due_at` is the end
//!   of the lease. Both are by the server's clock.
//! - A row of `deliveries` is a call and perhaps the identify before it: deliveries number
//!   `2 * id + 1` and `2 * id`. `state = 0` means that the call is pending.
//! - A row of `counters` changes in the transaction that changes what it counts.
//! - Effects are never removed; an inbox row keeps its hash when its body is pruned.
//! - No transaction belongs to a request: a connection that was dropped amid one is closed.
//!
//! ```text
//! inbox ─┬─< deliveries >── lanes ── people ─< participants      effects (ids alone)
//!        │   ├ ─ dead_letters         │                           counters, meta
//!        │   └ ─ attempts             │                           schema_migrations
//!        ├── redactions               │                           tombstones (hashes alone)
//!        └─< mentions >───────────────┘                           messages (of effects)
//! ```

mod company;
mod connecting;
mod copying;
mod erasing;
mod fault;
mod forget;
mod migrate;
mod opening;
mod options;
mod pool;
mod refusal;
mod servers;
mod session;
mod tables;
mod traces;
mod transaction;
mod unit;
mod value;
mod wake;

#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

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
    Remember, SettleLeases, ShiftDueTimes, ShowLetter, discard, prune, redeliver,
};
use super::{
    AvailabilityClock, ClaimRequest, DeadLetter, DeadLetters, InboxPage, PastAttempt, Pruned,
    Settled, Settlement, Stats, Store, StoreError, StoredDestinations, Workspace, Writing,
};
use session::Session;
use transaction::Connections;
use wake::Wake;

pub(super) use copying::{ServerSnapshot, ServerTables};
pub use options::ServerOptions;

/// The store on a Postgres server. Dropping it finishes the webhooks that wait, in the background.
pub struct PostgresStore {
    connections: Connections,
    planning: Arc<Planning>,
    batcher: Batcher,
    session: Option<Session>,
    wake: Wake,
    closed: CancellationToken,
}

impl PostgresStore {
    fn open(&self) -> Result<&Connections, StoreError> {
        if self.closed.is_cancelled() {
            return Err(StoreError::Closed);
        }
        Ok(&self.connections)
    }
}

#[async_trait]
impl Store for PostgresStore {
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
        let mut receipts = self.open()?.run("replay a webhook", &work).await?;
        if !dry_run {
            self.wake.others();
        }
        Ok(receipts.pop().expect("a receipt for each item"))
    }

    async fn inbox(&self, page: InboxPage) -> Result<Vec<Webhook>, StoreError> {
        self.open()?.run("list the inbox", &ReadInbox(page)).await
    }

    async fn pruned_until(&self) -> Result<Pruned, StoreError> {
        self.open()?.run("tell what was pruned", &ReadPruned).await
    }

    async fn claim(&self, claim: ClaimRequest) -> Result<Vec<Leased>, StoreError> {
        self.open()?.run("lease lanes", &Claim(claim)).await
    }

    async fn next_due(
        &self,
        way: Destination,
        page: bool,
        now: Time,
    ) -> Result<Option<Time>, StoreError> {
        self.open()?.run("tell when a lane is due", &NextDue { way, page, now }).await
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        accepting: AvailabilityClock,
        now: Time,
    ) -> Result<Settled, StoreError> {
        let work = SettleLeases { settlements, accepting, now };
        self.open()?.run("settle leases", &work).await
    }

    async fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        self.take_right(now).await
    }

    async fn shift_due_times(
        &self,
        way: Destination,
        by: Duration,
        now: Time,
    ) -> Result<(), StoreError> {
        self.open()?.run("follow the clock", &ShiftDueTimes { way, by, now }).await
    }

    async fn dead_letters(
        &self,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.open()?.run("list dead letters", &ListLetters { before, limit }).await
    }

    async fn dead_letter(
        &self,
        id: DeliveryId,
    ) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, StoreError> {
        self.open()?.run("show a dead letter", &ShowLetter(id)).await
    }

    async fn redeliver(&self, which: DeadLetters, now: Time) -> Result<usize, StoreError> {
        let done = redeliver(self, which, Arc::clone(&self.planning.planner), now).await?;
        self.wake.others();
        Ok(done)
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
        self.open()?.run("tell its numbers", &ReadStats).await
    }

    async fn probe(&self, now: Time) -> Result<(), StoreError> {
        let work = Remember(Meta::ProbedAt, now.micros().to_string());
        self.open()?.run("take a write", &work).await
    }

    fn writer_status(&self) -> Writing {
        // Whatever waits for the server is given up in time, so nothing of it can hang.
        Writing::Idle
    }

    async fn destination(&self) -> Result<StoredDestinations, StoreError> {
        self.open()?.run("tell of the destination", &ReadDestinations).await
    }

    async fn remember_workspace(&self, workspace: Workspace) -> Result<(), StoreError> {
        let work = Remember(Meta::Workspace, workspace.environment_id.to_string());
        self.open()?.run("remember the workspace", &work).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.open()?;
        self.batcher.close().await;
        self.closed.cancel();
        self.connections.pool.close();
        Ok(())
    }
}
