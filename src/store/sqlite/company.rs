//! Company on SQLite: a file is one relay's, so there is nobody to tell.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::Time;
use crate::store::{Cluster, ExclusiveJob, PeerStatus, StoreError};

use super::SqliteStore;

#[async_trait]
impl Cluster for SqliteStore {
    async fn heartbeat(
        &self,
        _told: &PeerStatus,
        _now: Time,
    ) -> Result<Vec<PeerStatus>, StoreError> {
        Ok(Vec::new())
    }

    async fn leave(&self, _relay: Uuid) -> Result<(), StoreError> {
        Ok(())
    }

    async fn take_job(
        &self,
        _job: ExclusiveJob,
        _relay: Uuid,
        _lasts: Duration,
        _now: Time,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }
}
