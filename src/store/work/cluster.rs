//! Cluster: the status of each relay, and which relay has a job.
//!
//! Both are single values, held while they change, so that relays change them one after the other. Times are
//! by the clock of lanes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::VariantArray;
use uuid::Uuid;

use crate::domain::Time;
use crate::store::meta::Meta;
use crate::store::rows::{Changes, duration, micros};
use crate::store::unit::{Unit, Work};
use crate::store::{ExclusiveJob, HEARTBEAT_TTL, PeerStatus, StoreError, record};

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

type Relays = BTreeMap<String, KeptStatus>;

impl KeptStatus {
    fn is_alive(&self, now: i64) -> bool {
        self.seen_at >= now.saturating_sub(micros(HEARTBEAT_TTL))
    }

    fn status(self, relay: &str, now: i64) -> Result<PeerStatus, StoreError> {
        let relay = relay.parse().map_err(|error| record::unreadable("a single value", error))?;
        let mut status = PeerStatus { relay, ..self.status };
        if let Some(outage) = &mut status.rest {
            let since = duration(now.saturating_sub(self.seen_at));
            outage.remaining = outage.remaining.saturating_sub(since);
        }
        Ok(status)
    }
}

/// See [`Store::heartbeat`](crate::store::Store::heartbeat).
pub(in crate::store) struct Heartbeat(pub(in crate::store) PeerStatus, pub(in crate::store) Time);

impl Work for Heartbeat {
    type Output = Vec<PeerStatus>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<PeerStatus>, U::Fault> {
        let Self(own, now) = self;
        let now = unit.by_lanes(*now, *now);
        let mut relays: Relays = held(unit, Meta::Relays).await?.unwrap_or_default();
        relays.retain(|_, status| status.is_alive(now));
        let relay = own.relay.to_string();
        relays.insert(relay.clone(), KeptStatus { seen_at: now, status: own.clone() });
        let value = Some(text(&relays)?);
        unit.write(Changes { metas: vec![(Meta::Relays, value)], ..Changes::default() }).await?;
        relays.remove(&relay);
        let others = relays.into_iter().map(|(relay, status)| status.status(&relay, now));
        Ok(others.collect::<Result<_, _>>()?)
    }
}

/// True if a relay that is alive has told of itself. See
/// [`Store::is_attended`](crate::store::Store::is_attended).
pub(in crate::store) struct HasRelays(pub(in crate::store) Time);

impl Work for HasRelays {
    type Output = bool;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<bool, U::Fault> {
        let now = unit.by_lanes(self.0, self.0);
        let relays = unit.metas(&[Meta::Relays]).await?.pop().flatten();
        let relays: Relays = relays.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(relays.values().any(|status| status.is_alive(now)))
    }
}

/// See [`Store::leave`](crate::store::Store::leave).
pub(in crate::store) struct Leave(pub(in crate::store) Uuid);

impl Work for Leave {
    type Output = ();

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<(), U::Fault> {
        let mut relays: Relays = held(unit, Meta::Relays).await?.unwrap_or_default();
        let relay = self.0.to_string();
        relays.remove(&relay);
        let mut metas = vec![(Meta::Relays, Some(text(&relays)?))];
        for job in ExclusiveJob::VARIANTS.iter().copied().map(Meta::Job) {
            let holder: Option<Holder> = held(unit, job).await?;
            if holder.is_some_and(|holder| holder.relay == relay) {
                metas.push((job, None));
            }
        }
        unit.write(Changes { metas, ..Changes::default() }).await
    }
}

/// See [`Store::take_job`](crate::store::Store::take_job).
pub(in crate::store) struct TakeJob {
    pub(in crate::store) job: ExclusiveJob,
    pub(in crate::store) relay: Uuid,
    pub(in crate::store) lasts: Duration,
    pub(in crate::store) now: Time,
}

impl Work for TakeJob {
    type Output = bool;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<bool, U::Fault> {
        let (job, now) = (Meta::Job(self.job), unit.by_lanes(self.now, self.now));
        let relay = self.relay.to_string();
        let holder: Option<Holder> = held(unit, job).await?;
        if holder.is_some_and(|holder| holder.relay != relay && holder.until > now) {
            return Ok(false);
        }
        let until = now.saturating_add(micros(self.lasts));
        let value = Some(text(&Holder { relay, until })?);
        unit.write(Changes { metas: vec![(job, value)], ..Changes::default() }).await?;
        Ok(true)
    }
}

/// Reads a single value and holds it.
async fn held<U: Unit, T: for<'a> Deserialize<'a>>(
    unit: &mut U,
    meta: Meta,
) -> Result<Option<T>, U::Fault> {
    Ok(unit.hold_meta(meta).await?.as_deref().map(read).transpose()?)
}

fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| record::unreadable("a single value", error))
}

fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| record::unreadable("a single value", error))
}
