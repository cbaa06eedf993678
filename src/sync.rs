//! Synchronisation with GrowSurf: backfill, comparison, and the monitor of its webhooks.
//!
//! What belongs here: the requests, their progress, and reports. Rows go through the store's `accept` like
//! webhooks, and effect keys make them meet. What doesn't: the API (`growsurf::rest`), and the events of rows
//! (`mapping`).

mod backfill;
mod checkpoint;
mod compared;
mod deletions;
mod intake;
mod late;
mod listed;
mod lists;
mod periodic;
mod rate_limit;
mod reconcile;
mod report;
mod rewards;
mod target;
mod webhook_monitor;

pub use backfill::{Backfill, Events, History, Step, history};
pub use compared::{Compared, Difference, Numbers};
pub use deletions::Deletions;
pub use intake::Intake;
pub use late::watch_lateness;
pub use periodic::{Periodic, PeriodicRules};
pub use rate_limit::{LocalRateLimit, SharedRateLimit};
pub use reconcile::{CompareRules, Reconcile, Scope};
pub use report::SyncReport;
pub use target::{CampaignClient, SyncTarget, SyncTargetError};
pub use webhook_monitor::{
    RELAY_PATHS, SeenFinding, SeenWebhooks, WebhookFinding, WebhookMonitor, WebhookProblem,
    needed_events,
};

use crate::growsurf::rest::RestError;
use crate::store::StoreError;

/// Reason for an early end.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// A request failed.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An erasure failed.
    #[error(transparent)]
    Forget(#[from] crate::erase::EraseError),
}
