//! Whether the store is sound, asked beside the service and told where operators look.
//!
//! What belongs here: when it is asked, and the words for the log. What doesn't: the asking
//! (`store::sqlite`). A store that turns out to be damaged is worked on until the next start.
//! What SQLite can't read it refuses, so nobody is told that a webhook is kept when it isn't, and
//! most of a damaged file goes on well; to stop would cost every webhook from then on, and GrowSurf
//! switches one off that fails for days. Health doesn't watch over this: a slow disk is no reason
//! for a restart.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::sqlite::{Examination, damaged_aside, examine_once};
use crate::store::{Damage, StoreError};
use crate::telemetry::ErrorChain;

/// The system makes a new text of this at each start of the machine; containers share it.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// How often it looks whether somebody has dealt with what was set aside.
const LOOK: Duration = Duration::from_secs(60);

/// How often the log is told again of what isn't mended.
const REMIND: Duration = Duration::from_secs(60 * 60);

/// Looks the store through, if the machine has restarted since that was done, and tells of damage
/// until `shutdown`. What was set aside is known when this returns, before anybody can ask.
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
        // Where the system doesn't tell, nothing is known and nothing is read: `check --full` is
        // there for that.
        let Ok(boot) = std::fs::read_to_string(BOOT) else { return Ok(Examination::Unneeded) };
        let begun = Instant::now();
        let examined = examine_once(&path, boot.trim(), move || stop.is_cancelled());
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
        Ok(Examination::Unneeded) => tracing::debug!("the store needs no looking through"),
        Ok(Examination::Stopped) => tracing::debug!("stopped looking the store through"),
        Ok(Examination::Sound) => {
            tracing::info!(?took, "the store was looked through and is sound");
        }
        Ok(Examination::Contradictory(found)) => tracing::error!(
            ?took,
            ?found,
            "the store contradicts itself; please report it, it is likelier to be a mistake of the \
             relay than of the disk"
        ),
        // Told by the reminder.
        Ok(Examination::Damaged(_)) => {}
        Err(error) => {
            tracing::warn!(error = %ErrorChain(error), "can't look the store through; the next start will");
        }
    }
}

async fn remind(store: &Path, damage: &Damage, shutdown: &CancellationToken) {
    let mut reminded: Option<Instant> = None;
    while !shutdown.is_cancelled() {
        damage.set_aside(damaged_aside(store));
        if reminded.is_none_or(|at| at.elapsed() >= REMIND) {
            for told in damage.told() {
                tracing::error!("{told}");
            }
            reminded = Some(Instant::now());
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
