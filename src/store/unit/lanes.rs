//! Lanes and their deliveries.

use super::UnitBase;

/// Reads of the tables `lanes` and `deliveries`.
pub(in crate::store) trait LaneRows: UnitBase {
    /// True if something is pending for the person of this identifier, as the table of people has it.
    fn has_pending(
        &mut self,
        identifier: &str,
    ) -> impl Future<Output = Result<bool, Self::Fault>> + Send;
}
