//! Cluster: coordination of relays that share a store.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: what follows from another relay's
//! status (`delivery`). The relays' status and the relay that has a job are single values, held while they change,
//! so that relays change them one after the other. Times are by the clock of lanes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_with::{DefaultOnError, serde_as};
use strum::VariantArray;
use uuid::Uuid;

use crate::domain::{DestinationState, Labelled, Time};

use super::engine::Backend;
use super::meta::RELAYS;
use super::record::unreadable;
use super::rows::{duration, micros};
use super::unit::{Unit, Work};
use super::work::{UpdateValue, ValueChange};
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
        if !self.is_shared() {
            return Ok(Vec::new());
        }
        let (relay, own) = (status.relay.to_string(), status.clone());
        let change = move |relays: Option<Relays>, now| {
            let mut relays = relays.unwrap_or_default();
            relays.retain(|_, status| status.is_alive(now));
            relays.insert(relay.clone(), KeptStatus { seen_at: now, status: own.clone() });
            Some(relays)
        };
        let relays = self.update("exchange heartbeats", RELAYS, now, change).await?;
        let mut relays = relays.unwrap_or_default();
        let now = relays.remove(&status.relay.to_string()).map_or(0, |own| own.seen_at);
        relays.into_iter().map(|(relay, status)| status.status(&relay, now)).collect()
    }

    /// Removes this relay's status and gives up its jobs, so that the others go on without it at once. Goes in
    /// pieces.
    pub async fn leave(&self, relay: Uuid) -> Result<(), StoreError> {
        const DOING: &str = "leave the cluster";
        if !self.is_shared() {
            return Ok(());
        }
        let relay = relay.to_string();
        for job in ExclusiveJob::VARIANTS {
            let own = relay.clone();
            let change = move |holder: Option<Holder>, _| holder.filter(|it| it.relay != own);
            self.update(DOING, job.label(), Time::default(), change).await?;
        }
        let change = move |relays: Option<Relays>, _| {
            let mut relays = relays.unwrap_or_default();
            relays.remove(&relay);
            Some(relays)
        };
        self.update(DOING, RELAYS, Time::default(), change).await.map(drop)
    }

    /// Takes a job for some time, or goes on with it; false if another relay has it.
    pub async fn take_job(
        &self,
        job: ExclusiveJob,
        relay: Uuid,
        lasts: Duration,
        now: Time,
    ) -> Result<bool, StoreError> {
        if !self.is_shared() {
            return Ok(true);
        }
        let (relay, own) = (relay.to_string(), relay.to_string());
        let change = move |holder: Option<Holder>, now: i64| {
            let other = holder.filter(|holder| holder.relay != own && holder.until > now);
            let until = now.saturating_add(micros(lasts));
            Some(other.unwrap_or_else(|| Holder { relay: own.clone(), until }))
        };
        let holder = self.update("take a job", job.label(), now, change).await?;
        Ok(holder.is_some_and(|holder| holder.relay == relay))
    }

    /// True if a live process delivers from this store. If none does, this process has a file's right to
    /// deliver from now on.
    pub async fn is_attended(&self, now: Time) -> Result<bool, StoreError> {
        match &*self.backend {
            Backend::File(file) => file.is_attended(),
            _ => self.read("be attended", HasRelays(now)).await,
        }
    }

    /// Changes a single value that is kept as JSON, and returns the new one.
    async fn update<T: Serialize + DeserializeOwned>(
        &self,
        doing: &'static str,
        key: &str,
        now: Time,
        change: impl Fn(Option<T>, i64) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Option<T>, StoreError> {
        let change = move |before: Option<&str>, now| {
            let after = change(before.map(read).transpose()?, now);
            let text = after.map(|after| serde_json::to_string(&after)).transpose();
            text.map_err(|error| unreadable("a single value", error))
        };
        let (key, change): (_, ValueChange) = (key.to_owned(), Arc::new(change));
        let after = self.write(doing, UpdateValue { key, now, change }).await?;
        after.as_deref().map(read).transpose()
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable("a single value", error))
}

/// The check for a live relay's heartbeat, see [`Store::is_attended`].
pub(super) struct HasRelays(pub(super) Time);

impl Work for HasRelays {
    type Output = bool;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<bool, U::Fault> {
        let now = unit.by_lanes(self.0, self.0);
        let relays = unit.values(&[RELAYS.to_owned()]).await?.pop().flatten();
        let relays: Relays = relays.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(relays.values().any(|status| status.is_alive(now)))
    }
}

type Relays = BTreeMap<String, KeptStatus>;

/// A relay's status, and the time of its heartbeat.
#[derive(Serialize, Deserialize)]
struct KeptStatus {
    seen_at: i64,
    status: PeerStatus,
}

/// The relay that has a job, and until when.
#[derive(Serialize, Deserialize)]
struct Holder {
    relay: String,
    until: i64,
}

impl KeptStatus {
    fn is_alive(&self, now: i64) -> bool {
        self.seen_at >= now.saturating_sub(micros(HEARTBEAT_TTL))
    }

    fn status(self, relay: &str, now: i64) -> Result<PeerStatus, StoreError> {
        let relay = relay.parse().map_err(|error| unreadable("a single value", error))?;
        let mut status = PeerStatus { relay, ..self.status };
        if let Some(outage) = &mut status.outage {
            let since = duration(now.saturating_sub(self.seen_at));
            outage.remaining = outage.remaining.saturating_sub(since);
        }
        Ok(status)
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
    pub outage: Option<Outage>,
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

/// A job that only one of several relays does at a time. Its label is the key of the relay that has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", prefix = "job_")]
pub enum ExclusiveJob {
    /// Pruning payloads.
    Pruning,
    /// The comparison with GrowSurf.
    Asking,
    /// The steps of operators' acts that take longer than a request.
    Acting,
    /// Summing up people.
    Summing,
}
