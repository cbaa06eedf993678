//! Fetching: reads and notes for `backfill` and `sync`.
//!
//! What belongs here: that part of the contract. What doesn't: the requests (`sync`), and accepting their
//! answers ([`Store::accept`]).

use std::sync::Arc;

use crate::domain::{Class, LaneKey, Notification, Person, Plan, ReadKey, Time};

use super::cluster::HasRelays;
use super::engine::Backend;
use super::meta::{self, MADE_AT};
use super::work::{
    HasPending, ListParticipants, Preview, Raise, ReadValues, UpdateValue, ValueChange,
};
use super::{Store, StoreError};

/// A function from the text of a note to its next text. May be called more than once.
pub type KvUpdate = Arc<dyn Fn(Option<&str>) -> String + Send + Sync>;

impl Store {
    /// Returns the plan of each notification as if it came alone; changes nothing. Waits for no writes, and
    /// none waits for it, so that the plan may be another by the time it is returned.
    pub async fn preview(
        &self,
        notifications: Vec<Notification>,
        now: Time,
    ) -> Result<Vec<Result<Plan, String>>, StoreError> {
        self.read("compare", Preview::new(Arc::clone(&self.planning), notifications, now)).await
    }

    /// Returns the note of a name.
    pub async fn kv_get(&self, name: &str) -> Result<Option<String>, StoreError> {
        let [value] = self.read("read a note", ReadValues([name.to_owned()])).await?;
        Ok(value)
    }

    /// Changes a note in one transaction; returns the new text.
    pub async fn kv_update(&self, name: &str, revise: KvUpdate) -> Result<String, StoreError> {
        let change: ValueChange = Arc::new(move |before, _now| Ok(Some(revise(before))));
        let update = UpdateValue { key: name.to_owned(), now: Time::default(), change };
        Ok(self.write("write a note", update).await?.unwrap_or_default())
    }

    /// Returns the time at which the store was made. A copy has the time of its original.
    pub async fn made_at(&self) -> Result<Time, StoreError> {
        let micros = self.kv_get(MADE_AT).await?.unwrap_or_default();
        meta::number(&micros).map(Time::from_micros)
    }

    /// Returns GrowSurf's ids of the known participants of a campaign, in their order, those behind `after`.
    pub async fn participants(
        &self,
        campaign: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (campaign, after) = (campaign.to_owned(), after.unwrap_or_default().to_owned());
        self.read("list participants", ListParticipants { campaign, after, limit }).await
    }

    /// Returns the person that a key leads to. Effects and tombstones lead to nobody.
    pub async fn person(&self, key: &ReadKey) -> Result<Option<Person>, StoreError> {
        Ok(self.people(vec![key.clone()]).await?.pop().map(|(_, person)| person))
    }

    /// True if a lane has a pending or leased call.
    pub async fn has_pending(&self, key: &LaneKey) -> Result<bool, StoreError> {
        self.read("look for a pending call", HasPending(key.clone())).await
    }

    /// Makes the pending calls of a lane as urgent as a class, unless they are more urgent. Reaches the oldest
    /// thousand, so that a long lane holds nobody up.
    pub async fn raise(&self, key: &LaneKey, class: Class) -> Result<(), StoreError> {
        self.write("raise a lane", Raise { visitor: key.clone(), class }).await
    }

    /// True if a live process delivers from this store. If none does, this process has a file's right to
    /// deliver from now on.
    pub async fn is_attended(&self, now: Time) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::File(file) => file.is_attended(),
            _ => self.read("be attended", HasRelays(now)).await,
        }
    }
}
