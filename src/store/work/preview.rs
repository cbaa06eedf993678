//! Preview: the plans of notifications, without changing anything.

use std::sync::Arc;

use crate::domain::{Notification, Plan, Time};
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
