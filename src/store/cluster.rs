//! Cluster: coordination of relays that share a store.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: the rules (`work`), and what
//! follows from another relay's status (`delivery`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::{DefaultOnError, serde_as};
use uuid::Uuid;

use crate::domain::{DestinationState, Time};

use super::work::{Heartbeat, Leave, TakeJob};
use super::{Store, StoreError};

/// The time after its last heartbeat for which a relay counts as alive. Each sends one a second.
pub const HEARTBEAT_TTL: Duration = Duration::from_secs(5);

impl Store {
    /// Stores this relay's status; returns those of the other relays that are alive, by the clock of the
    /// store. A file has only one relay.
    pub async fn heartbeat(
        &self,
        status: &PeerStatus,
        now: Time,
    ) -> Result<Vec<PeerStatus>, StoreError> {
        match self.is_shared() {
            true => self.write("tell other relays", Heartbeat(status.clone(), now)).await,
            false => Ok(Vec::new()),
        }
    }

    /// Removes this relay's status and gives up its jobs, so that the others go on without it at once.
    pub async fn leave(&self, relay: Uuid) -> Result<(), StoreError> {
        match self.is_shared() {
            true => self.write("leave other relays", Leave(relay)).await,
            false => Ok(()),
        }
    }

    /// Takes a job for some time, or goes on with it; false if another relay has it.
    pub async fn take_job(
        &self,
        job: ExclusiveJob,
        relay: Uuid,
        lasts: Duration,
        now: Time,
    ) -> Result<bool, StoreError> {
        match self.is_shared() {
            true => self.write("take a job", TakeJob { job, relay, lasts, now }).await,
            false => Ok(true),
        }
    }
}

/// The status of one relay.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerStatus {
    /// The relay. A new id at each start.
    #[serde(skip)]
    pub relay: Uuid,
    /// The number of times that it has seen the destination accept calls again after an outage of its own.
    pub recoveries: i64,
    /// The outage, if it sends nothing because of the destination. One that only a newer version knows is none.
    #[serde_as(deserialize_as = "DefaultOnError")]
    pub rest: Option<Outage>,
}

/// The reason why a relay sends nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outage {
    /// The kind: any but [`DestinationState::Running`].
    pub kind: DestinationState,
    /// Distinguishes one outage of a relay from its next.
    pub number: i64,
    /// The time for which the destination asked, if it did, as far as it isn't over.
    pub remaining: Duration,
    /// The destination's answer, for people.
    pub reason: String,
}

/// A job that only one of several relays does at a time.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum ExclusiveJob {
    /// Pruning payloads.
    Pruning,
    /// Asking GrowSurf what webhooks don't tell.
    Asking,
    /// The steps of operators' acts that take longer than a request.
    Acting,
}
