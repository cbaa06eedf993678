//! The monitor of GrowSurf's webhooks, which GrowSurf switches off silently.
//!
//! What belongs here: the check of a campaign, and its findings. What doesn't: the fix, which is the
//! operator's, and the schedule (`periodic`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::listed::Listed;
use super::target::SyncTarget;
use super::{SyncError, checkpoint};
use crate::domain::{Clock, Labelled, Notification, SendFilter, Time};
use crate::growsurf::rest::{RestError, WebhookState};
use crate::sources::growsurf_api::{Kind, Origin, Row};
use crate::store::{Store, StoreError};

/// The relay's paths for webhooks.
pub const RELAY_PATHS: [&str; 2] = ["/webhooks/growsurf", "/api/growsurf-to-cio"];

/// The time after which a join without a webhook counts as unseen.
const DELAY: Duration = Duration::from_secs(15 * 60);

/// The age up to which joins are checked. Older ones belong to another failure.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A problem of a campaign's webhook.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum WebhookProblem {
    /// GrowSurf can't be asked.
    Unknown,
    /// No webhook goes to the relay.
    Missing,
    /// The webhook is off.
    Disabled,
    /// GrowSurf switched it off because it failed too often.
    AutoDisabled,
    Failing,
    /// The webhook lacks events that the relay needs.
    Events,
    /// GrowSurf's own integration writes to Customer.io as well.
    DoubleWriter,
    /// A participant joined without a webhook.
    Unseen,
}

impl WebhookProblem {
    /// True if the relay gets no webhooks while it lasts.
    pub fn is_grave(self) -> bool {
        matches!(self, Self::Missing | Self::Disabled | Self::AutoDisabled | Self::Events)
    }
}

/// A finding of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookFinding {
    /// The campaign's id.
    pub campaign: String,
    /// The problem; `None` if there is none.
    pub problem: Option<WebhookProblem>,
    /// The finding in words, with the fix.
    pub detail: String,
}

/// The findings of one check, as they are kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SeenWebhooks {
    /// The time of the check.
    pub at: Time,
    /// The findings, in the order of the campaigns.
    pub findings: Vec<SeenFinding>,
}

/// A finding as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SeenFinding {
    /// The campaign's id.
    pub campaign: String,
    /// The problem's name; `None` if nothing is wrong.
    pub problem: Option<String>,
    /// The finding in words.
    pub detail: String,
}

/// The note that keeps them.
const SEEN: &str = "growsurf_webhooks";

impl SeenWebhooks {
    /// Returns the findings of the last check of the running relay.
    ///
    /// # Errors
    /// The store's.
    pub async fn last(store: &Store) -> Result<Option<Self>, StoreError> {
        checkpoint::find(store, SEEN).await
    }

    /// Keeps findings in place of those before.
    pub(super) async fn keep(
        store: &Store,
        findings: &[WebhookFinding],
        at: Time,
    ) -> Result<(), StoreError> {
        let seen = |it: &WebhookFinding| SeenFinding {
            campaign: it.campaign.clone(),
            problem: it.problem.map(|problem| problem.label().to_owned()),
            detail: it.detail.clone(),
        };
        let seen = Self { at, findings: findings.iter().map(seen).collect() };
        checkpoint::keep(store, SEEN, &seen).await
    }
}

/// Returns the events that the relay needs from a campaign.
pub fn needed_events(is_affiliate: bool) -> &'static [&'static str] {
    if is_affiliate {
        &[
            "NEW_PARTICIPANT_ADDED",
            "PARTICIPANT_FRAUD_STATUS_UPDATED",
            "NEW_COMMISSION_ADDED",
            "COMMISSION_ADJUSTED",
            "NEW_PAYOUT_ISSUED",
        ]
    } else {
        &["NEW_PARTICIPANT_ADDED", "PARTICIPANT_REACHED_A_GOAL", "PARTICIPANT_FRAUD_STATUS_UPDATED"]
    }
}

/// A monitor of campaigns' webhooks.
#[derive(Clone)]
pub struct WebhookMonitor {
    /// The store, for joins without a webhook; without it they aren't checked.
    pub store: Option<Arc<Store>>,
    pub clock: Arc<dyn Clock>,
    /// The address of GrowSurf's webhooks, if its path isn't one of the relay's.
    pub url: Option<Url>,
}

impl WebhookMonitor {
    /// Returns a campaign's webhooks that go to the relay.
    ///
    /// # Errors
    /// GrowSurf's.
    pub async fn ours(&self, target: &SyncTarget) -> Result<Vec<WebhookState>, RestError> {
        let all = target.client.webhooks(&target.campaign.id).await?;
        Ok(all.into_iter().filter(|webhook| self.is_ours(webhook)).collect())
    }

    fn is_ours(&self, webhook: &WebhookState) -> bool {
        let Ok(url) = Url::parse(&webhook.url) else { return false };
        match &self.url {
            Some(named) => url == *named,
            None => RELAY_PATHS.contains(&url.path().trim_end_matches('/')),
        }
    }

