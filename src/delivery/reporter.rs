//! Reports of the destinations' states: to the store for commands and pages, and halts repeatedly to
//! the log.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::destination::GuardedDestination;
use crate::domain::{Clock, Destination, DestinationState, Labelled, Time};
use crate::store::{DestinationReport, Store};
use crate::telemetry::ErrorChain;

/// The time between two looks at the states.
const EVERY: Duration = Duration::from_secs(1);

/// The time between two lines about one halt.
const AGAIN: Duration = Duration::from_secs(5 * 60);

/// Reports the states of destinations.
pub struct Reporter {
    /// The store that the reports go into.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    pub destinations: Vec<(Destination, GuardedDestination)>,
}

impl Reporter {
    /// Reports each change, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut reported: Vec<Option<DestinationReport>> = vec![None; self.destinations.len()];
        let mut said: Vec<Option<Time>> = vec![None; self.destinations.len()];
        while !shutdown.is_cancelled() {
            for (place, (destination, guarded)) in self.destinations.iter().enumerate() {
                let now = self.clock.now();
                let report = report(*destination, guarded, reported[place].as_ref(), now);
                let is_halted = report.state == DestinationState::Halted;
                match said[place].filter(|_| is_halted) {
                    // The change itself is in the log already.
                    None => said[place] = is_halted.then_some(now),
                    Some(at) if now.since(at) >= AGAIN => {
                        said[place] = Some(now);
                        self.say_again(&report, now).await;
                    }
                    Some(_) => {}
                }
                if reported[place].as_ref() != Some(&report) {
                    match self.store.report_destination(&report).await {
                        Ok(()) => reported[place] = Some(report),
                        Err(error) => {
                            tracing::debug!(error = %ErrorChain(&error), "can't report a destination");
                        }
                    }
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn say_again(&self, report: &DestinationReport, now: Time) {
        let stats = self.store.stats().await.unwrap_or_default();
        let age = stats.oldest_pending.map_or(Duration::ZERO, |oldest| now.since(oldest));
        let deadline = self.store.deadline(now).await.unwrap_or_default();
        tracing::error!(
            destination = report.destination.label(),
            reason = report.reason,
            since = %report.since,
            pending = stats.pending,
            waits_for_minutes = age.as_secs() / 60,
            minutes_left = deadline.map(|at| at.since(now).as_secs() / 60),
            "the destination is still halted; events that are 72 hours old trigger no campaign"
        );
    }
}

/// Returns the present report; it has the time of the one before as long as nothing has changed.
fn report(
    destination: Destination,
    guarded: &GuardedDestination,
    before: Option<&DestinationReport>,
    now: Time,
) -> DestinationReport {
    let breaker = guarded.breaker();
    let state = breaker.state(now);
    let reason = breaker.halted_by().unwrap_or_default().to_owned();
    let same = before.filter(|it| it.state == state && it.reason == reason);
    let since = same.map_or(now, |it| it.since);
    DestinationReport { destination, state, since, reason }
}
