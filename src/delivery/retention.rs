//! Retention: prunes old payloads.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::heartbeat::Heartbeat;
use crate::domain::Clock;
use crate::store::{ExclusiveJob, Store, StoreError};
use crate::telemetry::ErrorChain;

/// The interval.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// The most webhooks of a step.
const PIECE: usize = 200;

/// The longest step: its writes yield to all others.
const STEP: Duration = Duration::from_secs(5 * 60);

/// The result of a step.
struct Step {
    /// Pruned webhooks, messages and records.
    pruned: usize,
    /// True if there may be more to prune.
    is_full: bool,
}

/// Runs a step, unless another relay does.
async fn prune(
    store: &Store,
    clock: &dyn Clock,
    keep: RetentionRules,
    relay: Uuid,
) -> Result<Step, StoreError> {
    let now = clock.now();
    if !store.take_job(ExclusiveJob::Pruning, relay, STEP, now).await? {
        return Ok(Step { pruned: 0, is_full: false });
    }
    let before = now.minus(keep.payloads);
    let pieces = [
        store.prune(before, PIECE).await?,
        store.prune_parked(now.minus(keep.parked), PIECE).await?,
        store.prune_messages(before, PIECE).await?,
        store.prune_audit(now.minus(keep.audit), PIECE).await?,
    ];
    Ok(Step { pruned: pieces.iter().sum(), is_full: pieces.contains(&PIECE) })
}

/// The ages up to which payloads and records are kept.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct RetentionRules {
    /// Of finished webhooks.
    #[serde(rename = "keep_payloads")]
    pub payloads: Duration,
    /// Of parked webhooks.
    #[serde(rename = "keep_parked")]
    pub parked: Duration,
    /// Of records of operators' acts.
    #[serde(rename = "keep_audit")]
    pub audit: Duration,
}

/// Prunes old payloads in small steps until `shutdown`.
pub async fn run_retention(
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    keep: RetentionRules,
    relay: Uuid,
    heartbeat: Heartbeat,
    shutdown: CancellationToken,
) {
    let _reports_panics = heartbeat.guard();
    // Pieces follow each other closely, and are reported together.
    let mut pruned = 0;
    while !shutdown.is_cancelled() {
        heartbeat.expect_within(clock.steady(), STEP);
        let pause = match prune(&store, &*clock, keep, relay).await {
            Ok(step) => {
                pruned += step.pruned;
                if step.is_full { Duration::from_millis(100) } else { EVERY }
            }
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "can't prune now");
                EVERY
            }
        };
        if pause == EVERY {
            report(&mut pruned);
        }
        heartbeat.sleep(clock.steady(), pause, &shutdown).await;
    }
    report(&mut pruned);
    heartbeat.suspend();
}

/// Logs the pruned payloads since the last report.
fn report(pruned: &mut usize) {
    let pruned = std::mem::take(pruned);
    if pruned > 0 {
        tracing::info!(pruned, "pruned old payloads");
    }
}
