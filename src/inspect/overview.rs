//! The overview: the state of the relay, the last hours, and the newest webhooks.

use std::time::Duration;

use serde::Serialize;

use super::traffic::TrafficView;
use super::{Inspector, RelayStatus, Vitals, WebhookView};
use crate::store::StoreError;

/// The newest webhooks that are shown.
const NEWEST: usize = 10;

/// The hours that are shown.
const SHOWN: Duration = Duration::from_secs(48 * 3_600);

/// Everything on the first page.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    #[serde(flatten)]
    pub status: RelayStatus,
    /// Webhooks and attempts by the hour.
    pub traffic: TrafficView,
    /// The newest webhooks of every source, the newest first.
    pub recent: Vec<WebhookView>,
}

impl Inspector {
    /// Returns the overview; `vitals` as for [`Inspector::status`].
    ///
    /// # Errors
    /// The store's.
    pub async fn overview(&self, vitals: &Vitals) -> Result<Overview, StoreError> {
        let status = self.status(vitals).await?;
        let since = self.now.minus(SHOWN);
        let traffic = TrafficView::of(self.store.traffic(since).await?, since, self.now);
        Ok(Overview { status, traffic, recent: self.recent(None, NEWEST).await? })
    }
}
