//! The guard of merges, which can't be undone.

use crate::domain::{Attempt, Call, Delivery, Identifier, Leased, Outcome, ReadKey, Time};
use crate::store::{Store, StoreError};

/// Returns the attempt of a merge that may not be sent any more; `None` for every call that may.
///
/// By now the former address may be another person's, or the person's own again.
///
/// # Errors
/// The store's; then the call must wait.
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
    Ok(Some(Attempt::unsent(now, outcome)))
}

fn rejected(from: &Identifier) -> Outcome {
    let reason = format!(
        "{} is another person's address by now, so the profile under it isn't merged; compare both \
         in Customer.io",
        from.masked()
    );
    Outcome::Rejected { reason, field: Some("secondary".to_owned()) }
}
