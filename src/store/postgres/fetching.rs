//! Fetching on Postgres: previews without locks, and notes.
//!
//! What belongs here: reading what a preview must know; whoever changes anything asks in another
//! way (`asking`). What doesn't: what the notes say.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{Class, Identifier, Notification, Person, Plan, ReadKey, Time};
use crate::store::KvUpdate;
use crate::store::work::{FindPerson, HasPending, Preview, Raise, ReadNote, UpdateNote};
use crate::store::{Fetching, HEARTBEAT_TTL, StoreError};

use super::PostgresStore;
use super::deliveries::micros;
use super::transaction::transact;
use super::value::text;

#[async_trait]
impl Fetching for PostgresStore {
    async fn preview(
        &self,
        news: Vec<Notification>,
        now: Time,
    ) -> Result<Vec<Result<Plan, String>>, StoreError> {
        let planning = Arc::clone(&self.planning);
        self.open()?.run("compare", &Preview::new(planning, news, now)).await
    }

    async fn kv_get(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.open()?.run("read a note", &ReadNote(name.to_owned())).await
    }

    async fn kv_update(&self, name: &str, revise: KvUpdate) -> Result<String, StoreError> {
        let work = UpdateNote { name: name.to_owned(), revise };
        self.open()?.run("write a note", &work).await
    }

    async fn participants(
        &self,
        campaign: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let after = after.unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        transact!(self.open()?, "list participants", |it| async {
            let sql = "SELECT growsurf_id FROM participants
                 WHERE campaign = $1 AND growsurf_id > $2 ORDER BY growsurf_id LIMIT $3";
            let rows = it.rows(sql, &[&text(campaign), &after, &limit]).await?;
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
        })
    }

    async fn person(&self, who: &ReadKey) -> Result<Option<Person>, StoreError> {
        let work = FindPerson { planning: Arc::clone(&self.planning), key: who.clone() };
        self.open()?.run("look for a person", &work).await
    }

    async fn has_pending(&self, identifier: &Identifier) -> Result<bool, StoreError> {
        self.open()?.run("look for a pending call", &HasPending(identifier.clone())).await
    }

    async fn raise(&self, identifier: &Identifier, class: Class) -> Result<(), StoreError> {
        let work = Raise { visitor: identifier.clone(), class };
        self.open()?.run("raise a lane", &work).await
    }

    async fn is_attended(&self, now: Time) -> Result<bool, StoreError> {
        transact!(self.open()?, "be attended", |it| async {
            let now = now.micros().saturating_add(it.ahead_of(now));
            let since = now.saturating_sub(micros(HEARTBEAT_TTL));
            let row = it.row("SELECT 1 FROM relays WHERE seen_at >= $1 LIMIT 1", &[&since]).await?;
            Ok(row.is_some())
        })
    }
}
