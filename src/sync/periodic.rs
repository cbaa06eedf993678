//! The rhythm: comparing and watching, now and again, in a relay that runs.
//!
//! What belongs here: when, by whom of several relays, and what is said about it. What doesn't: the
//! comparison (`compare`), the look (`watch`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use strum::VariantArray;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::checkpoint;
use super::reconcile::{Reconcile, Scope, SyncCursor, marks};
use super::source::{CampaignClient, Source, SourceError};
use super::webhook_monitor::{Finding, Problem, SeenWebhooks, WebhookMonitor};
use super::{SyncError, SyncReport};
use crate::domain::{Labelled, Time};
use crate::growsurf::rest::Client;
use crate::store::{ExclusiveJob, StoreError};
use crate::telemetry::{ErrorChain, Metrics};

/// When what is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct PeriodicRules {
    /// True if it is compared.
    #[serde(rename = "enabled")]
    pub compares: bool,
    /// Time from one comparison of what is new to the next.
    pub every: Duration,
    /// Time from one comparison of everything to the next.
    pub full_every: Duration,
    /// Time from one look at the webhooks to the next.
    pub watch_every: Duration,
}

/// How much longer than a period a relay keeps its job.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// Compares and watches, again and again.
pub struct Periodic {
    /// The comparison.
    pub compare: Reconcile,
    /// The look.
    pub watch: WebhookMonitor,
    /// The client of the key for all campaigns.
    pub general: Option<Client>,
    /// The campaigns that the settings name.
    pub named: Vec<CampaignClient>,
    /// When.
    pub rules: PeriodicRules,
    /// Which relay this is.
    pub relay: Uuid,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
}

