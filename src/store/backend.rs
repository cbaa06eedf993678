//! The backend: does use cases in transactions, and what the contract comes to on any of them.
//!
//! What belongs here: what the contract needs of a backend, and which method is which use case. What
//! doesn't: the rules, which are in `work`.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{Class, EventId, Identifier, Notification, Person, Plan, ReadKey, Time};

use super::planning::Planning;
use super::unit::Work;
use super::work::{
    FindEffect, FindPerson, HasPending, ListParticipants, Preview, PruneMessages, Raise, ReadNote,
    UpdateNote,
};
use super::{Effect, Effects, Fetching, KvUpdate, StoreError};

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

    /// True if a live process delivers from this store. See [`Fetching::is_attended`].
    fn has_deliverer(&self, now: Time) -> impl Future<Output = Result<bool, StoreError>> + Send;
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
impl<B: Backend> Effects for B {
    async fn effect(&self, id: EventId) -> Result<Option<Effect>, StoreError> {
        self.read("look for an effect", FindEffect(id)).await
    }

    async fn prune_messages(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.write("prune messages", PruneMessages { before, limit }).await
    }
}
