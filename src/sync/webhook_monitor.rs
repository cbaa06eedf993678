//! The watch over GrowSurf's webhooks: they are switched off without a word to anybody else.
//!
//! What belongs here: one look at a campaign, and what it finds. What doesn't: mending, which is an
//! operator's, and the rhythm (`periodic`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::source::Source;
use super::{SyncError, checkpoint};
use crate::domain::{Clock, Labelled, Notification, SendFilter, Time};
use crate::growsurf::rest::{RestError, WebhookState};
use crate::sources::growsurf_api::{Kind, Origin, Row};
use crate::store::{Store, StoreError};

/// The paths that the relay takes webhooks on.
pub const RELAY_PATHS: [&str; 2] = ["/webhooks/growsurf", "/api/growsurf-to-cio"];

/// How long a webhook may take before somebody who joined counts as unseen.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// How far back unseen joins are looked for: later ones are another failure's.
const LOOK_BACK: Duration = Duration::from_secs(24 * 60 * 60);

/// What can be wrong.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Problem {
    /// GrowSurf can't be asked.
    Unknown,
    /// No webhook comes to the relay.
    Missing,
    /// It is off.
    Disabled,
    /// GrowSurf switched it off because it failed too often.
    AutoDisabled,
    /// It fails.
    Failing,
    /// It isn't subscribed to all that the relay needs.
    Events,
    /// GrowSurf's own integration writes to Customer.io as well.
    DoubleWriter,
    /// Somebody joined, and no webhook told.
    Unseen,
}

impl Problem {
    /// Whether the relay is told nothing as long as it lasts.
    pub fn is_grave(self) -> bool {
        matches!(self, Self::Missing | Self::Disabled | Self::AutoDisabled | Self::Events)
    }
}

/// Something that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The campaign's id.
    pub campaign: String,
    /// What is wrong; `None` if nothing is.
    pub problem: Option<Problem>,
    /// In words, with the mend.
    pub detail: String,
}

/// The findings of one look at the webhooks, as they are kept for whoever looks later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SeenWebhooks {
    /// The time of the look.
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
    /// Returns the findings of the last look of the relay that runs.
    ///
    /// # Errors
    /// The store's.
    pub async fn last(store: &Store) -> Result<Option<Self>, StoreError> {
        checkpoint::find(store, SEEN).await
    }

    /// Keeps findings in place of those before.
    pub(super) async fn keep(
        store: &Store,
        findings: &[Finding],
        at: Time,
    ) -> Result<(), StoreError> {
        let seen = |it: &Finding| SeenFinding {
            campaign: it.campaign.clone(),
            problem: it.problem.map(|problem| problem.label().to_owned()),
            detail: it.detail.clone(),
        };
        let seen = Self { at, findings: findings.iter().map(seen).collect() };
        checkpoint::keep(store, SEEN, &seen).await
    }
}

/// The events that the relay needs of a campaign, to tell all that can be told.
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

/// Looks after campaigns' webhooks.
#[derive(Clone)]
pub struct WebhookMonitor {
    /// The store, which knows who was told of; without one that isn't asked.
    pub store: Option<Arc<Store>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where GrowSurf sends webhooks, if its path isn't one of the relay's own.
    pub url: Option<Url>,
}

impl WebhookMonitor {
    /// The webhooks of a campaign that come to the relay.
    ///
    /// # Errors
    /// GrowSurf's.
    pub async fn ours(&self, source: &Source) -> Result<Vec<WebhookState>, RestError> {
        let all = source.client.webhooks(&source.campaign.id).await?;
        Ok(all.into_iter().filter(|webhook| self.is_ours(webhook)).collect())
    }

    fn is_ours(&self, webhook: &WebhookState) -> bool {
        let Ok(url) = Url::parse(&webhook.url) else { return false };
        match &self.url {
            Some(named) => url == *named,
            None => RELAY_PATHS.contains(&url.path().trim_end_matches('/')),
        }
    }