impl Periodic {
    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut compared: Option<Time> = None;
        let mut watched: Option<Time> = None;
        let mut said = BTreeMap::new();
        while !shutdown.is_cancelled() {
            let now = self.compare.intake.clock.now();
            let due = |last: Option<Time>, every: Duration| {
                // A clock that was set back makes nothing wait.
                last.is_none_or(|last| now >= last.plus(every) || now < last)
            };
            let watches = due(watched, self.rules.watch_every);
            let compares = self.rules.compares && due(compared, self.rules.every);
            if watches || compares {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = self.round(watches, compares, &mut said) => {}
                }
            }
            if watches {
                watched = Some(now);
            }
            if compares {
                compared = Some(now);
            }
            let rest = if self.rules.compares {
                self.rules.every.min(self.rules.watch_every)
            } else {
                self.rules.watch_every
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn round(
        &self,
        watches: bool,
        compares: bool,
        said: &mut BTreeMap<String, BTreeSet<Problem>>,
    ) {
        match self.is_ours().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "can't compare with GrowSurf now");
                return;
            }
        }
        let sources = match Source::find(self.general.as_ref(), &self.named, &[]).await {
            Ok(sources) => sources,
            Err(error) => {
                self.unknown(&error, said);
                return;
            }
        };
        if compares {
            for source in &sources {
                self.compare(source).await;
            }
        }
        if watches {
            self.look(&sources, said).await;
        }
    }

    /// Whether this relay is the one of several that does it.
    async fn is_ours(&self) -> Result<bool, StoreError> {
        let intake = &self.compare.intake;
        let lasts = self.rules.every.max(self.rules.watch_every) + GRACE;
        intake.store.take_job(ExclusiveJob::Asking, self.relay, lasts, intake.clock.now()).await
    }

    async fn compare(&self, source: &Source) {
        let campaign = source.campaign.id.as_str();
        let compared = match self.depth(source).await {
            Ok(depth) => self.compare.run(source, depth).await,
            Err(error) => Err(SyncError::Store(error)),
        };
        match compared {
            Ok(tally) => self.report(campaign, &tally),
            Err(SyncError::Rest(error)) if error.is_passing() => {
                let error = ErrorChain(&error);
                tracing::info!(campaign, %error, "the comparison was broken off; the next makes up for it");
            }
            Err(error) => {
                tracing::warn!(campaign, error = %ErrorChain(&error), "the comparison was broken off");
            }
        }
    }

    async fn depth(&self, source: &Source) -> Result<Scope, StoreError> {
        let intake = &self.compare.intake;
        let name = marks(&source.campaign.id);
        let marks: SyncCursor = checkpoint::find(&intake.store, &name).await?.unwrap_or_default();
        let now = intake.clock.now();
        let is_due = marks.full_at.is_none_or(|at| now >= at.plus(self.rules.full_every));
        Ok(if is_due { Scope::Full } else { Scope::Recent })
    }

    fn report(&self, campaign: &str, tally: &SyncReport) {
        let healed = tally.effects.iter().chain(&tally.calls);
        for (kind, count) in healed.filter(|(kind, _)| *kind != "identify") {
            self.metrics.recovered(kind, *count);
        }
        for notice in &tally.notices {
            tracing::warn!(campaign, "{notice}");
        }
        if let Some(reason) = tally.unmapped.first() {
            // The same rows come with every comparison, so it is no alarm.
            let rows = tally.incomplete_rows;
            tracing::info!(
                campaign,
                rows,
                "rows of GrowSurf's can't be mapped, or only in part, such as: {reason}"
            );
        }
        if tally.changed > 0 {
            tracing::info!(
                campaign,
                rows = tally.rows,
                changed = tally.changed,
                effects = ?tally.effects,
                "compared with GrowSurf and took in what was missing"
            );
        } else {
            tracing::debug!(campaign, rows = tally.rows, "compared with GrowSurf; nothing is new");
        }
    }

    async fn look(&self, sources: &[Source], said: &mut BTreeMap<String, BTreeSet<Problem>>) {
        let mut all = Vec::new();
        for source in sources {
            let campaign = source.campaign.id.clone();
            all.extend(self.watch.look(source).await.unwrap_or_else(|error| {
                let problem = Some(Problem::Unknown);
                vec![Finding { campaign, problem, detail: ErrorChain(&error).to_string() }]
            }));
        }
        let intake = &self.compare.intake;
        if let Err(error) = SeenWebhooks::keep(&intake.store, &all, intake.clock.now()).await {
            tracing::debug!(error = %ErrorChain(&error), "can't keep what was found of webhooks");
        }
        self.tell(&all, said);
    }

    fn unknown(&self, error: &SourceError, said: &mut BTreeMap<String, BTreeSet<Problem>>) {
        let detail = ErrorChain(error).to_string();
        let problem = Some(Problem::Unknown);
        self.tell(&[Finding { campaign: "all".to_owned(), problem, detail }], said);
    }

    /// Counts what was found, and says what wasn't said before.
    fn tell(&self, findings: &[Finding], said: &mut BTreeMap<String, BTreeSet<Problem>>) {
        for &problem in Problem::VARIANTS {
            let campaigns = findings.iter().filter(|it| it.problem == Some(problem)).count();
            self.metrics.growsurf_problem(problem.label(), campaigns);
        }
        let mut now: BTreeMap<String, BTreeSet<Problem>> = BTreeMap::new();
        for Finding { campaign, problem, detail } in findings {
            let Some(problem) = problem else { continue };
            now.entry(campaign.clone()).or_default().insert(*problem);
            let is_new = said.get(campaign).is_none_or(|known| !known.contains(problem));
            if is_new {
                tracing::warn!(campaign, problem = problem.label(), "{detail}");
            }
        }
        for (campaign, known) in said.iter() {
            let is_over = |it: &&Problem| now.get(campaign).is_none_or(|now| !now.contains(it));
            for problem in known.iter().filter(is_over) {
                tracing::info!(campaign, problem = problem.label(), "it is over");
            }
        }
        *said = now;
    }
}
