//! Dead letters and their attempts.

use crate::domain::DeliveryId;
use crate::store::PastAttempt;
use crate::store::rows::{LetterRow, PersonLetters};

use super::UnitBase;

/// Reads of the tables `dead_letters` and `attempts`.
pub(in crate::store) trait LetterRows: UnitBase {
    /// Returns dead letters before one, the newest first.
    fn letters(
        &mut self,
        before: DeliveryId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LetterRow>, Self::Fault>> + Send;

    /// Returns the attempts of a delivery, oldest first.
    fn attempts(
        &mut self,
        delivery: DeliveryId,
    ) -> impl Future<Output = Result<Vec<PastAttempt>, Self::Fault>> + Send;

    /// Returns which dead letters there are after one, the oldest first.
    fn letters_after(
        &mut self,
        last: DeliveryId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DeliveryId>, Self::Fault>> + Send;

    /// Returns rows of deliveries that have dead letters, by number. Holds their lanes, then the rows.
    fn hold_letters(
        &mut self,
        rows: &[i64],
    ) -> impl Future<Output = Result<Vec<PersonLetters>, Self::Fault>> + Send;
}
