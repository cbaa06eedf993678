//! The watch over the store's integrity, beside the service.
//!
//! What belongs here: the times of the check, and the lines of the log. What doesn't: the check
//! (`store::sqlite`). The relay continues with a damaged store until the next start.
//! SQLite refuses pages that it can't read, so no lost webhook is acknowledged, and most of a
//! damaged file still works. A stop would lose every webhook from then on, and GrowSurf switches a
//! failing webhook off after days. Health doesn't watch over this: a slow disk is no reason for a
//! restart.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::sqlite::{Examination, damaged_aside, examine};
use crate::store::{Damage, StoreError};
use crate::telemetry::ErrorChain;

/// The file with a text that is new at each boot of the machine; containers share it.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The time between two checks for quarantined files.
const LOOK: Duration = Duration::from_secs(60);

/// The time between two reminders in the log of damage that isn't fixed.
const REMIND: Duration = Duration::from_secs(60 * 60);

/// Checks the store once after each start of the machine, and reports damage until `shutdown`. Files
/// that were set aside are known when this returns, before `/readyz` can answer.
pub(super) fn watch(
    store: PathBuf,
    damage: Damage,
    shutdown: CancellationToken,
) -> impl Future<Output = ()> {
    damage.set_aside(damaged_aside(&store));
    check_and_remind(store, damage, shutdown)
}

async fn check_and_remind(store: PathBuf, damage: Damage, shutdown: CancellationToken) {
    let (path, stop) = (store.clone(), shutdown.clone());
    let examining = tokio::task::spawn_blocking(move || {
        // Without the system's text nothing is checked; `check --full` always does.
        let Ok(boot) = std::fs::read_to_string(BOOT) else { return Ok(Examination::Unneeded) };
        let begun = Instant::now();
        let examined = examine(&path, Some(boot.trim()), move || stop.is_cancelled());
        log(&examined, begun.elapsed());
        examined
    });
    if let Ok(Ok(Examination::Damaged(what))) = examining.await {
        damage.found(what);
    }
    remind(&store, &damage, &shutdown).await;
}

fn log(examined: &Result<Examination, StoreError>, took: Duration) {
    match examined {
        Ok(Examination::Unneeded) => tracing::debug!("the store needs no check"),
        Ok(Examination::Stopped) => tracing::debug!("stopped checking the store"),
        Ok(Examination::Sound) => {
            tracing::info!(?took, "the store was checked and is sound");
        }
        Ok(Examination::Contradictory(found)) => tracing::error!(
            ?took,
            ?found,
            "the store contradicts itself; please report it: a fault of the relay is likelier than \
             one of the disk"
        ),
        // The reminder reports it.
        Ok(Examination::Damaged(_)) => {}
        Err(error) => {
            tracing::warn!(error = %ErrorChain(error), "can't check the store; the next start will");
        }
    }
}

async fn remind(store: &Path, damage: &Damage, shutdown: &CancellationToken) {
    let mut reminded: Option<Instant> = None;
    while !shutdown.is_cancelled() {
        damage.set_aside(damaged_aside(store));
        if reminded.is_none_or(|at| at.elapsed() >= REMIND) {
            for text in damage.tasks() {
                tracing::error!("{text}");
            }
            reminded = Some(Instant::now());
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
