//! Notes: small texts by name.

use super::UnitBase;

/// Reads of the table `notes`.
pub(in crate::store) trait NoteRows: UnitBase {
    /// Returns the note of this name.
    fn note(
        &mut self,
        name: &str,
    ) -> impl Future<Output = Result<Option<String>, Self::Fault>> + Send;

    /// Returns the note of this name and holds it, also if there is none yet.
    fn hold_note(
        &mut self,
        name: &str,
    ) -> impl Future<Output = Result<Option<String>, Self::Fault>> + Send;
}
