//! The backend: does use cases in transactions, and what the contract comes to on any of them.
//!
//! What belongs here: what the contract needs of a backend, and which method is which use case. What
//! doesn't: the rules, which are in `work`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{
    Class, DeliveryId, Destination, Email, EventId, Identifier, Leased, Notification, Person, Plan,
    ReadKey, Receipt, ReceivedWebhook, Time, Webhook, WebhookId,
};

use super::batcher::Batcher;
use super::inbox::Prunable;
use super::meta::Meta;
use super::planning::Planning;
use super::unit::Work;
use super::work::{
    Accept, Claim, FindEffect, FindPerson, HasPending, Item, ListLetters, ListParticipants,
    NextDue, Preview, PruneMessages, Raise, ReadDestinations, ReadInbox, ReadNote, ReadPruned,
    ReadStats, Remember, SettleLeases, ShiftDueTimes, ShowLetter, UpdateNote, cancel_pending,
    discard, erase, find_subject, prune, redeliver,
};
use super::{
    AvailabilityClock, CancelResult, ClaimRequest, Cluster, DeadLetter, DeadLetters, Effect,
    Effects, Erased, ErasureTarget, Fetching, Forgetting, InboxPage, KvUpdate, PastAttempt, Pruned,
    Settled, Settlement, Stats, Store, StoreError, StoredDestinations, Workspace, Writing,
};

/// A store that does use cases in transactions.
pub(super) trait Backend: Send + Sync {
    /// Does a use case that only reads. It keeps no write waiting.
    fn read<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> impl Future<Output = Result<W::Output, StoreError>> + Send;

    /// Does a use case for which no sender waits, and returns after its commit.
    fn write<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> impl Future<Output = Result<W::Output, StoreError>> + Send;

    /// Returns what plans are made with.
    fn planning(&self) -> &Arc<Planning>;

    /// Returns what accepts webhooks in batches.
    fn batcher(&self) -> &Batcher;

    /// Tells other relays that there is new work.
    fn wake_others(&self);

    /// Makes every leased lane due. See [`Store::take_over`].
    fn take_leases(&self, now: Time) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Returns what the writing is at. See [`Store::writer_status`].
    fn writing(&self) -> Writing;

    /// Finishes the writes that wait and lets go of the store. See [`Store::close`].
    fn shut_down(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Overwrites what erased rows leave behind; true if it could.
    fn overwrite_erased(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// True if a live process delivers from this store. See [`Fetching::is_attended`].
    fn has_deliverer(&self, now: Time) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

#[async_trait]
impl<B: Backend> Store for B
where
    Self: Cluster,
{
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
        self.batcher().accept(items).await
    }

    async fn replay(
        &self,
        id: WebhookId,
        reading: Result<Notification, String>,
        now: Time,
        dry_run: bool,
    ) -> Result<Receipt, StoreError> {
        let planning = Arc::clone(self.planning());
        let work = Accept::replay(planning, Item::stored(id, reading, now), dry_run);
        let mut receipts = self.write("replay a webhook", work).await?;
        if !dry_run {
            self.wake_others();
        }
        Ok(receipts.pop().expect("a receipt for each item"))
    }

    async fn inbox(&self, page: InboxPage) -> Result<Vec<Webhook>, StoreError> {
        self.read("list the inbox", ReadInbox(page)).await
    }

    async fn pruned_until(&self) -> Result<Pruned, StoreError> {
        self.read("tell what was pruned", ReadPruned).await
    }

    async fn claim(&self, claim: ClaimRequest) -> Result<Vec<Leased>, StoreError> {
        let planning = Arc::clone(self.planning());
        self.write("lease lanes", Claim { request: claim, planning }).await
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
        self.write("settle leases", SettleLeases { settlements, accepting, now }).await
    }

    async fn take_over(&self, now: Time) -> Result<usize, StoreError> {
        self.take_leases(now).await
    }

    async fn shift_due_times(
        &self,
        way: Destination,
        by: Duration,
        now: Time,
    ) -> Result<(), StoreError> {
        self.write("follow the clock", ShiftDueTimes { way, by, now }).await
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
        let done = redeliver(self, which, Arc::clone(&self.planning().planner), now).await?;
        self.wake_others();
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
        self.read("tell its numbers", ReadStats).await
    }

    async fn probe(&self, now: Time) -> Result<(), StoreError> {
        self.write("take a write", Remember(Meta::ProbedAt, now.micros().to_string())).await
    }

    fn writer_status(&self) -> Writing {
        self.writing()
    }

    async fn destination(&self) -> Result<StoredDestinations, StoreError> {
        self.read("tell of the destination", ReadDestinations).await
    }

    async fn remember_workspace(&self, workspace: Workspace) -> Result<(), StoreError> {
        let work = Remember(Meta::Workspace, workspace.environment_id.to_string());
        self.write("remember the workspace", work).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.shut_down().await
    }
}

#[async_trait]
impl<B: Backend> Fetching for B {
    async fn preview(
        &self,
        news: Vec<Notification>,
        now: Time,
    ) -> Result<Vec<Result<Plan, String>>, StoreError> {
        self.read("compare", Preview::new(Arc::clone(self.planning()), news, now)).await
    }

    async fn kv_get(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read("read a note", ReadNote(name.to_owned())).await
    }

    async fn kv_update(&self, name: &str, revise: KvUpdate) -> Result<String, StoreError> {
        self.write("write a note", UpdateNote { name: name.to_owned(), revise }).await
    }

    async fn participants(
        &self,
        campaign: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (campaign, after) = (campaign.to_owned(), after.unwrap_or_default().to_owned());
        self.read("list participants", ListParticipants { campaign, after, limit }).await
    }

    async fn person(&self, who: &ReadKey) -> Result<Option<Person>, StoreError> {
        let work = FindPerson { planning: Arc::clone(self.planning()), key: who.clone() };
        self.read("look for a person", work).await
    }

    async fn has_pending(&self, identifier: &Identifier) -> Result<bool, StoreError> {
        self.read("look for a pending call", HasPending(identifier.clone())).await
    }

    async fn raise(&self, identifier: &Identifier, class: Class) -> Result<(), StoreError> {
        self.write("raise a lane", Raise { visitor: identifier.clone(), class }).await
    }

    async fn is_attended(&self, now: Time) -> Result<bool, StoreError> {
        self.has_deliverer(now).await
    }
}

#[async_trait]
impl<B: Backend> Forgetting for B {
    async fn find_subject(&self, email: &Email) -> Result<ErasureTarget, StoreError> {
        find_subject(self, email).await
    }

    async fn cancel_pending(
        &self,
        target: &ErasureTarget,
        now: Time,
    ) -> Result<CancelResult, StoreError> {
        cancel_pending(self, target, now).await
    }

    async fn erase(&self, target: &ErasureTarget, now: Time) -> Result<Erased, StoreError> {
        erase(self, target, now).await
    }
}

#[async_trait]
impl<B: Backend> Effects for B {
    async fn effect(&self, id: EventId) -> Result<Option<Effect>, StoreError> {
        self.read("look for an effect", FindEffect(id)).await
    }

    async fn prune_messages(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.write("prune messages", PruneMessages { before, limit }).await
    }
}
