//! Erasing a person: removes pending calls, erases them at Customer.io if asked to, then in the store.
//!
//! What belongs here: the order of the steps. Each can be repeated: until the last one ends, the store finds
//! the person by the same address. What doesn't: the store's own steps, requests, and output.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::customerio::client::Client;
use crate::customerio::{erasure, response};
use crate::domain::{Clock, Email, Identifier, LaneKey, Outcome, Time};
use crate::store::{Erased, ErasureTarget, Store, StoreError};

/// Reason why a person isn't erased, or not wholly. A repetition continues with what is left.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call to the person is in flight for too long.
    #[error(
        "a call to this person is in flight until {until} at the latest, and only calls are erased so \
         far; run the command again then, or raise --wait"
    )]
    UnderWay {
        /// The end of its lease.
        until: Time,
    },
    /// Customer.io refused.
    #[error(
        "Customer.io didn't delete and suppress {identifier}, and only calls are erased here so far: \
         {reason}; fix that and run the command again, or run it without --delete-in-customerio"
    )]
    Destination {
        /// The masked key.
        identifier: String,
        reason: String,
    },
}

/// Deleting and suppressing at Customer.io.
pub struct Deletion {
    pub client: Client,
    /// True if ids from participant metadata are trusted. A browser can write those, so an untrusted one
    /// could delete another's profile.
    pub trust_ids: bool,
}

/// The result of an erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErasureReceipt {
    /// The time of the erasure. A participant who joins later with the address is another person.
    pub at: Time,
    /// The counts of erased rows.
    pub erased: Erased,
    /// The people deleted and suppressed at Customer.io.
    pub deleted: Vec<Identifier>,
    /// The people spared there, because their id isn't trusted.
    pub spared: Vec<Identifier>,
}

/// The interval of checks for a leased lane.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Erases the person with an address, after waiting for a call under way.
///
/// # Errors
/// [`EraseError`].
pub async fn erase_person(
    store: &Store,
    clock: &dyn Clock,
    email: &Email,
    wait: Duration,
    deletion: Option<&Deletion>,
) -> Result<ErasureReceipt, EraseError> {
    let target = store.find_subject(email).await?;
    let canceled = cancel_pending(store, clock, &target, wait).await?;
    let (mut deleted, mut spared) = (Vec::new(), Vec::new());
    if let Some(Deletion { client, trust_ids }) = deletion {
        let addresses = target.subject.emails.iter().cloned().map(Identifier::Email);
        // Customer.io deletes a visitor's events with the person that they were joined with.
        let known = target.people.values().filter_map(LaneKey::identifier).cloned();
        for identifier in addresses.chain(known).collect::<BTreeSet<_>>() {
            if matches!(identifier, Identifier::Id(_)) && !trust_ids {
                spared.push(identifier);
                continue;
            }
            delete(client, clock, &identifier).await?;
            deleted.push(identifier);
        }
    }
    let at = clock.now();
    let erased = store.erase(&target, at).await?.and(canceled);
    Ok(ErasureReceipt { at, erased, deleted, spared })
}

/// Removes pending calls until none is under way.
async fn cancel_pending(
    store: &Store,
    clock: &dyn Clock,
    target: &ErasureTarget,
    wait: Duration,
) -> Result<Erased, EraseError> {
    let deadline = clock.steady() + wait;
    let mut erased = Erased::default();
    loop {
        let canceled = store.cancel_pending(target, clock.now()).await?;
        erased = erased.and(canceled.erased);
        let Some(until) = canceled.under_way else { return Ok(erased) };
        if clock.steady() >= deadline {
            return Err(EraseError::UnderWay { until });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn delete(
    client: &Client,
    clock: &dyn Clock,
    identifier: &Identifier,
) -> Result<(), EraseError> {
    for request in erasure::erasure(identifier) {
        let sent = client.send(&request).await;
        match response::single(&sent, clock.now()) {
            Outcome::Delivered => {}
            outcome => {
                let reason = outcome.masked_reason().unwrap_or_default();
                let identifier = identifier.masked();
                return Err(EraseError::Destination { identifier, reason });
            }
        }
    }
    Ok(())
}
