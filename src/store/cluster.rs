//! Company: what relays that deliver from one store tell each other, and who does what but one may
//! do.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: what a relay makes of
//! what it hears (`delivery`).

use std::time::Duration;

use uuid::Uuid;

use crate::domain::{DestinationState, Time};

use super::engine::Backend;
use super::{Store, StoreError};

/// For how long a relay that says nothing counts as there. Each speaks once a second.
pub const HEARTBEAT_TTL: Duration = Duration::from_secs(5);

impl Store {
    /// Tells the others of this relay, and what they last told: each that was heard of within
    /// [`HEARTBEAT_TTL`], by the clock of the store. A file is one relay's, so there is nobody else.
    pub async fn heartbeat(
        &self,
        told: &PeerStatus,
        now: Time,
    ) -> Result<Vec<PeerStatus>, StoreError> {
        match &self.backend {
            Backend::File(_) => Ok(Vec::new()),
            Backend::Server(server) => server.heartbeat(told, now).await,
            #[cfg(test)]
            Backend::Memory(_) => Ok(Vec::new()),
        }
    }

    /// Says goodbye: the others go on without this relay at once.
    pub async fn leave(&self, relay: Uuid) -> Result<(), StoreError> {
        match &self.backend {
            Backend::File(_) => Ok(()),
            Backend::Server(server) => server.leave(relay).await,
            #[cfg(test)]
            Backend::Memory(_) => Ok(()),
        }
    }

    /// Takes a job for so long, or goes on with it; `false` if another relay has it.
    pub async fn take_job(
        &self,
        job: ExclusiveJob,
        relay: Uuid,
        lasts: Duration,
        now: Time,
    ) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::File(_) => Ok(true),
            Backend::Server(server) => server.take_job(job, relay, lasts, now).await,
            #[cfg(test)]
            Backend::Memory(_) => Ok(true),
        }
    }
}

/// What one relay tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// Which relay; a new one at each start.
    pub relay: Uuid,
    /// How often it has seen the destination take calls again after a rest of its own.
    pub recoveries: i64,
    /// Why it sends nothing, if it doesn't because of the destination.
    pub rest: Option<Outage>,
}

/// Why a relay sends nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outage {
    /// The kind: any but [`DestinationState::Running`].
    pub kind: DestinationState,
    /// Tells one rest of a relay from its next.
    pub number: i64,
    /// How much longer the destination asked for, if it did.
    pub remaining: Duration,
    /// What the destination said, for people.
    pub reason: String,
}

/// What only one of several relays does at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ExclusiveJob {
    /// Pruning payloads.
    Pruning,
    /// Asking GrowSurf what webhooks don't tell.
    Asking,
}
