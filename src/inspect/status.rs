//! The running relay: its destinations, its queue, and its last webhook.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::alarms::{Alarm, Facts, Vitals, alarms};
use super::webhook::WebhookView;
use super::{Inspector, Show};
use crate::domain::{Labelled, Source, Time, plural};
use crate::store::{DestinationReport, Entries, StoreError, WebhookStatus};
use crate::sync::{SeenFinding, SeenWebhooks};

/// The relay as its store knows it.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct RelayStatus {
    /// True if a relay delivers from the store now.
    pub is_running: bool,
    /// The present time.
    #[serde_as(as = "DisplayFromStr")]
    pub at: Time,
    /// The alarms, the most urgent first.
    pub alarms: Vec<Alarm>,
    /// The destinations, as the relay that delivers last saw them.
    pub destinations: Vec<DestinationView>,
    /// The calls and webhooks that wait.
    pub queue: QueueView,
    /// The newest webhook of GrowSurf's.
    pub last_webhook: Option<WebhookView>,
    /// GrowSurf's webhooks, as the relay last saw them there.
    pub growsurf: Option<GrowsurfView>,
    /// The size of the store in bytes.
    pub store_bytes: u64,
}

#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct DestinationView {
    /// Its name.
    pub destination: &'static str,
    /// `running`, `paused`, `broken` or `halted`.
    pub state: &'static str,
    /// The time of the last change.
    #[serde_as(as = "DisplayFromStr")]
    pub since: Time,
    /// The reason, if it is halted.
    pub reason: Option<String>,
}

/// Calls and webhooks that wait.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct QueueView {
    /// Pending calls.
    pub pending: u64,
    /// The time when the oldest of them was planned.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub oldest: Option<Time>,
    /// The time from which on the next of their events triggers no campaign; in the past if all are too late.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub passes_72_h_at: Option<Time>,
    /// Dead letters.
    pub dead: u64,
    /// Parked webhooks.
    pub parked: u64,
}

/// GrowSurf's webhooks.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct GrowsurfView {
    /// The time of the check.
    #[serde_as(as = "DisplayFromStr")]
    pub seen_at: Time,
    pub findings: Vec<SeenFinding>,
}

impl From<DestinationReport> for DestinationView {
    fn from(it: DestinationReport) -> Self {
        Self {
            destination: it.destination.label(),
            state: it.state.label(),
            since: it.since,
            reason: Some(it.reason).filter(|reason| !reason.is_empty()),
        }
    }
}

impl RelayStatus {
    /// Returns the state of the relay, as a sentence.
    pub fn headline(&self) -> String {
        let down = self.destinations.iter().find(|it| it.state != "running");
        let queue = &self.queue;
        match (self.is_running, down) {
            (false, _) if queue.pending > 0 => format!(
                "No relay is running on this store (waiting: {}): start `referral-relay serve`.",
                plural(queue.pending, "call")
            ),
            (false, _) => {
                "No relay is running on this store: start `referral-relay serve`.".to_owned()
            }
            (true, Some(down)) => format!(
                "A relay is running, and {} has been {} since {}.",
                down.destination, down.state, down.since
            ),
            (true, None) => "A relay is running.".to_owned(),
        }
    }
}

impl Inspector {
    /// Returns the state of the relay; `vitals` are the facts that only the relay or the face knows.
    ///
    /// # Errors
    /// The store's.
    pub async fn status(&self, vitals: &Vitals) -> Result<RelayStatus, StoreError> {
        let stats = self.store.stats().await?;
        let reports = self.store.destination_reports().await?.into_iter();
        let destinations: Vec<DestinationView> = reports.map(DestinationView::from).collect();
        let newest = self.store.newest(Source::Growsurf).await?;
        let last = newest
            .map(|entry| WebhookView::of(WebhookStatus { entry, calls: Vec::new() }, Show::Masked));
        let seen = SeenWebhooks::last(&self.store).await?;
        let queue = QueueView {
            pending: stats.pending,
            oldest: stats.oldest_pending,
            passes_72_h_at: self.store.deadline(self.now).await?,
            dead: stats.dead,
            parked: stats.parked,
        };
        let newest_dead = match queue.dead {
            0 => None,
            _ => self.store.dead_letters(None, 1).await?.pop().map(|letter| letter.died_at),
        };
        let newest_parked = match queue.parked {
            0 => None,
            _ => {
                let newest = self.store.entries(Entries::Parked, None, 1).await?.pop();
                newest.map(|entry| entry.received_at)
            }
        };
        let alarms = alarms(&Facts {
            now: self.now,
            vitals,
            destinations: &destinations,
            queue: &queue,
            seen: seen.as_ref(),
            late_warning: self.late_warning,
            looks_every: self.looks_every,
            newest: (newest_dead, newest_parked),
        });
        Ok(RelayStatus {
            is_running: vitals.is_running,
            at: self.now,
            alarms,
            destinations,
            queue,
            last_webhook: last,
            growsurf: seen
                .map(|SeenWebhooks { at, findings }| GrowsurfView { seen_at: at, findings }),
            store_bytes: self.store.bytes().await?,
        })
    }
}
