//! Company on SQLite: a file is one relay's, so there is nobody to tell.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::Time;
use crate::store::{Company, Job, StoreError, Told};

use super::SqliteStore;

#[async_trait]
impl Company for SqliteStore {
    async fn confer(&self, _told: &Told, _now: Time) -> Result<Vec<Told>, StoreError> {
        Ok(Vec::new())
    }

    async fn leave(&self, _relay: Uuid) -> Result<(), StoreError> {
        Ok(())
    }

    async fn take_job(
        &self,
        _job: Job,
        _relay: Uuid,
        _lasts: Duration,
        _now: Time,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }
}
