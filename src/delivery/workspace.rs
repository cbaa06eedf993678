//! Asks Customer.io whose workspace the credentials open, beside the start.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::destination::GuardedDestination;
use super::heartbeat::Heartbeat;
use crate::customerio::client::{AccountRegion, Client, RegionError};
use crate::domain::Clock;
use crate::store::{Store, StoreError, Workspace};
use crate::telemetry::ErrorChain;

/// For how long deliveries wait for the answer whose workspace it is.
const ASKING: Duration = Duration::from_secs(10);

/// How long the store may take to compare, besides the question's own time.
const COMPARING: Duration = Duration::from_secs(60);

/// Keeps effects out of a workspace that isn't theirs.
pub struct WorkspaceCheck {
    /// The client.
    pub client: Client,
    /// The store, which remembers the workspace.
    pub store: Arc<Store>,
    /// The destination, which a definite other answer halts.
    pub destination: GuardedDestination,
    /// The settings' region; `None` where they name a host instead.
    pub region: Option<&'static str>,
    /// How long to wait before asking again.
    pub patience: Duration,
    /// How long one question may take.
    pub timeout: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Shows that it asks, as long as it does.
    pub pulse: Heartbeat,
}

impl WorkspaceCheck {
    /// Delivers, and asks whose workspace it is beside it, until there is a definite answer.
    ///
    /// With `asked_first`, for a store whose effects went to a workspace already, nothing is sent
    /// before the first answer: what goes to another one can't be taken back. A Customer.io that
    /// can't be reached holds up nothing, because nothing could be sent either.
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

    /// Compares the workspace with the one that the store's effects went to, and the account's
    /// region with the settings'. Tells whether there was a definite answer.
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

    /// Why calls must not go there, if they must not.
    async fn wrong(&self, told: &AccountRegion) -> Result<Option<String>, StoreError> {
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
