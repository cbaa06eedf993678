//! Fetching on SQLite: previews from the rows as they are, and notes.
//!
//! What belongs here: reading without the writer wherever nothing is written. What doesn't: what
//! the notes say.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use crate::domain::{Class, Identifier, Notification, Person, Plan, ReadKey, Time};
use crate::store::KvUpdate;
use crate::store::work::{FindPerson, HasPending, Preview, Raise, ReadNote, UpdateNote};
use crate::store::{Fetching, StoreError};

use super::SqliteStore;
use super::opening::storage;
use super::queue::Priority;

#[async_trait]
impl Fetching for SqliteStore {
    async fn preview(
        &self,
        news: Vec<Notification>,
        now: Time,
    ) -> Result<Vec<Result<Plan, String>>, StoreError> {
        let planning = std::sync::Arc::clone(&self.planning);
        self.read("compare", Preview::new(planning, news, now)).await
    }

    async fn kv_get(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read("read a note", ReadNote(name.to_owned())).await
    }

    async fn kv_update(&self, name: &str, revise: KvUpdate) -> Result<String, StoreError> {
        let work = UpdateNote { name: name.to_owned(), revise };
        self.write(Priority::Rest, "write a note", work).await
    }

    async fn participants(
        &self,
        campaign: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (campaign, after) = (campaign.to_owned(), after.unwrap_or_default().to_owned());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let work = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT growsurf_id FROM participants WHERE campaign = ?1 AND growsurf_id > ?2
                 ORDER BY growsurf_id LIMIT ?3",
            )?;
            let ids = statement.query_map(params![campaign, after, limit], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        };
        self.readers.read("list participants", work).await
    }

    async fn person(&self, who: &ReadKey) -> Result<Option<Person>, StoreError> {
        let planning = std::sync::Arc::clone(&self.planning);
        self.read("look for a person", FindPerson { planning, key: who.clone() }).await
    }

    async fn has_pending(&self, identifier: &Identifier) -> Result<bool, StoreError> {
        self.read("look for a pending call", HasPending(identifier.clone())).await
    }

    async fn raise(&self, identifier: &Identifier, class: Class) -> Result<(), StoreError> {
        let work = Raise { visitor: identifier.clone(), class };
        self.write(Priority::Rest, "raise a lane", work).await
    }

    async fn is_attended(&self, _now: Time) -> Result<bool, StoreError> {
        let taken = self.right.take().map_err(|error| storage("be attended", error))?;
        Ok(!taken)
    }
}
