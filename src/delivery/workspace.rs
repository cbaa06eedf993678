//! The check of Customer.io's workspace.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::destination::GuardedDestination;
use super::heartbeat::Heartbeat;
use crate::customerio::client::{Client, Region, RegionError};
use crate::domain::Clock;
use crate::store::{Store, StoreError, Workspace};
use crate::telemetry::ErrorChain;

/// The time for which deliveries wait for the first answer.
const ASKING: Duration = Duration::from_secs(10);

/// The longest comparison in the store.
const COMPARING: Duration = Duration::from_secs(60);

/// A guard that keeps effects out of another workspace.
pub struct WorkspaceCheck {
    /// The client.
    pub client: Client,
    /// The store, which remembers the workspace.
    pub store: Arc<Store>,
    /// The destination, halted if the workspace is another one.
    pub destination: GuardedDestination,
    /// The region in the settings; `None` if they name a host.
    pub region: Option<&'static str>,
    /// The wait before another request.
    pub patience: Duration,
    /// The longest request.
    pub timeout: Duration,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The heartbeat while it runs.
    pub pulse: Heartbeat,
}

impl WorkspaceCheck {
    /// Delivers, and checks the workspace until there is a definite answer.
    ///
    /// With `check_first`, for a store with earlier effects, nothing is sent before the first answer: effects
    /// in another workspace can't be undone. An unreachable Customer.io holds up nothing, because nothing can
    /// be sent either.
    pub async fn beside(
        self,
        delivering: impl Future<Output = ()>,
        asked_first: bool,
        shutdown: CancellationToken,
    ) {
        let _panics_are_seen = self.pulse.guard();
        let mut is_known = false;
        if asked_first {
            tokio::select! {
                () = shutdown.cancelled() => {}
                answered = tokio::time::timeout(ASKING, self.is_answered()) => {
                    is_known = answered.unwrap_or(false);
                }
            }
        }
        let asking = async {
            while !is_known && !shutdown.is_cancelled() {
                is_known = self.is_answered().await;
                if is_known {
                    break;
                }
                self.pulse.expect_within(self.clock.steady(), self.patience);
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(self.patience) => {}
                }
            }
            self.pulse.suspend();
        };
        tokio::join!(delivering, asking);
    }

    /// Compares workspace and region with the store's and the settings'. True if there was a definite answer.
    async fn is_answered(&self) -> bool {
        self.pulse.expect_within(self.clock.steady(), self.timeout.saturating_add(COMPARING));
        match self.client.region().await {
            Ok(told) => match self.wrong(&told).await {
                Ok(None) => true,
                Ok(Some(reason)) => {
                    self.destination.block(reason);
                    true
                }
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "can't compare the workspace now");
                    false
                }
            },
            // Deliveries will meet the same and halt; this is only the earlier word. The question
            // stays open, because the credentials that mend it may open another workspace.
            Err(error @ RegionError::Credentials { .. }) => {
                tracing::warn!(%error, "check customerio.site_id, customerio.api_key and region");
                false
            }
            Err(error) => {
                tracing::debug!(%error, "the workspace isn't known");
                error.is_definite()
            }
        }
    }

    /// Returns the reason to block the destination.
    async fn wrong(&self, told: &Region) -> Result<Option<String>, StoreError> {
        if let Some(region) = self.region
            && !told.region.eq_ignore_ascii_case(region)
        {
            return Ok(Some(format!(
                "the account's region is {}, the settings say {region}; \
                 set customerio.region = {:?}",
                told.region, told.region
            )));
        }
        let workspace = Workspace { environment_id: told.environment_id };
        match self.store.destination().await?.workspace {
            None => {
                self.store.remember_workspace(workspace).await?;
                Ok(None)
            }
            Some(known) if known == workspace => Ok(None),
            Some(known) => Ok(Some(format!(
                "the credentials open workspace {}, but what this store has delivered went to {}; \
                 use those credentials, or start with a store of its own (store.url)",
                told.environment_id, known.environment_id
            ))),
        }
    }
}
