//! Keeping house: payloads go when they are old and done.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::store::Store;
use crate::telemetry::Causes;

/// How often the store is tidied.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// How many webhooks a step prunes at most, so that nobody waits for it.
const PIECE: usize = 200;

/// Prunes payloads older than `keep`, in small pieces, now and again until `shutdown`.
pub async fn keep_house(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keep: Duration,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let rest = match store.prune(clock.now().minus(keep), PIECE).await {
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
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}
