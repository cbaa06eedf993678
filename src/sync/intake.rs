//! Intake: rows of GrowSurf's answers, taken in where they tell something new.
//!
//! What belongs here: the comparison with what is known, and handing over to `accept` what isn't.
//! What doesn't: where rows come from. Most rows tell nothing new, so they are compared first,
//! which costs no write; and only the others are kept in the inbox, as webhooks are, so that they
//! can be replayed, pruned and forgotten.

use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::sync::Notify;

use super::report::SyncReport;
use crate::domain::{Class, Clock, Plan, Random, ReceivedWebhook, WebhookId};
use crate::growsurf::rest::rows::Row;
use crate::store::{Store, StoreError};

/// Rows that are handed over together: they share commits, and don't crowd out webhooks.
const TOGETHER: usize = 16;

/// Takes rows in.
#[derive(Clone)]
pub struct Intake {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What ids are made of.
    pub random: Arc<dyn Random>,
    /// Told when there is something new to deliver.
    pub bell: Arc<Notify>,
    /// Whether live calls overtake what comes of these rows.
    pub class: Class,
    /// Whether nothing is taken in, only counted.
    pub dry_run: bool,
}

impl Intake {
    /// Compares rows with what is known, and takes in those that tell something new. Tells what
    /// each of these leads to.
    ///
    /// # Errors
    /// The store's; what was taken in until then stays.
    pub async fn take(
        &self,
        rows: Vec<Row>,
        tally: &mut SyncReport,
    ) -> Result<Vec<Plan>, StoreError> {
        let now = self.clock.now();
        tally.rows += u64::try_from(rows.len()).unwrap_or(0);
        let (mut readable, mut news) = (Vec::new(), Vec::new());
        for row in rows {
            match row.news() {
                Ok(told) => {
                    news.push(told);
                    readable.push(row);
                }
                Err(reason) => tally.unmapped(&reason),
            }
        }
        let previews = self.store.preview(news.clone(), now).await?;
        let (mut arrivals, mut plans) = (Vec::new(), Vec::new());
        for ((row, news), preview) in readable.into_iter().zip(news).zip(previews) {
            match preview {
                Err(reason) => tally.unmapped(&reason),
                Ok(plan) => {
                    tally.silence(&plan);
                    if self.dry_run {
                        tally.plan(&plan);
                    }
                    if plan.has_changes {
                        tally.changed += 1;
                        plans.push(plan);
                        arrivals.push((row, news));
                    }
                }
            }
        }
        if self.dry_run {
            return Ok(plans);
        }
        while !arrivals.is_empty() {
            let rest = arrivals.split_off(TOGETHER.min(arrivals.len()));
            let now = self.clock.now();
            let accepting = arrivals.into_iter().map(|(row, news)| {
                let webhook = row.to_webhook(WebhookId::new(now, self.random.next()), now);
                self.store
                    .accept(ReceivedWebhook { webhook, decoded: Ok(news), class: self.class }, now)
            });
            for receipt in try_join_all(accepting).await? {
                tally.receipt(&receipt);
            }
            self.bell.notify_one();
            arrivals = rest;
        }
        Ok(plans)
    }
}
