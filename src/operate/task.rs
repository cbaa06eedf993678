//! The task of a relay that does the steps of acts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::parked::{advance_replay, last_replay};
use super::redelivery::{LOOK_EVERY, Redelivery, advance, last};
use crate::domain::Clock;
use crate::ingest::Ingest;
use crate::store::{ExclusiveJob, Store, StoreError};
use crate::telemetry::ErrorChain;

/// The time between two looks for an act that another process began or left.
const IDLE: Duration = Duration::from_secs(2);

/// The time after which another relay goes on with the acts of one that is gone.
const LASTS: Duration = Duration::from_secs(10);

pub struct ActTask {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    /// This relay's id.
    pub relay: Uuid,
    /// Looks up participants that stored webhook actions name.
    pub ingest: Arc<Ingest>,
    /// Wakes the task when an act begins here.
    pub begun: Arc<Notify>,
    /// Wakes the dispatchers.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl ActTask {
    /// Does steps until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let rest = match self.step().await {
                Ok(rest) => rest,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "can't go on with an act now");
                    IDLE
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.begun.notified(), if rest == IDLE => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Does a step of each act, unless another relay does; returns the time until the next.
    async fn step(&self) -> Result<Duration, StoreError> {
        let redelivery = last(&self.store).await?.filter(|it| !it.state.is_over());
        let replays = last_replay(&self.store).await?.is_some_and(|it| !it.is_over());
        let (now, job) = (self.clock.now(), ExclusiveJob::Acting);
        let is_idle = redelivery.is_none() && !replays;
        if is_idle || !self.store.take_job(job, self.relay, LASTS, now).await? {
            return Ok(IDLE);
        }
        let mut rest = IDLE;
        if let Some(known) = redelivery {
            rest = rest.min(self.redeliver(known).await?);
        }
        if replays && advance_replay(&self.store, &*self.clock, self.ingest.lookup()).await? {
            rest = Duration::ZERO;
        }
        (self.wake)();
        Ok(rest)
    }

    async fn redeliver(&self, known: Redelivery) -> Result<Duration, StoreError> {
        match advance(&self.store, self.clock.now()).await? {
            Some(next) if next.state.is_over() => {
                let state: &'static str = next.state.into();
                let (cause, put_back) = (next.cause, next.put_back);
                tracing::info!(cause, put_back, state, "a redelivery is over");
                Ok(IDLE)
            }
            Some(next) if next == known => Ok(LOOK_EVERY),
            Some(_) => Ok(Duration::ZERO),
            None => Ok(IDLE),
        }
    }
}
