//! Single values, by key, and the kept numbers.

use crate::store::meta::Meta;
use crate::store::rows::Counters;

use super::UnitBase;

/// Reads of the tables `meta` and `counters`.
pub(in crate::store) trait MetaRows: UnitBase {
    /// Returns single values in the order in which they are asked for.
    fn metas(
        &mut self,
        which: &[Meta],
    ) -> impl Future<Output = Result<Vec<Option<String>>, Self::Fault>> + Send;

    /// Returns a single value and holds it, also if there is none yet.
    fn hold_meta(
        &mut self,
        which: Meta,
    ) -> impl Future<Output = Result<Option<String>, Self::Fault>> + Send;

    /// Returns the kept numbers, and when the oldest pending delivery was planned, all of one moment.
    fn numbers(
        &mut self,
    ) -> impl Future<Output = Result<(Counters, Option<i64>), Self::Fault>> + Send;
}
