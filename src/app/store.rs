//! The store that the settings name, opened: to look into it, or to deliver from it.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

use super::{StartError, rules};
use crate::clock::{SystemClock, SystemRandom};
use crate::config::Settings;
use crate::config::store::{OnDamage, StoreSettings};
use crate::domain::{Clock, Planner};
use crate::mapping::Mapper;
use crate::store::copying::{Compared, Step, copy, snapshot};
use crate::store::postgres::ServerOptions;
use crate::store::sqlite::{Kept, Options, Quarantined, back_up};
use crate::store::url::StoreUrl;
use crate::store::{Store, StoreError, StoreLocation};

/// Opens the store that the settings name.
///
/// # Errors
/// [`StartError::Store`] or [`StartError::Randomness`].
pub async fn open_store(settings: &Settings) -> Result<Arc<Store>, StartError> {
    let opened =
        place(settings, &settings.store.url, Arc::default())?.open(planner(settings)).await;
    opened.map_err(unopened(settings))
}

/// Opens the store that the settings name, if it exists. A command that reads a store must not make
/// an empty one and show nothing.
///
/// # Errors
/// [`StartError::NoStore`], and as [`open_store`].
pub async fn open_existing_store(settings: &Settings) -> Result<Arc<Store>, StartError> {
    let place = place(settings, &settings.store.url, Arc::default())?;
    if !place.is_taken().await.map_err(unopened(settings))? {
        return Err(StartError::NoStore { url: settings.store.url.to_string() });
    }
    place.open(planner(settings)).await.map_err(unopened(settings))
}

/// Copies a store into another, both opened as the settings say.
///
/// # Errors
/// [`StartError::Copy`] or [`StartError::Randomness`].
pub async fn copy_store(
    settings: &Settings,
    from: &StoreUrl,
    to: &StoreUrl,
    report: &mut (dyn FnMut(Step) + Send),
) -> Result<Vec<Compared>, StartError> {
    let place = |url| place(settings, url, Arc::default());
    let (source, target) = (place(from)?, place(to)?);
    Ok(copy(&source, &target, report).await?)
}

/// Copies the store that `settings` name, as it is now, into the file that `of_copy` name, which isn't there
/// yet. Relays work on meanwhile.
///
/// # Errors
/// [`StartError::Copy`], [`StartError::Backup`] or [`StartError::Randomness`].
pub async fn snapshot_store(settings: &Settings, of_copy: &Settings) -> Result<(), StartError> {
    if let (Some(file), Some(target)) = (settings.store.url.file(), of_copy.store.url.file()) {
        back_up(file, target, false, SystemClock.now()).await?;
        return Ok(());
    }
    let place = |url| place(settings, url, Arc::default());
    Ok(snapshot(&place(&settings.store.url)?, &place(&of_copy.store.url)?).await?)
}

/// Opens the store that the settings name for the process that delivers.
///
/// `notify` is notified when others have queued work. A store that is damaged is set aside, if the settings say so; commands only look
/// and leave it where it is.
///
/// # Errors
/// As [`open_store`].
pub(super) async fn open_for_delivery(
    settings: &Settings,
    notify: Arc<Notify>,
) -> Result<Arc<Store>, StartError> {
    let set_aside = settings.store.on_damage == OnDamage::SetAside;
    let place = place(settings, &settings.store.url, notify)?;
    let opened = place.open_to_deliver(planner(settings), set_aside).await;
    let (store, set_aside) = opened.map_err(unopened(settings))?;
    if let Some(set_aside) = set_aside {
        log_quarantine(&set_aside);
    }
    Ok(store)
}

fn log_quarantine(Quarantined { damage, aside, kept }: &Quarantined) {
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
            "the store was damaged; it was set aside, and the relay continues with an empty one that \
             has its secret and its workspace. Pending calls wait in the damaged one: see \
             `referral-relay guide backups`"
        ),
        Kept::Nothing => tracing::error!(
            %aside,
            damage,
            "the store was damaged; it was set aside, and the relay continues with an empty one. \
             Pending calls wait in the damaged one: see `referral-relay guide backups`"
        ),
    }
}

fn planner(settings: &Settings) -> Arc<dyn Planner> {
    Arc::new(Mapper::new(rules(settings)))
}

fn place(
    settings: &Settings,
    url: &StoreUrl,
    notify: Arc<Notify>,
) -> Result<StoreLocation, StartError> {
    let StoreSettings { connection, tombstone_key, .. } = &settings.store;
    Ok(match (url.file(), url.server()) {
        (_, Some(url)) => {
            let (now, random) = (SystemClock.now(), Arc::new(SystemRandom));
            let mut options = ServerOptions::new(seed()?, now, notify, random);
            options.tombstone_key.clone_from(tombstone_key);
            options.connection = connection.clone();
            StoreLocation::Server(url.clone(), options)
        }
        (file, None) => {
            let file = file.expect("a store is a file or on a server").to_owned();
            StoreLocation::File(file, file_options(settings)?)
        }
    })
}

/// Returns how a store in a file is opened by these settings.
///
/// # Errors
/// [`StartError::Randomness`].
pub fn file_options(settings: &Settings) -> Result<Options, StartError> {
    let tombstone_key = settings.store.tombstone_key.clone();
    let options = Options::new(seed()?, SystemClock.now());
    Ok(Options { tombstone_key, ..options })
}

fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError::Randomness(error.to_string()))?;
    Ok(seed)
}

fn unopened(settings: &Settings) -> impl FnOnce(StoreError) -> StartError {
    let url = settings.store.url.to_string();
    |source| StartError::Store { url, source }
}
