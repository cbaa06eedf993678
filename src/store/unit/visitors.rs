//! Visitors, and what is left of them.

use std::collections::BTreeSet;

use crate::domain::{Person, PersonId};
use crate::store::rows::VisitorTraces;

use super::UnitBase;

/// Reads of the tables `people`, `mentions` and `lanes`, as far as they are about visitors.
pub(in crate::store) trait VisitorRows: UnitBase {
    /// Returns those of some people who have the identifier of a visitor, and holds them, but for those that
    /// another transaction holds.
    fn hold_visitors(
        &mut self,
        people: &BTreeSet<PersonId>,
    ) -> impl Future<Output = Result<Vec<Person>, Self::Fault>> + Send;

    /// Returns what is left of some people, also of those of whom nothing is.
    fn visitor_traces(
        &mut self,
        people: &[PersonId],
    ) -> impl Future<Output = Result<Vec<VisitorTraces>, Self::Fault>> + Send;
}
