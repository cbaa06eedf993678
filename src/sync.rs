//! Asking GrowSurf: history, comparison, and a watch over its webhooks.
//!
//! What belongs here: what is asked, how far it came, and what is said about it. Everything that
//! is found goes the way of a webhook, through the store's `accept`; effect keys make it meet what
//! webhooks told. What doesn't: GrowSurf's API itself (`growsurf::rest`), what rows lead to
//! (`mapping`).

mod backfill;
mod checkpoint;
mod counted;
mod deletions;
mod intake;
mod late;
mod periodic;
mod rate_limit;
mod reconcile;
mod report;
mod rewards;
mod source;
mod webhook_monitor;

pub use backfill::{Backfill, Events, History, Step, history};
pub use deletions::Deletions;
pub use intake::Intake;
pub use late::watch_lateness;
pub use periodic::{Periodic, PeriodicRules};
pub use rate_limit::{LocalRateLimit, SharedRateLimit};
pub use reconcile::{CompareRules, Reconcile, Scope};
pub use report::SyncReport;
pub use source::{CampaignClient, Source, SourceError};
pub use webhook_monitor::{
    Finding, Problem, RELAY_PATHS, SeenFinding, SeenWebhooks, WebhookMonitor, needed_events,
};

use crate::growsurf::rest::RestError;
use crate::store::StoreError;

/// Why asking GrowSurf came to nothing, or to an end too early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// GrowSurf.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody who is to be forgotten isn't.
    #[error(transparent)]
    Forget(#[from] crate::erase::EraseError),
}
