//! Fetching: what the store does for those who ask GrowSurf and compare.
//!
//! What belongs here: that part of the contract. What doesn't: what is asked and when (`sync`), and
//! taking in what was fetched, which is [`Store::accept`], as for webhooks.

use std::sync::Arc;

use crate::domain::{Class, Identifier, Notification, Person, Plan, ReadKey, Time};

use super::engine::Backend;
use super::record::unreadable;
use super::work::{FindPerson, HasPending, ListParticipants, Preview, Raise, ReadNote, UpdateNote};
use super::{Store, StoreError};

/// Makes the new text of a note out of the one before. May be called more than once.
pub type KvUpdate = Arc<dyn Fn(Option<&str>) -> String + Send + Sync>;

impl Store {
    /// What each of some news would lead to if it came alone, and changes nothing. Waits for no
    /// writes, and none waits for it: by the time it is answered it may lead to something else.
    pub async fn preview(
        &self,
        news: Vec<Notification>,
        now: Time,
    ) -> Result<Vec<Result<Plan, String>>, StoreError> {
        self.read("compare", Preview::new(Arc::clone(&self.planning), news, now)).await
    }

    /// The note of this name, if there is one.
    pub async fn kv_get(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read("read a note", ReadNote(name.to_owned())).await
    }

    /// Changes a note, in one transaction; gives what it is now.
    pub async fn kv_update(&self, name: &str, revise: KvUpdate) -> Result<String, StoreError> {
        self.write("write a note", UpdateNote { name: name.to_owned(), revise }).await
    }

    /// When the store was made. A copy was made when its original was.
    pub async fn made_at(&self) -> Result<Time, StoreError> {
        made_at(self.kv_get(MADE_AT).await?.as_deref())
    }

    /// GrowSurf's ids of known participants of a campaign, in their order, those behind `after`.
    pub async fn participants(
        &self,
        campaign: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (campaign, after) = (campaign.to_owned(), after.unwrap_or_default().to_owned());
        self.read("list participants", ListParticipants { campaign, after, limit }).await
    }

    /// Returns the person that a question about people leads to, if there is one. Effects and
    /// tombstones lead to nobody.
    pub async fn person(&self, who: &ReadKey) -> Result<Option<Person>, StoreError> {
        let work = FindPerson { planning: Arc::clone(&self.planning), key: who.clone() };
        self.read("look for a person", work).await
    }

    /// Whether any call waits, or is under way, in the lane of whoever has this identifier.
    pub async fn has_pending(&self, identifier: &Identifier) -> Result<bool, StoreError> {
        self.read("look for a pending call", HasPending(identifier.clone())).await
    }

    /// Makes the pending calls of this identifier's lane as urgent as `class`, where they are less so: the
    /// oldest thousand, so that a long lane holds nobody up.
    pub async fn raise(&self, identifier: &Identifier, class: Class) -> Result<(), StoreError> {
        self.write("raise a lane", Raise { visitor: identifier.clone(), class }).await
    }

    /// Whether a live process delivers from this store. If none does, this one has the right from
    /// now on, where there is one to have.
    pub async fn is_attended(&self, now: Time) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::File(file) => file.is_attended(),
            Backend::Server(server) => server.is_attended(now).await,
            #[cfg(test)]
            Backend::Memory(memory) => Ok(memory.is_attended()),
        }
    }
}

/// The note that tells when the store was made, in microseconds since the epoch.
const MADE_AT: &str = "made_at";

fn made_at(note: Option<&str>) -> Result<Time, StoreError> {
    let micros = note.and_then(|text| text.parse().ok());
    micros.map(Time::from_micros).ok_or_else(|| unreadable("a note", "when the store was made"))
}

/// Checks that a note can be read, if the store reads it itself. Who wrote another begins again where
/// it can't be read.
pub(super) fn check(name: &str, value: &str) -> Result<(), StoreError> {
    if name == MADE_AT { made_at(Some(value)).map(drop) } else { Ok(()) }
}
