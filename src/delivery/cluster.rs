//! Heartbeats between the relays that share a store.
//!
//! What belongs here: their interval, and applying other relays' statuses. What doesn't: the decisions
//! (`breaker`), and storage (`store`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::destination::GuardedDestination;
use super::heartbeat::Heartbeat;
use crate::domain::Clock;
use crate::store::{PeerStatus, Store};
use crate::telemetry::ErrorChain;

/// The interval of heartbeats.
const EVERY: Duration = Duration::from_secs(1);

/// The longest round: its write yields to all others.
const ROUND: Duration = Duration::from_secs(5 * 60);

/// The number of relays that share the destination's pace. Clones share it.
#[derive(Clone, Debug)]
pub struct ReplicaCount(Arc<AtomicU32>);

impl Default for ReplicaCount {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

impl ReplicaCount {
    /// Returns the number, with this relay.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The task that exchanges heartbeats.
pub struct ClusterTask {
    /// This relay's id.
    pub relay: Uuid,
    /// The shared store.
    pub store: Arc<Store>,
    /// The destination whose state is reported.
    pub destination: GuardedDestination,
    /// The number of relays, for the pace.
    pub replicas: ReplicaCount,
    pub clock: Arc<dyn Clock>,
    /// The task's own heartbeat for health.
    pub heartbeat: Heartbeat,
}

impl ClusterTask {
    /// Runs the first round, before anything is sent: a new relay must not double the pace.
    pub async fn begin(&self) {
        self.exchange().await;
    }

    /// Runs until `shutdown`, then leaves the cluster.
    pub async fn run(self, shutdown: CancellationToken) {
        let _reports_panics = self.heartbeat.guard();
        while !shutdown.is_cancelled() {
            self.heartbeat.sleep(self.clock.steady(), EVERY, &shutdown).await;
            if !shutdown.is_cancelled() {
                self.heartbeat.expect_within(self.clock.steady(), ROUND);
                self.exchange().await;
            }
        }
        self.heartbeat.suspend();
        if let Err(error) = self.store.leave(self.relay).await {
            tracing::debug!(error = %ErrorChain(&error), "can't leave the cluster; its heartbeat expires");
        }
    }

    async fn exchange(&self) {
        let now = self.clock.now();
        let (recoveries, outage) = {
            let breaker = self.destination.breaker();
            (breaker.recoveries(), breaker.outage(now))
        };
        let status = PeerStatus { relay: self.relay, recoveries, outage };
        match self.store.heartbeat(&status, now).await {
            Ok(others) => {
                let count = u32::try_from(others.len()).unwrap_or(u32::MAX).saturating_add(1);
                let before = self.replicas.0.swap(count, Ordering::Relaxed);
                if before != count {
                    tracing::info!(relays = count, "relays share the destination's pace");
                }
                self.destination.apply_peers(&others, self.clock.now());
            }
            // The number stays: without the store, this relay sends next to nothing.
            Err(error) => tracing::debug!(error = %ErrorChain(&error), "can't exchange heartbeats"),
        }
    }
}
