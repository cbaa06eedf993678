//! Traffic: webhooks and attempts since the last minute, added to the store's sums by the hour.
//!
//! What belongs here: the differences between two looks at the counters. What doesn't: counting (`telemetry`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::store::Store;
use crate::telemetry::{ErrorChain, Metrics};

/// The time between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// The time for which sums are kept: the two days that are shown, and as much again.
const KEPT: Duration = Duration::from_secs(4 * 24 * 3_600);

/// Adds what the counters counted to the store's sums.
pub struct TrafficCounter {
    pub store: Arc<Store>,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
}

impl TrafficCounter {
    /// Adds once a minute, and a last time at `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut added = BTreeMap::new();
        loop {
            let goes_on = shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some();
            self.add(&mut added).await;
            if !goes_on {
                return;
            }
        }
    }

    /// Adds what isn't among `added` yet.
    async fn add(&self, added: &mut BTreeMap<String, u64>) {
        let counted = self.metrics.traffic();
        let new = counted.iter().filter_map(|(what, n)| {
            let new = n - added.get(what).copied().unwrap_or(0);
            (new > 0).then(|| (what.clone(), i64::try_from(new).unwrap_or(i64::MAX)))
        });
        let new: Vec<(String, i64)> = new.collect();
        if new.is_empty() {
            return;
        }
        let now = self.clock.now();
        match self.store.add_traffic(new, now, now.minus(KEPT)).await {
            Ok(()) => *added = counted,
            Err(error) => tracing::debug!(error = %ErrorChain(&error), "can't count the traffic"),
        }
    }
}
