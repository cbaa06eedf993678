//! The location of a store: the choice of the backend, made once and nowhere else.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::domain::Planner;

use super::copying::Tables;
use super::postgres::{PostgresStore, ServerOptions, ServerTables};
use super::sqlite::{FileTables, Options, Quarantined, SqliteStore, is_made};
use super::{Store, StoreError};

/// The location of a store, and the options of its backend.
pub enum StoreLocation {
    /// A SQLite file.
    File(PathBuf, Options),
    /// A database on a Postgres server, by its URL.
    Server(SecretString, ServerOptions),
}

impl StoreLocation {
    /// True if there is a store already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if a server can't be asked, and as [`is_made`].
    pub async fn is_taken(&self) -> Result<bool, StoreError> {
        match self {
            Self::File(path, _) => is_made(path),
            Self::Server(url, options) => PostgresStore::is_made(url, options).await,
        }
    }

    /// Opens the store to be copied or copied into, and makes it if there is none.
    ///
    /// # Errors
    /// As [`StoreLocation::open`], but for a copy that isn't whole.
    pub(super) async fn tables(&self) -> Result<Box<dyn Tables>, StoreError> {
        Ok(match self {
            Self::File(path, options) => Box::new(FileTables::open(path, options)?),
            Self::Server(url, options) => Box::new(ServerTables::open(url, options).await?),
        })
    }

    /// Opens the rows of a server as they are now, while relays work on. A file is opened as for a copy.
    ///
    /// # Errors
    /// As [`StoreLocation::open`].
    pub(super) async fn rows(&self) -> Result<Box<dyn Tables>, StoreError> {
        Ok(match self {
            Self::File(path, options) => Box::new(FileTables::open(path, options)?),
            Self::Server(url, options) => Box::new(ServerTables::snapshot(url, options).await?),
        })
    }

    /// Opens the store, and makes it if there is none.
    ///
    /// # Errors
    /// As [`SqliteStore::open`] and [`PostgresStore::connect`].
    pub async fn open(self, planner: Arc<dyn Planner>) -> Result<Arc<Store>, StoreError> {
        Ok(self.open_as(None, planner).await?.0)
    }

    /// Opens the store for a process that delivers. With `set_aside` a damaged file is quarantined, and a new
    /// one takes its place.
    ///
    /// # Errors
    /// As [`StoreLocation::open`].
    pub async fn open_to_deliver(
        self,
        planner: Arc<dyn Planner>,
        set_aside: bool,
    ) -> Result<(Arc<Store>, Option<Quarantined>), StoreError> {
        self.open_as(Some(set_aside), planner).await
    }

    async fn open_as(
        self,
        to_deliver: Option<bool>,
        planner: Arc<dyn Planner>,
    ) -> Result<(Arc<Store>, Option<Quarantined>), StoreError> {
        let (store, set_aside) = match self {
            Self::File(path, options) => {
                SqliteStore::open_as(to_deliver, &path, planner, options).await?
            }
            Self::Server(url, options) => {
                (PostgresStore::connect(&url, planner, options).await?, None)
            }
        };
        Ok((Arc::new(store), set_aside))
    }
}
