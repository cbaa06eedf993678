//! The budget of requests to GrowSurf, kept in the store and shared by all processes.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::domain::{Clock, Time};
use crate::growsurf::rest::{Budget, RateLimiter, ReportedLimits};
use crate::store::Store;

/// The budget's key in the store.
const KEY: &str = "growsurf_budget";

/// A budget shared through the store.
pub struct SharedRateLimit {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    /// The last known budget. Most answers change nothing and need no write.
    seen: Mutex<Budget>,
}

impl SharedRateLimit {
    /// Returns the budget in a store.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, seen: Mutex::default() }
    }

    async fn update(
        &self,
        change: impl Fn(&mut Budget) + Send + Sync + 'static,
    ) -> Result<Budget, Box<dyn Error + Send + Sync>> {
        let update = move |text: Option<&str>| {
            // A newer version may have written it: then the budget begins anew.
            let before = text.and_then(|text| serde_json::from_str(text).ok());
            let mut budget: Budget = before.unwrap_or_default();
            change(&mut budget);
            serde_json::to_string(&budget).expect("numbers and names are JSON")
        };
        let text = self.store.kv_update(KEY, Arc::new(update)).await?;
        let budget: Budget = serde_json::from_str(&text)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = budget.clone();
        Ok(budget)
    }
}

#[async_trait]
impl RateLimiter for SharedRateLimit {
    async fn take(&self) -> Result<Time, Box<dyn Error + Send + Sync>> {
        let now = self.clock.now();
        Ok(self.update(move |budget| budget.take(now)).await?.granted())
    }

    async fn report(&self, limits: ReportedLimits) -> Result<(), Box<dyn Error + Send + Sync>> {
        if !self.seen.lock().unwrap_or_else(PoisonError::into_inner).changes(&limits) {
            return Ok(());
        }
        let now = self.clock.now();
        self.update(move |budget| budget.apply(&limits, now)).await.map(drop)
    }
}

/// A budget of this process alone, for commands without a store.
pub struct LocalRateLimit {
    budget: Mutex<Budget>,
    clock: Arc<dyn Clock>,
}

impl LocalRateLimit {
    /// Returns a full budget.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { budget: Mutex::default(), clock }
    }

    fn update(&self, change: impl FnOnce(&mut Budget)) -> Budget {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut budget);
        budget.clone()
    }
}

#[async_trait]
impl RateLimiter for LocalRateLimit {
    async fn take(&self) -> Result<Time, Box<dyn Error + Send + Sync>> {
        let now = self.clock.now();
        Ok(self.update(|budget| budget.take(now)).granted())
    }

    async fn report(&self, limits: ReportedLimits) -> Result<(), Box<dyn Error + Send + Sync>> {
        let now = self.clock.now();
        self.update(|budget| budget.apply(&limits, now));
        Ok(())
    }
}
