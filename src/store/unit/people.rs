//! Participants in pages, and visitors with what is left of them.

use std::collections::BTreeSet;

use crate::domain::{Person, PersonId};
use crate::store::rows::VisitorTraces;

use super::UnitBase;

/// Reads of the tables `participants`, `people`, `mentions` and `lanes`, but for those of plans.
pub(in crate::store) trait PeopleRows: UnitBase {
    /// Returns GrowSurf's ids of the participants of a campaign, in their order, those behind one.
    fn participants_after(
        &mut self,
        campaign: &str,
        after: &str,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<String>, Self::Fault>> + Send;

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