    /// Looks at one campaign: four requests.
    ///
    /// # Errors
    /// GrowSurf's, or the store's.
    pub async fn look(&self, source: &Source) -> Result<Vec<Finding>, SyncError> {
        let campaign = source.campaign.id.clone();
        let finding = |problem, detail: String| Finding {
            campaign: campaign.clone(),
            problem: Some(problem),
            detail,
        };
        let mut findings: Vec<Finding> = self
            .webhook(source)
            .await?
            .into_iter()
            .map(|(problem, detail)| finding(problem, detail))
            .collect();
        let integrations = source.client.integrations(&source.campaign.id).await?;
        if integrations.iter().any(|it| it.id == "customerio" && it.is_enabled) {
            let detail = "GrowSurf's own Customer.io integration is on as well: two writers of one \
                          profile; switch it off in GrowSurf, or mind the names of attributes";
            findings.push(finding(Problem::DoubleWriter, detail.to_owned()));
        }
        let unseen = self.unseen(source).await?;
        if unseen > 0 {
            let detail = format!(
                "{unseen} of the newest participants joined more than {} min ago, and no webhook \
                 told of them; `referral-relay sync` takes them in",
                PATIENCE.as_secs() / 60
            );
            findings.push(finding(Problem::Unseen, detail));
        }
        if findings.is_empty() {
            let detail = "its webhook is on, and told of everybody who joined".to_owned();
            findings.push(Finding { campaign: campaign.clone(), problem: None, detail });
        }
        Ok(findings)
    }

    async fn webhook(&self, source: &Source) -> Result<Vec<(Problem, String)>, RestError> {
        let ours = self.ours(source).await?;
        let Some(webhook) = ours.iter().find(|it| it.is_enabled).or(ours.first()) else {
            let detail = "none of its webhooks goes to a path of the relay's; add one in GrowSurf \
                          (Program Editor, Options, Webhooks), or name its URL in \
                          growsurf.webhook_url";
            return Ok(vec![(Problem::Missing, detail.to_owned())]);
        };
        let mut found = Vec::new();
        let mend = "`referral-relay webhook enable` switches it on";
        if webhook.is_auto_disabled && !webhook.is_enabled {
            let detail = format!(
                "GrowSurf switched its webhook off after {} failures; {mend}, and \
                 `referral-relay sync` takes in what was missed",
                webhook.failures
            );
            found.push((Problem::AutoDisabled, detail));
        } else if !webhook.is_enabled {
            found.push((Problem::Disabled, format!("its webhook is off; {mend}")));
        } else if webhook.failures > 0 {
            let detail = format!(
                "its webhook failed {} times in a row; GrowSurf switches it off if that goes on",
                webhook.failures
            );
            found.push((Problem::Failing, detail));
        }
        let subscribed: BTreeSet<&str> = webhook.events.iter().map(String::as_str).collect();
        let needed = needed_events(source.campaign.is_affiliate()).iter().copied();
        let missing: Vec<&str> = needed.filter(|event| !subscribed.contains(event)).collect();
        if !missing.is_empty() {
            let detail = format!(
                "its webhook isn't subscribed to {}; `referral-relay webhook enable` subscribes it",
                missing.join(", ")
            );
            found.push((Problem::Events, detail));
        }
        Ok(found)
    }

    /// How many of the newest participants joined and weren't told of.
    async fn unseen(&self, source: &Source) -> Result<u64, SyncError> {
        let Some(store) = &self.store else { return Ok(0) };
        let now = self.clock.now();
        let (from, until) = (store.made_at().await?.max(now.minus(LOOK_BACK)), now.minus(PATIENCE));
        let page = source.client.participants(&source.campaign.id, None).await?;
        let joined = |row: &serde_json::Value| {
            let at = row["createdAt"].as_i64().map(Time::from_millis);
            at.is_some_and(|at| at >= from && at <= until)
        };
        let campaign = source.campaign.clone();
        let origin = Origin { campaign, at: now, tell: SendFilter::All, shares: false };
        let rows = page.rows.into_iter().filter(joined);
        let news: Vec<Notification> = rows
            .filter_map(|row| Row::new(Kind::Participant, row, &origin).notification().ok())
            .collect();
        let previews = store.preview(news, now).await?;
        let unseen = previews.iter().flatten().filter(|plan| {
            let effects = plan.lanes.iter().flat_map(|lane| &lane.calls);
            let mut effects = effects.filter_map(|call| call.effect.as_ref());
            effects.any(|effect| effect.0.starts_with("joined:"))
        });
        Ok(u64::try_from(unseen.count()).unwrap_or(u64::MAX))
    }
}
