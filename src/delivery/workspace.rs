//! The check of Customer.io's workspace.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::destination::GuardedDestination;
use super::heartbeat::Heartbeat;
use crate::customerio::client::{AccountRegion, Client, RegionError};
use crate::domain::Clock;
use crate::store::{Store, StoreError, Workspace};
use crate::telemetry::ErrorChain;

/// The time for which deliveries wait for the first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// The longest comparison in the store.
const COMPARING: Duration = Duration::from_secs(60);

/// A guard that keeps effects out of another workspace.
pub struct WorkspaceCheck {
    pub client: Client,
    /// The store, which remembers the workspace.
    pub store: Arc<Store>,
    /// The destination, halted if the workspace is another one.
    pub destination: GuardedDestination,
    /// The region in the settings; `None` if they name a host.
    pub region: Option<&'static str>,
    /// The wait before another request.
    pub retry_every: Duration,
    /// The longest request.
    pub timeout: Duration,
    pub clock: Arc<dyn Clock>,
    /// The heartbeat while it runs.
    pub heartbeat: Heartbeat,
}

impl WorkspaceCheck {
    /// Delivers, and checks the workspace until there is a definite answer.
    ///
    /// With `check_first`, for a store with earlier effects, nothing is sent before the first answer: effects
    /// in another workspace can't be undone. An unreachable Customer.io holds up nothing, because nothing can
    /// be sent either.
    pub async fn guard(
        self,
        delivering: impl Future<Output = ()>,
        check_first: bool,
        shutdown: CancellationToken,
    ) {
        let _reports_panics = self.heartbeat.guard();
        let mut is_known = false;
        if check_first {
            let answer = tokio::time::timeout(FIRST_ANSWER, self.check());
            is_known = matches!(shutdown.run_until_cancelled(answer).await, Some(Ok(true)));
        }
        let checking = async {
            while !is_known && !shutdown.is_cancelled() {
                is_known = self.check().await;
                if is_known {
                    break;
                }
                self.heartbeat.sleep(self.clock.steady(), self.retry_every, &shutdown).await;
            }
            self.heartbeat.suspend();
        };
        tokio::join!(delivering, checking);
    }

    /// Compares workspace and region with the store's and the settings'. True if there was a definite answer.
    async fn check(&self) -> bool {
        self.heartbeat.expect_within(self.clock.steady(), self.timeout.saturating_add(COMPARING));
        match self.client.region().await {
            Ok(found) => match self.mismatch(&found).await {
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
            // Deliveries will halt for the same reason. The check continues: the credentials that fix it
            // may open another workspace.
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
    async fn mismatch(&self, found: &AccountRegion) -> Result<Option<String>, StoreError> {
        if let Some(region) = self.region
            && !found.region.eq_ignore_ascii_case(region)
        {
            return Ok(Some(format!(
                "the account's region is {}, the settings say {region}; \
                 set customerio.region = {:?}",
                found.region, found.region
            )));
        }
        let workspace = Workspace { environment_id: found.environment_id };
        match self.store.destination().await?.workspace {
            None => {
                self.store.remember_workspace(workspace).await?;
                Ok(None)
            }
            Some(known) if known == workspace => Ok(None),
            Some(known) => Ok(Some(format!(
                "the credentials open workspace {}, but what this store has delivered went to {}; \
                 use those credentials, or start with a store of its own (store.url)",
                found.environment_id, known.environment_id
            ))),
        }
    }
}