    /// Checks one campaign by four requests.
    ///
    /// # Errors
    /// GrowSurf's, or the store's.
    pub async fn check(&self, target: &SyncTarget) -> Result<Vec<WebhookFinding>, SyncError> {
        let campaign = target.campaign.id.clone();
        let finding = |problem, detail: String| WebhookFinding {
            campaign: campaign.clone(),
            problem: Some(problem),
            detail,
        };
        let mut findings: Vec<WebhookFinding> = self
            .webhook(target)
            .await?
            .into_iter()
            .map(|(problem, detail)| finding(problem, detail))
            .collect();
        let integrations = target.client.integrations(&target.campaign.id).await?;
        if integrations.iter().any(|it| it.id == "customerio" && it.is_enabled) {
            let detail = "GrowSurf's own Customer.io integration is on as well: two writers of one \
                          profile; switch it off in GrowSurf, or mind the names of attributes";
            findings.push(finding(WebhookProblem::DoubleWriter, detail.to_owned()));
        }
        let unseen = self.unseen(target).await?;
        if unseen > 0 {
            let detail = format!(
                "{unseen} of the newest participants joined more than {} min ago without a \
                 webhook; `referral-relay sync` adds them",
                DELAY.as_secs() / 60
            );
            findings.push(finding(WebhookProblem::Unseen, detail));
        }
        if findings.is_empty() {
            let detail = "its webhook is on, and reported everyone who joined".to_owned();
            findings.push(WebhookFinding { campaign: campaign.clone(), problem: None, detail });
        }
        Ok(findings)
    }

    async fn webhook(
        &self,
        target: &SyncTarget,
    ) -> Result<Vec<(WebhookProblem, String)>, RestError> {
        let ours = self.ours(target).await?;
        let Some(webhook) = ours.iter().find(|it| it.is_enabled).or(ours.first()) else {
            let detail = "none of its webhooks goes to a path of the relay's; add one in GrowSurf \
                          (Program Editor, Options, Webhooks), or name its URL in \
                          growsurf.webhook_url";
            return Ok(vec![(WebhookProblem::Missing, detail.to_owned())]);
        };
        let mut found = Vec::new();
        let fix = "`referral-relay webhook enable` switches it on";
        if webhook.is_auto_disabled && !webhook.is_enabled {
            let detail = format!(
                "GrowSurf switched its webhook off after {} failures; {fix}, and \
                 `referral-relay sync` adds what was missed",
                webhook.failures
            );
            found.push((WebhookProblem::AutoDisabled, detail));
        } else if !webhook.is_enabled {
            found.push((WebhookProblem::Disabled, format!("its webhook is off; {fix}")));
        } else if webhook.failures > 0 {
            let detail = format!(
                "its webhook failed {} times in a row; GrowSurf switches it off if that goes on",
                webhook.failures
            );
            found.push((WebhookProblem::Failing, detail));
        }
        let subscribed: BTreeSet<&str> = webhook.events.iter().map(String::as_str).collect();
        let needed = needed_events(target.campaign.is_affiliate()).iter().copied();
        let missing: Vec<&str> = needed.filter(|event| !subscribed.contains(event)).collect();
        if !missing.is_empty() {
            let detail = format!(
                "its webhook isn't subscribed to {}; `referral-relay webhook enable` subscribes it",
                missing.join(", ")
            );
            found.push((WebhookProblem::Events, detail));
        }
        Ok(found)
    }

    /// Returns the number of the newest participants without a webhook.
    async fn unseen(&self, target: &SyncTarget) -> Result<u64, SyncError> {
        let Some(store) = &self.store else { return Ok(0) };
        let now = self.clock.now();
        let (from, until) = (store.made_at().await?.max(now.minus(MAX_AGE)), now.minus(DELAY));
        let page = target.client.participants(&target.campaign.id, None).await?;
        let joined = |row: &Value| {
            let at = Listed::of(row).changed_at(Kind::Participant);
            at.is_some_and(|at| at >= from && at <= until)
        };
        let campaign = target.campaign.clone();
        let origin = Origin { campaign, at: now, filter: SendFilter::All, shares: false };
        let rows = page.rows.into_iter().filter(joined);
        let notifications: Vec<Notification> = rows
            .filter_map(|row| Row::new(Kind::Participant, row, &origin).notification().ok())
            .collect();
        let previews = store.preview(notifications, now).await?;
        let unseen = previews.iter().flatten().filter(|plan| {
            let effects = plan.lanes.iter().flat_map(|lane| &lane.calls);
            let mut effects = effects.filter_map(|call| call.effect.as_ref());
            effects.any(|effect| effect.0.starts_with("joined:"))
        });
        Ok(u64::try_from(unseen.count()).unwrap_or(u64::MAX))
    }
}
