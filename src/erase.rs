//! Forgetting a person: silence their lane, erase them at Customer.io if asked to, then here.
//!
//! What belongs here: the order of the steps, which makes each of them repeatable: as long as the
//! last hasn't ended, the store finds the person by the same address. What doesn't: what the store
//! erases (`store`), the requests (`customerio`), what is printed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::customerio::client::Client;
use crate::customerio::{erasure, response};
use crate::domain::{Clock, Email, Identifier, Outcome, Time};
use crate::store::{Erased, ErasureTarget, Store, StoreError};

/// Why a person isn't forgotten, or not wholly. Doing it again goes on with what is left.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call to them is under way for too long.
    #[error(
        "a call to them is under way, until {until} at the latest, and nothing but calls was erased \
         yet; run it again then, or let it wait with --wait"
    )]
    UnderWay {
        /// When its lease ends.
        until: Time,
    },
    /// Customer.io doesn't do it.
    #[error(
        "Customer.io didn't delete and suppress {identifier}, and nothing but calls was erased \
         here yet: {reason}; mend that and run it again, or run it without --delete-in-customerio"
    )]
    Destination {
        /// Whom, masked.
        identifier: String,
        /// Why.
        reason: String,
    },
}

/// How somebody is deleted and suppressed at Customer.io.
pub struct Deletion {
    /// The client.
    pub client: Client,
    /// Whether ids of participant metadata are trusted. A browser can write those, so without
    /// trust somebody could have another's profile deleted.
    pub trust_ids: bool,
}

/// What was done, to be handed out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErasureReceipt {
    /// When it was done; whoever joins later with the address is somebody new.
    pub at: Time,
    /// What was erased in the store.
    pub erased: Erased,
    /// Who was deleted and suppressed at Customer.io; empty if that wasn't asked for.
    pub deleted: Vec<Identifier>,
    /// Who wasn't, because the id comes from metadata that isn't trusted.
    pub spared: Vec<Identifier>,
}

/// How often a lane is looked at that somebody has leased.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Forgets whoever has this address. A call that is under way is waited for.
///
/// # Errors
/// See [`EraseError`].
pub async fn erase_person(
    store: &Store,
    clock: &dyn Clock,
    email: &Email,
    wait: Duration,
    deletion: Option<&Deletion>,
) -> Result<ErasureReceipt, EraseError> {
    let traced = store.find_subject(email).await?;
    let hushed = silence(store, clock, &traced, wait).await?;
    let (mut deleted, mut spared) = (Vec::new(), Vec::new());
    if let Some(Deletion { client, trust_ids }) = deletion {
        let addresses = traced.subject.emails.iter().cloned().map(Identifier::Email);
        let known = traced.people.values().cloned();
        for identifier in addresses.chain(known).collect::<BTreeSet<_>>() {
            if matches!(identifier, Identifier::Participant(_) | Identifier::Anonymous(_)) {
                // GrowSurf's, and a visitor's, whose events Customer.io deletes with the person that
                // they were joined with; it has nobody of that name.
                continue;
            }
            if matches!(identifier, Identifier::Id(_)) && !trust_ids {
                spared.push(identifier);
                continue;
            }
            delete(client, clock, &identifier).await?;
            deleted.push(identifier);
        }
    }
    let at = clock.now();
    let erased = store.erase(&traced, at).await?.and(hushed);
    Ok(ErasureReceipt { at, erased, deleted, spared })
}

/// Removes the calls that wait, until none is under way.
async fn silence(
    store: &Store,
    clock: &dyn Clock,
    traced: &ErasureTarget,
    wait: Duration,
) -> Result<Erased, EraseError> {
    let deadline = clock.steady() + wait;
    let mut erased = Erased::default();
    loop {
        let hushed = store.cancel_pending(traced, clock.now()).await?;
        erased = erased.and(hushed.erased);
        let Some(until) = hushed.under_way else { return Ok(erased) };
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
                let reason = outcome.reason().unwrap_or_default().to_owned();
                let identifier = identifier.masked();
                return Err(EraseError::Destination { identifier, reason });
            }
        }
    }
    Ok(())
}
