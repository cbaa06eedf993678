//! The job: reads all people in pages, folds them, and keeps the document as a note.
//!
//! It begins again after a restart: a run takes seconds, and what it holds doesn't grow with the number of people.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::document::Document;
use super::fold::Fold;
use super::options::InsightsOptions;
use crate::domain::{Clock, Time};
use crate::mapping::Tier;
use crate::store::{Entries, ExclusiveJob, Store, StoreError};
use crate::telemetry::{ErrorChain, Metrics};

/// The note that holds the document.
const NOTE: &str = "insights";

/// People of one page.
const PAGE: usize = 1_000;

/// The time by which a relay's job outlasts an interval.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// The sums over all people, and the job that keeps them.
pub struct Insights {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub options: InsightsOptions,
    /// The tiers, highest first.
    pub tiers: Vec<Tier>,
    /// True if Customer.io's reports of messages are accepted.
    pub has_reports: bool,
}

impl Insights {
    /// Runs in intervals until `shutdown`, in one of several relays.
    pub async fn run(self, relay: Uuid, metrics: Arc<Metrics>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match shutdown.run_until_cancelled(self.round(relay, &metrics)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::warn!(error = %ErrorChain(&error), "can't sum up people now");
                }
                None => return,
            }
            shutdown.run_until_cancelled(tokio::time::sleep(self.options.every)).await;
        }
    }

    /// Makes the document and keeps it, unless another relay does or nothing has changed.
    async fn round(&self, relay: Uuid, metrics: &Metrics) -> Result<(), StoreError> {
        let (now, lasts) = (self.clock.now(), self.options.every + GRACE);
        if !self.store.take_job(ExclusiveJob::Summing, relay, lasts, now).await? {
            return Ok(());
        }
        let known = find(&self.store).await?;
        let basis = self.basis().await?;
        if let Some(known) = known.as_ref() {
            metrics.insights_as_of(known.as_of);
        }
        let is_known = known.map_or(basis.is_empty(), |known| {
            // Weeks become ripe by time alone.
            let is_today = known.as_of.day() == now.day();
            known.basis == basis && is_today && known.time_zone == self.zone()
        });
        if is_known {
            return Ok(());
        }
        let begun = self.clock.steady();
        let document = self.sum_up(|people| metrics.insights_people(people)).await?;
        let document = Document { basis, ..document };
        let text = serde_json::to_string(&document).expect("sums are JSON");
        let keep = Arc::new(move |_before: Option<&str>| text.clone());
        self.store.kv_update(NOTE, keep).await?;
        let took = self.clock.steady().saturating_duration_since(begun);
        metrics.insights_as_of(document.as_of);
        metrics.insights_in(took);
        tracing::info!(people = document.people, ?took, "summed up people");
        Ok(())
    }

    /// Makes the document of the present people; `progress` gets the number of those who are read.
    ///
    /// # Errors
    /// The store's.
    pub async fn sum_up(&self, progress: impl Fn(u64)) -> Result<Document, StoreError> {
        let (zone, tiers) = (self.options.time_zone.clone(), self.tiers.clone());
        let mut fold = Fold::new(self.clock.now(), zone, tiers);
        let (mut last, mut read) = (None, 0);
        progress(read);
        loop {
            let page = self.store.people_after(last, PAGE).await?;
            page.iter().for_each(|person| fold.add(person));
            let asking = fold.asking();
            if self.has_reports {
                let messages = self.store.messages(asking.events()).await?;
                fold.add_messages(asking, &messages);
            }
            read += u64::try_from(page.len()).unwrap_or(0);
            progress(read);
            if page.len() < PAGE {
                return Ok(fold.finish());
            }
            last = page.last().and_then(|person| person.id);
        }
    }

    fn zone(&self) -> &str {
        self.options.time_zone.iana_name().unwrap_or("UTC")
    }

    /// Returns a text that changes with what the document is made of: the newest webhook and the last erasure.
    async fn basis(&self) -> Result<String, StoreError> {
        let newest =
            self.store.entries(Entries::All, None, 1).await?.pop().map(|webhook| webhook.id);
        let erased_at = self.store.erased_at().await?.map(Time::micros);
        let parts = [newest.map(|id| id.to_string()), erased_at.map(|at| at.to_string())];
        Ok(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// Returns the kept document. One that this version can't read counts as missing.
///
/// # Errors
/// The store's.
pub async fn find(store: &Store) -> Result<Option<Document>, StoreError> {
    let Some(text) = store.kv_get(NOTE).await? else { return Ok(None) };
    match serde_json::from_str(&text) {
        Ok(document) => Ok(Some(document)),
        Err(error) => {
            tracing::warn!(%error, "the kept sums can't be read; the next run replaces them");
            Ok(None)
        }
    }
}
