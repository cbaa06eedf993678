//! The backend: does use cases in transactions.
//!
//! What belongs here: what a use case of several transactions needs of a backend. What doesn't: the rules
//! of such a use case, which are in `work`.

use super::StoreError;
use super::unit::Work;

/// A store that does use cases in transactions.
pub(super) trait Backend: Send + Sync {
    /// Does a use case that only reads. It keeps no write waiting.
    fn read<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> impl Future<Output = Result<W::Output, StoreError>> + Send;

    /// Does a use case for which no sender waits, and returns after its commit.
    fn write<W: Work>(
        &self,
        doing: &'static str,
        work: W,
    ) -> impl Future<Output = Result<W::Output, StoreError>> + Send;
}
