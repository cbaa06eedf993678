//! The schedule of comparisons and webhook checks in a running relay.
//!
//! What belongs here: the time, the choice among several relays, and reports. What doesn't: the comparison
//! (`reconcile`) and the check (`webhook_monitor`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use strum::VariantArray;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::checkpoint;
use super::reconcile::{Reconcile, Scope, SyncCursor, checkpoint_key};
use super::target::{CampaignClient, SyncTarget, SyncTargetError};
use super::webhook_monitor::{SeenWebhooks, WebhookFinding, WebhookMonitor, WebhookProblem};
use super::{SyncError, SyncReport};
use crate::domain::{Labelled, Time};
use crate::growsurf::rest::Client;
use crate::store::{ExclusiveJob, StoreError};
use crate::telemetry::{ErrorChain, Metrics};

/// The schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct PeriodicRules {
    /// True if campaigns are compared.
    #[serde(rename = "enabled")]
    pub compares: bool,
    /// The interval of comparisons of recent changes.
    pub every: Duration,
    /// The interval of full comparisons.
    pub full_every: Duration,
    /// The interval of webhook checks.
    pub watch_every: Duration,
}

/// The time by which a relay's job outlasts a period.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// Known problems by campaign.
type Problems = BTreeMap<String, BTreeSet<WebhookProblem>>;

/// The scheduled task.
pub struct Periodic {
    /// The comparison.
    pub compare: Reconcile,
    /// The check.
    pub watch: WebhookMonitor,
    /// The client of the shared key.
    pub general: Option<Client>,
    /// The campaigns in the settings.
    pub named: Vec<CampaignClient>,
    /// The schedule.
    pub rules: PeriodicRules,
    /// This relay's id.
    pub relay: Uuid,
    pub metrics: Arc<Metrics>,
}

impl Periodic {
    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut compared: Option<Time> = None;
        let mut watched: Option<Time> = None;
        let mut reported = BTreeMap::new();
        while !shutdown.is_cancelled() {
            let now = self.compare.intake.clock.now();
            let due = |last: Option<Time>, every: Duration| {
                // A clock that was set back delays nothing.
                last.is_none_or(|last| now >= last.plus(every) || now < last)
            };
            let watches = due(watched, self.rules.watch_every);
            let compares = self.rules.compares && due(compared, self.rules.every);
            if watches || compares {
                let round = self.round(watches, compares, &mut reported);
                if shutdown.run_until_cancelled(round).await.is_none() {
                    return;
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
            shutdown.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
    }

    async fn round(&self, watches: bool, compares: bool, reported: &mut Problems) {
        match self.has_job().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "can't compare with GrowSurf now");
                return;
            }
        }
        let targets = match SyncTarget::find(self.general.as_ref(), &self.named, &[]).await {
            Ok(targets) => targets,
            Err(error) => {
                self.unknown(&error, reported);
                return;
            }
        };
        if compares {
            for target in &targets {
                self.compare(target).await;
            }
        }
        if watches {
            self.check(&targets, reported).await;
        }
    }

    /// True if this relay, of several, has the job.
    async fn has_job(&self) -> Result<bool, StoreError> {
        let intake = &self.compare.intake;
        let lasts = self.rules.every.max(self.rules.watch_every) + GRACE;
        intake.store.take_job(ExclusiveJob::Asking, self.relay, lasts, intake.clock.now()).await
    }

    async fn compare(&self, target: &SyncTarget) {
        let campaign = target.campaign.id.as_str();
        let compared = match self.scope(target).await {
            Ok(scope) => self.compare.run(target, scope).await,
            Err(error) => Err(SyncError::Store(error)),
        };
        match compared {
            Ok(report) => self.report(campaign, &report),
            Err(SyncError::Rest(error)) if error.is_passing() => {
                let error = ErrorChain(&error);
                tracing::info!(campaign, %error, "the comparison ended early; the next one continues");
            }
            Err(error) => {
                tracing::warn!(campaign, error = %ErrorChain(&error), "the comparison ended early");
            }
        }
    }

    async fn scope(&self, target: &SyncTarget) -> Result<Scope, StoreError> {
        let intake = &self.compare.intake;
        let name = checkpoint_key(&target.campaign.id);
        let cursor: SyncCursor = checkpoint::find(&intake.store, &name).await?.unwrap_or_default();
        let now = intake.clock.now();
        let is_due = cursor.full_at.is_none_or(|at| now >= at.plus(self.rules.full_every));
        Ok(if is_due { Scope::Full } else { Scope::Recent })
    }

    fn report(&self, campaign: &str, report: &SyncReport) {
        let recovered = report.effects.iter().chain(&report.calls);
        for (kind, count) in recovered.filter(|(kind, _)| *kind != "identify") {
            self.metrics.recovered(kind, *count);
        }
        for notice in &report.notices {
            tracing::warn!(campaign, "{notice}");
        }
        if let Some(reason) = report.unmapped.first() {
            // The same rows come with every comparison, so it is no alarm.
            let rows = report.incomplete_rows;
            tracing::info!(
                campaign,
                rows,
                "rows of GrowSurf's can't be mapped, or only in part, such as: {reason}"
            );
        }
        if report.changed > 0 {
            tracing::info!(
                campaign,
                rows = report.rows,
                changed = report.changed,
                effects = ?report.effects,
                "compared with GrowSurf and accepted what was missing"
            );
        } else {
            tracing::debug!(campaign, rows = report.rows, "compared with GrowSurf; nothing is new");
        }
    }

    async fn check(&self, targets: &[SyncTarget], reported: &mut Problems) {
        let mut all = Vec::new();
        for target in targets {
            let campaign = target.campaign.id.clone();
            all.extend(self.watch.check(target).await.unwrap_or_else(|error| {
                let problem = Some(WebhookProblem::Unknown);
                vec![WebhookFinding { campaign, problem, detail: ErrorChain(&error).to_string() }]
            }));
        }
        let intake = &self.compare.intake;
        if let Err(error) = SeenWebhooks::keep(&intake.store, &all, intake.clock.now()).await {
            tracing::debug!(error = %ErrorChain(&error), "can't store the findings about webhooks");
        }
        self.report_findings(&all, reported);
    }

    fn unknown(&self, error: &SyncTargetError, reported: &mut Problems) {
        let detail = ErrorChain(error).to_string();
        let problem = Some(WebhookProblem::Unknown);
        self.report_findings(
            &[WebhookFinding { campaign: "all".to_owned(), problem, detail }],
            reported,
        );
    }

    /// Counts the findings, and logs the new ones.
    fn report_findings(&self, findings: &[WebhookFinding], reported: &mut Problems) {
        for &problem in WebhookProblem::VARIANTS {
            let campaigns = findings.iter().filter(|it| it.problem == Some(problem)).count();
            self.metrics.growsurf_problem(problem.label(), campaigns);
        }
        let mut now = Problems::new();
        for WebhookFinding { campaign, problem, detail } in findings {
            let Some(problem) = problem else { continue };
            now.entry(campaign.clone()).or_default().insert(*problem);
            let is_new = reported.get(campaign).is_none_or(|known| !known.contains(problem));
            if is_new {
                tracing::warn!(campaign, problem = problem.label(), "{detail}");
            }
        }
        for (campaign, known) in reported.iter() {
            let is_over =
                |it: &&WebhookProblem| now.get(campaign).is_none_or(|now| !now.contains(it));
            for problem in known.iter().filter(is_over) {
                tracing::info!(campaign, problem = problem.label(), "the problem is over");
            }
        }
        *reported = now;
    }
}
