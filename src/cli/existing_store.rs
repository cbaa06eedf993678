//! Commands on the store of the settings, which has to be there.

use std::sync::Arc;

use crate::app;
use crate::config::Settings;
use crate::store::Store;

/// Opens the store, works on it, and closes it, whatever came of the work.
pub async fn with_store<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&Arc<Store>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let store = app::open_existing_store(settings).await?;
    let done = work(&store).await;
    store.close().await?;
    done
}
