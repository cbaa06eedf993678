//! The guard of joins: a person is joined with a visitor once all the visitor's own calls were sent.
//!
//! Customer.io joins only events that it has received before, or receives in the five minutes after
//! (<https://docs.customer.io/journeys/anonymous-events/>).

use std::time::Duration;

use crate::domain::{Call, Class, Delivery, LaneKey};
use crate::store::{Store, StoreError};

/// The wait before another check.
pub(super) const WAIT: Duration = Duration::from_secs(1);

/// True if a join must wait for the visitor's own calls; never for other calls.
///
/// The visitor's lane gets the class of the waiting one. Otherwise the person's own events would wait behind
/// pages'.
///
/// # Errors
/// The store's; then the call must wait.
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
