//! Fetching: reads and notes for `backfill` and `sync`.
//!
//! What belongs here: that part of the contract. What doesn't: the requests (`sync`), and accepting their
//! answers ([`Store::accept`]).

use std::sync::Arc;

use crate::domain::{Class, LaneKey, Notification, Person, Plan, ReadKey, Time};

use super::engine::Backend;
use super::record::unreadable;
use super::work::{
    FindPerson, HasPending, HasRelays, ListParticipants, Preview, Raise, ReadNote, UpdateNote,
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
        self.read("read a note", ReadNote(name.to_owned())).await
    }

    /// Changes a note in one transaction; returns the new text.
    pub async fn kv_update(&self, name: &str, revise: KvUpdate) -> Result<String, StoreError> {
        self.write("write a note", UpdateNote { name: name.to_owned(), revise }).await
    }

    /// Returns the time at which the store was made. A copy has the time of its original.
    pub async fn made_at(&self) -> Result<Time, StoreError> {
        made_at(self.kv_get(MADE_AT).await?.as_deref())
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
        let work = FindPerson { planning: Arc::clone(&self.planning), key: key.clone() };
        self.read("look for a person", work).await
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

/// The note of the time at which the store was made, in microseconds since the epoch.
const MADE_AT: &str = "made_at";

fn made_at(note: Option<&str>) -> Result<Time, StoreError> {
    let micros = note.and_then(|text| text.parse().ok());
    micros.map(Time::from_micros).ok_or_else(|| unreadable("a note", "when the store was made"))
}

/// Checks that a note can be read, if the store reads it itself. The writers of others begin again if they
/// can't read them.
pub(super) fn check(name: &str, value: &str) -> Result<(), StoreError> {
    if name == MADE_AT { made_at(Some(value)).map(drop) } else { Ok(()) }
}
