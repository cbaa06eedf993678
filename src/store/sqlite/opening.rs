//! Opening: from a path to a connection that writes and a schema that is this version's.
//!
//! What belongs here: the order of the steps, and what a failure among them is called. What
//! doesn't: what follows from damage (`damage`).

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use crate::domain::Planner;
use crate::store::batcher::Batcher;
use crate::store::copying::refuse_marked;
use crate::store::engine::Backend;
use crate::store::meta::COPYING;
use crate::store::planning::Planning;
use crate::store::tombstones::TombstoneKey;
use crate::store::work::{OpenSecrets, Secrets};
use crate::store::{Store, StoreError};

use super::connection::{DatabasePath, keep_as_it_is};
use super::damage::Quarantined;
use super::delivery_lock::DeliveryLock;
use super::fault::Fault;
use super::readers::Readers;
use super::tables::meta;
use super::writer::Writer;
use super::{Options, SqliteStore, access, damage, files, migrate, unit};

impl SqliteStore {
    /// Opens the file, makes it and its folder if they aren't there, and migrates it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file can't be opened or written,
    /// [`StoreError::Damaged`] if it is a store and damaged, [`StoreError::TooNew`] if a newer
    /// version has migrated it, [`StoreError::Unreadable`] if it was migrated by anything else.
    pub async fn open(
        path: &Path,
        planner: Arc<dyn Planner>,
        options: Options,
    ) -> Result<Store, StoreError> {
        Self::open_as(None, path, planner, options).await.map(|(store, _)| store)
    }

    /// Opens the store; `to_deliver` opens a damaged one for delivery.
    pub(crate) async fn open_as(
        to_deliver: Option<bool>,
        path: &Path,
        planner: Arc<dyn Planner>,
        options: Options,
    ) -> Result<(Store, Option<Quarantined>), StoreError> {
        const DOING: &str = "be opened";
        let place = DatabasePath::new(path, options.busy_timeout);
        #[cfg(test)]
        let place = place.shown_to(options.watch.clone());
        let right = Arc::new(DeliveryLock::new(place.lock_file()));
        let readers = Readers::new(place.clone());
        let (kept, held) = (place.clone(), Arc::clone(&right));
        let opening = move || {
            let (opened, set_aside) = match to_deliver {
                Some(set_aside) => damage::open(&place, &held, &options, set_aside)?,
                None => (open(&place, &options)?, None),
            };
            let Opened { connection, secrets } = opened;
            let planning = Planning::open(planner, options.tombstone_key.as_ref(), &secrets)?;
            let writer = Writer::start(place, connection, File::sync_data);
            Ok((
                writer.map_err(|error| StoreError::unavailable(DOING, error))?,
                Arc::new(planning),
                set_aside,
            ))
        };
        let opened = tokio::task::spawn_blocking(opening).await;
        let (writer, planning, set_aside) =
            opened.map_err(|error| StoreError::unavailable(DOING, error)).flatten()?;
        let writer = Arc::new(writer);
        let batcher = Batcher::start(&writer, &planning, || {});
        let file = Self { writer, readers, right, place: kept };
        Ok((Store::new(batcher, planning, Backend::File(file)), set_aside))
    }
}

pub(super) struct Opened {
    /// The connection that writes.
    pub(super) connection: Connection,
    pub(super) secrets: Secrets,
}

/// Opens the file, makes it and its folder if they aren't there, and migrates it.
pub(super) fn open(place: &DatabasePath, options: &Options) -> Result<Opened, StoreError> {
    open_by(place, options, prepare)
}

/// Returns the same, and makes of the file what `prepare` does.
pub(super) fn open_by<T>(
    place: &DatabasePath,
    options: &Options,
    prepare: fn(&DatabasePath, &Options) -> Result<T, Fault>,
) -> Result<T, StoreError> {
    const DOING: &str = "be opened";
    let (path, unopened) = (place.path(), |error| StoreError::unavailable(DOING, error));
    if let Some(detail) = damage::before_opening(path) {
        return Err(StoreError::Damaged { detail });
    }
    place.make().map_err(|error| unopened(access::explain(path, error)))?;
    files::tidy(path, options.now);
    prepare(place, options).map_err(|fault| match damage::of(path, &fault) {
        Some(detail) => StoreError::Damaged { detail },
        None => {
            let refusal = access::refusal(path, &fault);
            refusal.map_or_else(|| fault.into_store_error(DOING), unopened)
        }
    })
}

/// Opens the connection that writes, and migrates the file. Closing it leaves the file as it is.
pub(super) fn migrated(place: &DatabasePath, options: &Options) -> Result<Connection, Fault> {
    let mut connection = place.writer()?;
    keep_as_it_is(&connection, true)?;
    damage::refuse_foreign(&connection)?;
    migrate::migrate(&mut connection, options.now)?;
    Ok(connection)
}

fn prepare(place: &DatabasePath, options: &Options) -> Result<Opened, Fault> {
    let mut connection = migrated(place, options)?;
    refuse_marked(meta::recall(&connection, COPYING)?)?;
    let secrets = unit::transact(&mut connection, &OpenSecrets(options.seed))?;
    let key = TombstoneKey::new(options.tombstone_key.as_ref(), &secrets.0);
    key.verify(secrets.1.as_deref())?;
    keep_as_it_is(&connection, false)?;
    Ok(Opened { connection, secrets })
}
