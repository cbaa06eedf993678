//! Preview: the plans of notifications, without changing anything.

use std::sync::Arc;

use crate::domain::{Notification, Planned, Time};
use crate::store::planning::Planning;
use crate::store::unit::use_case;
use crate::store::{Store, StoreError};

use super::batch::{Batch, Candidate, Drafted};

impl Store {
    /// Returns the plan of each notification as if it came alone; changes nothing. Waits for no writes, and
    /// none waits for it, so that the plan may be another by the time it is returned.
    pub async fn preview(
        &self,
        notifications: Vec<Notification>,
        now: Time,
    ) -> Result<Vec<Planned>, StoreError> {
        let decoded: Vec<_> = notifications.into_iter().map(Ok).collect();
        let planning = Arc::clone(&self.planning);
        use_case!(
            self.read("compare"),
            [planning: Arc<Planning>, decoded: Vec<Result<Notification, String>>, now: Time]
                -> Vec<Planned>,
            |unit| {
                let subject = |decoded| planning.subject(decoded, None, *now);
                let candidates: Vec<Candidate<'_>> =
                    decoded.iter().map(|it| Ok((subject(it)?, *now))).collect();
                let mut batch = Batch::new(planning, None);
                let keys = batch.read(unit, &candidates).await?;
                let sets = batch.sets(&candidates, &keys);
                let drafts = batch.drafts(unit, &candidates, &sets).await?;
                let finish = |(candidate, drafted): (&Candidate<'_>, Result<Drafted<'_>, String>)| {
                    let (subject, _) = candidate.as_ref().map_err(Clone::clone)?;
                    batch.finish(subject, drafted?)
                };
                Ok(candidates.iter().zip(drafts).map(finish).collect())
            }
        )
    }
}
