//! Asking GrowSurf: history, comparison, and a watch over its webhooks.
//!
//! What belongs here: what is asked, how far it came, and what is said about it. Everything that
//! is found goes the way of a webhook, through the store's `accept`; effect keys make it meet what
//! webhooks told. What doesn't: GrowSurf's API itself (`growsurf::rest`), what rows lead to
//! (`mapping`).

mod backfill;
mod bookmark;
mod budget;
mod compare;
mod counted;
mod deletions;
mod intake;
mod late;
mod periodic;
mod rewards;
mod source;
mod tally;
mod watch;

pub use backfill::{Backfill, Events, History, Step, history};
pub use budget::{OwnBudget, SharedBudget};
pub use compare::{Compare, CompareRules, Depth};
pub use deletions::Deletions;
pub use intake::Intake;
pub use late::watch_lateness;
pub use periodic::{Periodic, PeriodicRules};
pub use source::{Named, Source, SourceError};
pub use tally::Tally;
pub use watch::{Finding, Problem, RELAY_PATHS, Watch, needed_events};

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
    Forget(#[from] crate::forget::ForgetError),
}
