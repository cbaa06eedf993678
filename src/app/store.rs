//! The store that the settings name, opened: to look into it, or to deliver from it.

use std::path::Path;
use std::sync::Arc;

use super::{StartError, rules};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::config::store::OnDamage;
use crate::domain::{Clock, Planner};
use crate::mapping::Mapper;
use crate::store::sqlite::{Kept, Options, SetAside, SqliteStore};
use crate::store::{Store, StoreError};

/// Opens the store that the settings name.
///
/// # Errors
/// [`StartError::Store`] or [`StartError::Randomness`].
pub async fn open_store(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
    let (path, planner, options) = how(settings)?;
    let opened = SqliteStore::open(path, planner, options).await;
    Ok(Arc::new(opened.map_err(unopened(settings))?))
}

/// Opens the store that the settings name, if it is there: a command that looks into a store must
/// not make an empty one and say that nothing is in it.
///
/// # Errors
/// [`StartError::NoStore`], and as [`open_store`].
pub async fn open_existing_store(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
    let url = &settings.store.url;
    if !url.path().exists() {
        return Err(StartError::NoStore { url: url.to_string() });
    }
    open_store(settings).await
}

/// Opens the store that the settings name for the process that delivers. One that is damaged is
/// set aside, if the settings say so; commands only look and leave it where it is.
pub(super) async fn open_for_delivery(settings: &Settings) -> Result<Arc<dyn Store>, StartError> {
    let (path, planner, options) = how(settings)?;
    let set_aside = settings.store.on_damage == OnDamage::SetAside;
    let opened = SqliteStore::open_to_deliver(path, planner, options, set_aside).await;
    let (store, set_aside) = opened.map_err(unopened(settings))?;
    if let Some(set_aside) = set_aside {
        tell(&set_aside);
    }
    Ok(Arc::new(store))
}

fn tell(SetAside { damage, aside, kept }: &SetAside) {
    let aside = aside.as_deref().unwrap_or(Path::new("")).display();
    match kept {
        Kept::Everything => tracing::error!(
            %aside,
            damage,
            "the store was damaged; it was set aside, and every row of it is in a new one"
        ),
        Kept::Secret => tracing::error!(
            %aside,
            damage,
            "the store was damaged; it was set aside, and the relay goes on with an empty one that \
             has its secret and its workspace. What was pending waits in the damaged one: see \
             \"A damaged store\" in the README"
        ),
        Kept::Nothing => tracing::error!(
            %aside,
            damage,
            "the store was damaged; it was set aside, and the relay goes on with an empty one. What \
             was pending waits in the damaged one: see \"A damaged store\" in the README"
        ),
    }
}

fn how(settings: &Settings) -> Result<(&Path, Arc<dyn Planner>, Options), StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError::Randomness(error.to_string()))?;
    let planner = Arc::new(Mapper::new(rules(settings)));
    let options = Options {
        redact: crate::growsurf::redact,
        tombstone_key: settings.store.tombstone_key.clone(),
        ..Options::new(seed, SystemClock.now())
    };
    Ok((settings.store.url.path(), planner, options))
}

fn unopened(settings: &Settings) -> impl FnOnce(StoreError) -> StartError {
    let url = settings.store.url.to_string();
    |source| StartError::Store { url, source }
}
