//! Intake: rows of GrowSurf's answers, taken in where they tell something new.
//!
//! What belongs here: the comparison with what is known, and handing over to `accept` what isn't.
//! What doesn't: where rows come from. Most rows tell nothing new, so they are compared first,
//! which costs no write; and only the others are kept in the inbox, as webhooks are, so that they
//! can be replayed, pruned and forgotten.

use std::sync::Arc;

use tokio::sync::Notify;

use super::report::SyncReport;
use crate::domain::{
    Class, Clock, Labelled, Plan, Random, ReceivedWebhook, Source, Time, Webhook, WebhookId,
};
use crate::sources::growsurf_api::{Kind, Row};
use crate::store::{InboxPage, Store, StoreError};

/// Rows that are handed over together: they share commits, and don't crowd out webhooks.
const TOGETHER: usize = 16;

/// Rows that are read together to be planned again.
const WAITING: usize = 100;

/// Takes rows in.
#[derive(Clone)]
pub struct Intake {
    /// The store.
    pub store: Arc<Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What ids are made of.
    pub random: Arc<dyn Random>,
    /// Told when there is something new to deliver.
    pub bell: Arc<Notify>,
    /// Whether live calls overtake what comes of these rows.
    pub class: Class,
    /// True if the store is thrown away: nobody is erased for it.
    pub dry_run: bool,
}

impl Intake {
    /// Compares rows with what is known, and takes in those that tell something new.
    ///
    /// # Errors
    /// The store's; what was taken in until then stays.
    pub async fn take(&self, rows: Vec<Row>, tally: &mut SyncReport) -> Result<(), StoreError> {
        let now = self.clock.now();
        tally.rows += u64::try_from(rows.len()).unwrap_or(0);
        let (mut readable, mut news) = (Vec::new(), Vec::new());
        for row in rows {
            match row.notification() {
                Ok(told) => {
                    news.push(told);
                    readable.push(row);
                }
                Err(reason) => tally.unmapped(&reason),
            }
        }
        let previews = self.store.preview(news.clone(), now).await?;
        let mut arrivals = Vec::new();
        for ((row, news), preview) in readable.into_iter().zip(news).zip(previews) {
            match preview {
                Err(reason) => tally.unmapped(&reason),
                Ok(plan) => {
                    // What waits for others is counted when it is taken in again.
                    if !(plan.has_changes && waits(&row, &plan)) {
                        tally.silence(&plan);
                    }
                    if plan.has_changes {
                        tally.changed += 1;
                        arrivals.push((row, news));
                    }
                }
            }
        }
        while !arrivals.is_empty() {
            let rest = arrivals.split_off(TOGETHER.min(arrivals.len()));
            let now = self.clock.now();
            let arrived = arrivals.into_iter().map(|(row, news)| {
                let webhook = row.to_webhook(WebhookId::new(now, self.random.next()), now);
                ReceivedWebhook { webhook, decoded: Ok(news), class: self.class }
            });
            // Friends are numbered in the order in which they are planned.
            for receipt in self.store.accept_in_order(arrived.collect(), now).await? {
                tally.receipt(&receipt);
            }
            self.bell.notify_one();
            arrivals = rest;
        }
        Ok(())
    }

    /// Plans participants' rows again that were taken in since `since` and only in part: the list has
    /// friends before who referred them.
    ///
    /// # Errors
    /// As [`Intake::take`].
    pub async fn take_waiting(
        &self,
        campaign: &str,
        since: Time,
        tally: &mut SyncReport,
    ) -> Result<(), StoreError> {
        let mut page = InboxPage { after: None, since: Some(since), parked: true, limit: WAITING };
        loop {
            let webhooks = self.store.inbox(page).await?;
            let Some(last) = webhooks.last() else { return Ok(()) };
            page.after = Some(last.id);
            let is_waiting = |it: &&Webhook| {
                let is_row = it.event.as_deref() == Some(Kind::Participant.label());
                it.source == Source::GrowsurfApi && is_row && it.owner.as_deref() == Some(campaign)
            };
            for webhook in webhooks.iter().filter(is_waiting) {
                let row = Row::read(Kind::Participant, campaign, &webhook.body);
                let Ok(news) = row.and_then(|row| row.notification()) else { continue };
                let now = self.clock.now();
                for plan in self.store.preview(vec![news.clone()], now).await?.iter().flatten() {
                    tally.silence(plan);
                }
                let receipt = self.store.replay(webhook.id, Ok(news), now, false).await?;
                tally.receipt(&receipt);
                if receipt.calls > 0 {
                    self.bell.notify_one();
                }
            }
        }
    }
}

/// True if the row of a participant can't be mapped whole yet.
fn waits(row: &Row, plan: &Plan) -> bool {
    row.kind() == Kind::Participant && !plan.unmapped.is_empty()
}
