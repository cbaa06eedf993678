//! Merges: looked at once more before they go, because they can't be undone.
//!
//! What belongs here: whether one may still go. What doesn't: planning them (`mapping`).

use crate::domain::{Attempt, Call, Delivery, Identifier, Leased, Outcome, ReadKey, Time};
use crate::store::{Store, StoreError};

/// The attempt of a merge that mustn't go any more; `None` if it may, and for any other call.
///
/// The former address may be somebody else's by now, whose profile would be merged away; or the
/// person's own again.
///
/// # Errors
/// If the store can't tell; then it must wait.
pub(super) async fn blocked(
    store: &Store,
    lease: &Leased,
    delivery: &Delivery,
    now: Time,
) -> Result<Option<Attempt>, StoreError> {
    let Call::Merge { from, .. } = &delivery.call else { return Ok(None) };
    let outcome = if lease.key.identifier() == Some(from) {
        Outcome::Delivered
    } else if store.person(&ReadKey::Lane(from.clone().into())).await?.is_some() {
        rejected(from)
    } else {
        return Ok(None);
    };
    let took = std::time::Duration::ZERO;
    Ok(Some(Attempt { at: now, took, http_status: None, outcome }))
}

fn rejected(from: &Identifier) -> Outcome {
    let reason = format!(
        "{} is somebody else's address by now, so the profile under it isn't merged; look at both \
         in Customer.io",
        from.masked()
    );
    Outcome::Rejected { reason, field: Some("secondary".to_owned()) }
}
