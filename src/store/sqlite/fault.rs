//! Errors inside the SQLite backend, and what they become for the rest of the relay.
//!
//! What belongs here: [`Fault`], which lets statements end in `?`, and its one translation into
//! [`StoreError`], which needs to know what the store was doing. What doesn't: decisions about
//! what to do after an error.

use std::sync::Arc;

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;

/// An error of a statement, or of reading its rows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite refused.
    #[error(transparent)]
    Sql(#[from] Error),
    /// Work met a conflict, before it has written anything.
    #[error("the records changed")]
    Conflict,
    /// The error is already one that callers know.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault {
    /// Returns a part of a row that can't be read.
    pub(super) fn unreadable(what: &'static str, detail: impl ToString) -> Self {
        Self::Store(StoreError::Unreadable { what, detail: detail.to_string() })
    }

    /// Returns the error as callers know it.
    pub(super) fn into_store_error(self, doing: &'static str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sql(
                error @ (Error::FromSqlConversionFailure(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::InvalidColumnType(..)),
            ) => StoreError::Unreadable { what: "a row", detail: error.to_string() },
            Self::Sql(error)
                if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
            {
                StoreError::Contradiction { doing, source: Box::new(error) }
            }
            Self::Sql(error)
                if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) =>
            {
                StoreError::TooSlow { doing }
            }
            Self::Sql(error) => StoreError::unavailable(doing, error),
            Self::Conflict => StoreError::unavailable(doing, "the records changed again and again"),
        }
    }
}

/// One error of SQLite for everybody whose work was in the same transaction.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Shared(pub(super) Arc<Error>);
