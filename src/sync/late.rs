//! A warning before a waiting call gets too old to trigger a campaign.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::{Clock, Time};
use crate::store::Store;
use crate::telemetry::ErrorChain;

/// The longest interval of checks.
const EVERY: Duration = Duration::from_secs(60);

/// The interval of repeated warnings.
const AGAIN: Duration = Duration::from_secs(60 * 60);

/// Warns while the oldest waiting call is older than `warning`, until `shutdown`.
pub async fn watch_lateness(
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    warning: Duration,
    shutdown: CancellationToken,
) {
    let every = EVERY.min(warning);
    let mut warned_at: Option<Time> = None;
    while shutdown.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        let now = clock.now();
        let oldest = match store.stats().await {
            Ok(stats) => stats.oldest_pending,
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "can't look for late calls");
                continue;
            }
        };
        let Some(age) = oldest.map(|at| now.since(at)).filter(|age| *age >= warning) else {
            warned_at = None;
            continue;
        };
        if warned_at.is_none_or(|at| now.since(at) >= AGAIN) {
            warned_at = Some(now);
            let deadline = store.deadline(now).await.unwrap_or_default();
            tracing::warn!(
                waits_for_hours = age.as_secs() / 3_600,
                minutes_left = deadline.map(|at| at.since(now).as_secs() / 60),
                "a call waits for Customer.io; events that are 72 hours old trigger no campaign"
            );
        }
    }
}
