//! Intake of rows that say something new.
//!
//! Most rows don't. They are compared first, which writes nothing. The others are kept in the inbox like
//! webhooks, so that they can be replayed, pruned and erased.

use std::sync::Arc;

use tokio::sync::Notify;

use super::report::SyncReport;
use crate::domain::{
    Class, Clock, Labelled, Plan, Random, ReceivedWebhook, Source, Time, Webhook, WebhookId,
};
use crate::sources::growsurf_api::{Kind, Row};
use crate::store::{InboxPage, Store, StoreError};

/// Rows accepted together. They share commits, and leave room for webhooks.
const BATCH: usize = 16;

/// Rows read together to be planned again.
const WAITING: usize = 100;

/// The intake of rows.
#[derive(Clone)]
pub struct Intake {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub random: Arc<dyn Random>,
    /// Notified when there is something to deliver.
    pub notify: Arc<Notify>,
    /// The class of the rows' calls.
    pub class: Class,
    /// True if the store is thrown away: nobody is erased.
    pub dry_run: bool,
}

impl Intake {
    /// Compares rows with the store, and accepts those with something new.
    ///
    /// # Errors
    /// The store's; accepted rows stay.
    pub async fn take(&self, rows: Vec<Row>, report: &mut SyncReport) -> Result<(), StoreError> {
        let now = self.clock.now();
        report.rows += u64::try_from(rows.len()).unwrap_or(0);
        let (mut readable, mut notifications) = (Vec::new(), Vec::new());
        for row in rows {
            match row.notification() {
                Ok(notification) => {
                    notifications.push(notification);
                    readable.push(row);
                }
                Err(reason) => report.add_unmapped(&reason),
            }
        }
        let previews = self.store.preview(notifications.clone(), now).await?;
        let mut batch = Vec::new();
        for ((row, notification), preview) in readable.into_iter().zip(notifications).zip(previews)
        {
            match preview {
                Err(reason) => report.add_unmapped(&reason),
                Ok(plan) => {
                    // A waiting row is counted when it is planned again.
                    if !(plan.has_changes && waits(&row, &plan)) {
                        report.add_unsent(&plan);
                    }
                    if plan.has_changes {
                        report.changed += 1;
                        batch.push((row, notification));
                    }
                }
            }
        }
        while !batch.is_empty() {
            let rest = batch.split_off(BATCH.min(batch.len()));
            let now = self.clock.now();
            let received = batch.into_iter().map(|(row, notification)| {
                let webhook = row.to_webhook(WebhookId::new(now, self.random.next()), now);
                ReceivedWebhook { webhook, decoded: Ok(notification), class: self.class }
            });
            // Friends are numbered in the order in which they are planned.
            for receipt in self.store.accept_in_order(received.collect(), now).await? {
                report.add_receipt(&receipt);
            }
            self.notify.notify_one();
            batch = rest;
        }
        Ok(())
    }

    /// Plans participants' rows again that were accepted since `since` in part: a friend may be listed before
    /// the referrer.
    ///
    /// # Errors
    /// As [`Intake::take`].
    pub async fn take_waiting(
        &self,
        campaign: &str,
        since: Time,
        report: &mut SyncReport,
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
                let Ok(notification) = row.and_then(|row| row.notification()) else { continue };
                let now = self.clock.now();
                for plan in
                    self.store.preview(vec![notification.clone()], now).await?.iter().flatten()
                {
                    report.add_unsent(plan);
                }
                let receipt = self.store.replay(webhook.id, Ok(notification), now, false).await?;
                report.add_receipt(&receipt);
                if receipt.calls > 0 {
                    self.notify.notify_one();
                }
            }
        }
    }
}

/// True if a participant's row can't be mapped whole yet.
fn waits(row: &Row, plan: &Plan) -> bool {
    row.kind() == Kind::Participant && !plan.unmapped.is_empty()
}
