//! Keeping company: what this relay tells the others that deliver from its store, and hears.
//!
//! What belongs here: how often, and what becomes of what is heard. What doesn't: the gate's own
//! decisions (`gate`), and where it is kept (`store`).

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

/// How often the others are told and heard.
const EVERY: Duration = Duration::from_secs(1);

/// How long one round may take: it yields to everybody.
const ROUND: Duration = Duration::from_secs(5 * 60);

/// How many relays share the destination's pace. Clones share the number.
#[derive(Clone, Debug)]
pub struct ReplicaCount(Arc<AtomicU32>);

impl Default for ReplicaCount {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

impl ReplicaCount {
    /// This relay and the others.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Tells and hears until `shutdown`.
pub struct ClusterTask {
    /// This relay.
    pub relay: Uuid,
    /// Where they tell each other.
    pub store: Arc<Store>,
    /// Whose state is told.
    pub destination: GuardedDestination,
    /// Who shares its pace.
    pub sharers: ReplicaCount,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Shows its life.
    pub pulse: Heartbeat,
}

impl ClusterTask {
    /// The first round, before anything is sent: who comes new must not double the pace.
    pub async fn begin(&self) {
        self.heartbeat().await;
    }

    /// Round by round; at the end it says goodbye.
    pub async fn run(self, shutdown: CancellationToken) {
        let _panics_are_seen = self.pulse.guard();
        while !shutdown.is_cancelled() {
            self.pulse.expect_within(self.clock.steady(), EVERY);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            if !shutdown.is_cancelled() {
                self.pulse.expect_within(self.clock.steady(), ROUND);
                self.heartbeat().await;
            }
        }
        self.pulse.suspend();
        if let Err(error) = self.store.leave(self.relay).await {
            tracing::debug!(error = %ErrorChain(&error), "can't say goodbye; the others notice");
        }
    }

    async fn heartbeat(&self) {
        let now = self.clock.now();
        let (recoveries, rest) = {
            let breaker = self.destination.breaker();
            (breaker.recoveries(), breaker.outage(now))
        };
        let told = PeerStatus { relay: self.relay, recoveries, rest };
        match self.store.heartbeat(&told, now).await {
            Ok(others) => {
                let count = u32::try_from(others.len()).unwrap_or(u32::MAX).saturating_add(1);
                let before = self.sharers.0.swap(count, Ordering::Relaxed);
                if before != count {
                    tracing::info!(relays = count, "relays share the destination's pace");
                }
                self.destination.apply_peers(&others, self.clock.now());
            }
            // The number stays: who can't reach the store sends next to nothing anyway.
            Err(error) => tracing::debug!(error = %ErrorChain(&error), "can't tell other relays"),
        }
    }
}
