//! Preview: the plans of notifications, without changing anything.

use std::sync::Arc;

use crate::domain::{Notification, Person, Plan, ReadKey, Time};
use crate::store::meta::Meta;
use crate::store::planning::Planning;
use crate::store::unit::{Unit, Work};

use super::batch::{Batch, Candidate, Drafted};

/// See [`Store::preview`](crate::store::Store::preview).
pub(in crate::store) struct Preview {
    planning: Arc<Planning>,
    decoded: Vec<Result<Notification, String>>,
    now: Time,
}

impl Preview {
    /// Returns the use case for some notifications, each as if it came alone.
    pub(in crate::store) fn new(
        planning: Arc<Planning>,
        notifications: Vec<Notification>,
        now: Time,
    ) -> Self {
        Self { planning, decoded: notifications.into_iter().map(Ok).collect(), now }
    }
}

impl Work for Preview {
    type Output = Vec<Result<Plan, String>>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Self::Output, U::Fault> {
        let subject = |decoded| self.planning.subject(decoded, None, self.now);
        let candidates: Vec<Candidate<'_>> =
            self.decoded.iter().map(|it| Ok((subject(it)?, self.now))).collect();
        let mut batch = Batch::new(&self.planning, None);
        let keys = batch.read(unit, &candidates).await?;
        let sets = batch.sets(&candidates, &keys);
        let drafts = batch.drafts(unit, &candidates, &sets).await?;
        let finish = |(candidate, drafted): (&Candidate<'_>, Result<Drafted<'_>, String>)| {
            let (subject, _) = candidate.as_ref().map_err(Clone::clone)?;
            batch.finish(subject, drafted?)
        };
        Ok(candidates.iter().zip(drafts).map(finish).collect())
    }
}

/// See [`Store::person`](crate::store::Store::person).
pub(in crate::store) struct FindPerson {
    pub(in crate::store) planning: Arc<Planning>,
    pub(in crate::store) key: ReadKey,
}

impl Work for FindPerson {
    type Output = Option<Person>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<Person>, U::Fault> {
        if matches!(self.key, ReadKey::Effect(_) | ReadKey::Tombstone(_)) {
            return Ok(None);
        }
        let keys = [self.key.clone()];
        let mut batch = Batch::new(&self.planning, None);
        batch.fetch(unit, keys.iter()).await?;
        let set = batch.set(&keys, Time::default());
        Ok(set.person(&self.key).map(|place| set.person_at(place).clone()))
    }
}

/// Reads the check of the key that tombstones were made with.
pub(in crate::store) struct TombstoneCheck;

impl Work for TombstoneCheck {
    type Output = Option<String>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<String>, U::Fault> {
        Ok(unit.metas(&[Meta::TombstoneCheck]).await?.pop().flatten())
    }
}
