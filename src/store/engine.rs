//! The engine: does use cases in transactions of a backend.
//!
//! What belongs here: what use cases and the batcher need of an engine. What doesn't: engines, which are in
//! the backends.

use super::StoreError;
use super::unit::Work;

/// The party that waits for a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Priority {
    /// A sender of webhooks, who is answered only after the commit.
    Accept,
    /// The relay itself, or an operator.
    Rest,
}

/// Transactions of a backend.
pub(super) trait Engine: Send + Sync + 'static {
    /// Does a use case in a transaction, and returns after its commit.
    fn write<W: Work>(
        &self,
        priority: Priority,
        doing: &'static str,
        work: W,
    ) -> impl Future<Output = Result<W::Output, StoreError>> + Send;
}
