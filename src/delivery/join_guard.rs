//! Joining: a person is joined with an anonymous id only once everything of that id has gone out.
//!
//! What belongs here: whether one must still wait. What doesn't: planning them (`mapping`).
//!
//! Customer.io joins only what it has received by then, and in the five minutes that follow
//! (<https://docs.customer.io/journeys/anonymous-events/>).

use std::time::Duration;

use crate::domain::{Call, Class, Delivery, LaneKey};
use crate::store::{Store, StoreError};

/// How long it waits before it is looked at again.
pub(super) const WAIT: Duration = Duration::from_secs(1);

/// True if a call waits for those of an anonymous id; never, for any but a join.
///
/// What it waits for becomes as urgent as the lane that waits, whose class may have risen since the join
/// was planned: else the person's own events would wait behind those of pages.
///
/// # Errors
/// If the store can't tell; then it must wait.
pub(super) async fn is_blocked(
    store: &Store,
    delivery: &Delivery,
    class: Class,
) -> Result<bool, StoreError> {
    let Call::Join { anonymous_id, .. } = &delivery.call else { return Ok(false) };
    let visitor = LaneKey::Visitor(anonymous_id.clone());
    let waits = store.has_pending(&visitor).await?;
    if waits && class < Class::Page {
        store.raise(&visitor, class).await?;
    }
    Ok(waits)
}
