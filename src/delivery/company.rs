//! Keeping company: what this relay tells the others that deliver from its store, and hears.
//!
//! What belongs here: how often, and what becomes of what is heard. What doesn't: the gate's own
//! decisions (`gate`), and where it is kept (`store`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::destination::Destination;
use super::pulse::Pulse;
use crate::domain::Clock;
use crate::store::{Store, Told};
use crate::telemetry::Causes;

/// How often the others are told and heard.
const EVERY: Duration = Duration::from_secs(1);

/// How long one round may take: it yields to everybody.
const ROUND: Duration = Duration::from_secs(5 * 60);

/// How many relays share the destination's pace. Clones share the number.
#[derive(Clone, Debug)]
pub struct Sharers(Arc<AtomicU32>);

impl Default for Sharers {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

impl Sharers {
    /// This relay and the others.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Tells and hears until `shutdown`.
pub struct KeepCompany {
    /// This relay.
    pub relay: Uuid,
    /// Where they tell each other.
    pub store: Arc<dyn Store>,
    /// Whose state is told.
    pub destination: Destination,
    /// Who shares its pace.
    pub sharers: Sharers,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Shows its life.
    pub pulse: Pulse,
}

impl KeepCompany {
    /// The first round, before anything is sent: who comes new must not double the pace.
    pub async fn begin(&self) {
        self.confer().await;
    }

    /// Round by round; at the end it says goodbye.
    pub async fn run(self, shutdown: CancellationToken) {
        let _panics_are_seen = self.pulse.guard();
        while !shutdown.is_cancelled() {
            self.pulse.rest(self.clock.steady(), EVERY);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            if !shutdown.is_cancelled() {
                self.pulse.rest(self.clock.steady(), ROUND);
                self.confer().await;
            }
        }
        self.pulse.excuse();
        if let Err(error) = self.store.leave(self.relay).await {
            tracing::debug!(error = %Causes(&error), "can't say goodbye; the others notice");
        }
    }

    async fn confer(&self) {
        let now = self.clock.now();
        let (recoveries, rest) = self.destination.rest(now);
        let told = Told { relay: self.relay, recoveries, rest };
        match self.store.confer(&told, now).await {
            Ok(others) => {
                let count = u32::try_from(others.len()).unwrap_or(u32::MAX).saturating_add(1);
                let before = self.sharers.0.swap(count, Ordering::Relaxed);
                if before != count {
                    tracing::info!(relays = count, "relays share the destination's pace");
                }
                self.destination.hear(&others, self.clock.now());
            }
            // The number stays: who can't reach the store sends next to nothing anyway.
            Err(error) => tracing::debug!(error = %Causes(&error), "can't tell other relays"),
        }
    }
}
