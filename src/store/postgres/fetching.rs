//! Fetching on Postgres: previews without locks, and notes.
//!
//! What belongs here: reading what a preview must know; whoever changes anything asks in another
//! way (`asking`). What doesn't: what the notes say.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::domain::{Class, Identifier, Notification, Person, Plan, Planned, ReadKey, Time};
use crate::store::KvUpdate;
use crate::store::planning;
use crate::store::work::{HasPending, Raise, ReadNote, UpdateNote};
use crate::store::{Fetching, HEARTBEAT_TTL, StoreError};

use super::PostgresStore;
use super::asking;
use super::deliveries::micros;
use super::fault::Fault;
use super::planning::Planning;
use super::transaction::{Transaction, transact};
use super::value::text;
use super::world::World;

#[async_trait]
impl Fetching for PostgresStore {
    async fn preview(
        &self,
        news: Vec<Notification>,
        now: Time,
    ) -> Result<Vec<Result<Plan, String>>, StoreError> {
        let readings: Vec<Result<Notification, String>> = news.into_iter().map(Ok).collect();
        transact!(self.open()?, "compare", |it| preview(&it, &self.planning, &readings, now))
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
        let asked: BTreeSet<ReadKey> = [who.clone()].into();
        transact!(self.open()?, "look for a person", |it| async {
            let mut world = World::new(self.planning.hash_key);
            asking::people_as_they_are(&it, &mut world, &asked).await?;
            let mut known = world.known(Time::default());
            world.answer(&mut known, vec![who.clone()]);
            Ok(known.person(who).map(|index| known.people()[index].clone()))
        })
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

async fn preview(
    transaction: &Transaction,
    planning: &Planning,
    readings: &[Result<Notification, String>],
    now: Time,
) -> Result<Vec<Planned>, Fault> {
    let mut world = World::new(planning.hash_key);
    world.has_tombstones = planning.has_tombstones(transaction).await?;
    let mut asked: BTreeSet<ReadKey> = BTreeSet::new();
    loop {
        let mut needs = BTreeSet::new();
        let mut plans = Vec::with_capacity(readings.len());
        for reading in readings {
            let answer = |known: &mut _, lookups: Vec<ReadKey>| {
                let unanswered = world.answer(known, lookups);
                if unanswered.is_empty() { Ok(()) } else { Err(unanswered) }
            };
            match planning::plan(&*planning.planner, reading, None, now, world.known(now), answer) {
                Ok(planned) => plans.push(planned),
                Err(missing) => needs.extend(missing),
            }
        }
        needs.retain(|lookup| !asked.contains(lookup));
        if needs.is_empty() {
            return Ok(plans);
        }
        asking::people_as_they_are(transaction, &mut world, &needs).await?;
        asking::ledgers(transaction, &mut world, &planning.tombstones, &needs).await?;
        asked.extend(needs);
    }
}
