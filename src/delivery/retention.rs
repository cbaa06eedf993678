//! Keeping house: payloads go when they are old and done.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::pulse::Pulse;
use crate::domain::Clock;
use crate::store::{Job, Store, StoreError};
use crate::telemetry::Causes;

/// How often the store is tidied.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// How many webhooks a step prunes at most, so that nobody waits for it.
const PIECE: usize = 200;

/// How long a step may take: it yields to everybody.
const STEP: Duration = Duration::from_secs(5 * 60);

/// One step, if no other relay is at it.
async fn prune(
    store: &dyn Store,
    clock: &dyn Clock,
    keep: Keep,
    relay: Uuid,
) -> Result<usize, StoreError> {
    let now = clock.now();
    if !store.take_job(Job::Pruning, relay, STEP, now).await? {
        return Ok(0);
    }
    let before = now.minus(keep.payloads);
    let webhooks = store.prune(before, PIECE).await?;
    let parked = store.prune_parked(now.minus(keep.parked), PIECE).await?;
    // A full piece of any means that there is more.
    Ok(webhooks.max(parked).max(store.prune_messages(before, PIECE).await?))
}

/// The ages up to which payloads are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Those of finished webhooks.
    pub payloads: Duration,
    /// Those of parked webhooks.
    pub parked: Duration,
}

/// Prunes payloads that are too old, in small pieces, now and again until `shutdown`.
pub async fn keep_house(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keep: Keep,
    relay: Uuid,
    pulse: Pulse,
    shutdown: CancellationToken,
) {
    let _panics_are_seen = pulse.guard();
    while !shutdown.is_cancelled() {
        pulse.rest(clock.steady(), STEP);
        let rest = match prune(&*store, &*clock, keep, relay).await {
            Ok(PIECE) => Duration::from_millis(100),
            Ok(0) => EVERY,
            Ok(pruned) => {
                tracing::info!(pruned, "pruned old payloads");
                EVERY
            }
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "can't prune now");
                EVERY
            }
        };
        pulse.rest(clock.steady(), rest);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
    pulse.excuse();
}
