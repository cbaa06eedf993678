//! Errors inside the Postgres backend, and what they become for the rest of the relay.
//!
//! What belongs here: [`Fault`], which lets statements end in `?`, whether trying again may help at
//! once, and the one translation into [`StoreError`]. What doesn't: the trying (`transaction`).

use tokio_postgres::error::SqlState;

use crate::store::StoreError;

use super::pool::PoolError;
use super::refusal::NoServer;

/// An error in a transaction.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{}", describe(.0))]
    Sql(#[from] tokio_postgres::Error),
    /// The connection had ended before anything was begun.
    #[error("{}", describe(.0))]
    Stale(tokio_postgres::Error),
    /// The connection ended during a COMMIT, so its result is unknown.
    #[error("{}", describe(.0))]
    Undecided(tokio_postgres::Error),
    /// There is no connection to be had.
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error("the server is a read-only standby")]
    Standby,
    #[error("it took too long")]
    Slow,
    /// It was under way on a server that others have left meanwhile.
    #[error("its server was left for another")]
    Left,
    /// Rows that were read before the locks have changed, or aren't all: from the beginning.
    #[error("others were in its way")]
    Conflict,
    /// The error is already one that callers know.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault {
    /// True if the same transaction may go well when it is done again at once: others were in its
    /// way, and it has changed nothing.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Conflict | Self::Left | Self::Stale(_) => true,
            Self::Sql(error) => {
                matches!(
                    error.code(),
                    Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE)
                ) || self.is_end()
                    || self.is_aftermath()
            }
            _ => false,
        }
    }

    /// True if the connection has ended, and with it undone what wasn't committed.
    pub(super) fn is_end(&self) -> bool {
        const SAID: [SqlState; 3] = [
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
        ];
        let Self::Sql(error) = self else { return false };
        error.is_closed() || error.code().is_some_and(|code| SAID.contains(code))
    }

    /// Returns the same of a BEGIN. A server that follows another refuses to begin what writes, in
    /// words that say so to few.
    pub(super) fn of_begin(self) -> Self {
        const READ_ONLY: [SqlState; 2] =
            [SqlState::FEATURE_NOT_SUPPORTED, SqlState::READ_ONLY_SQL_TRANSACTION];
        let is_end = self.is_end();
        match self {
            Self::Sql(error) if is_end => Self::Stale(error),
            Self::Sql(error) if error.code().is_some_and(|code| READ_ONLY.contains(code)) => {
                Self::Standby
            }
            fault => fault,
        }
    }

    /// Returns the same of a COMMIT, which may have been heard before the connection ended.
    pub(super) fn of_commit(self) -> Self {
        let is_end = self.is_end();
        match self {
            Self::Sql(error) if is_end => Self::Undecided(error),
            Self::Left => Self::Slow,
            fault => fault,
        }
    }

    /// True if it only says that something before it in the transaction went wrong. Statements that
    /// are sent together may be answered so before the one at fault was looked at.
    fn is_aftermath(&self) -> bool {
        matches!(self, Self::Sql(error) if error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION))
    }

    /// Returns the fault that the others came of, of statements that were sent together.
    pub(super) fn cause(results: Vec<Result<(), Self>>) -> Result<(), Self> {
        let faults = results.into_iter().filter_map(Result::err);
        let (aftermath, causes): (Vec<_>, Vec<_>) = faults.partition(Self::is_aftermath);
        causes.into_iter().chain(aftermath).next().map_or(Ok(()), Err)
    }

    /// True if the plan is to blame and not the server: the same plan would fail again, while other
    /// transactions go well.
    pub(super) fn is_data_error(&self) -> bool {
        match self {
            // Data exceptions, violated constraints, and limits such as that of an index's row.
            Self::Sql(error) => error.code().is_some_and(|code| {
                ["22", "23", "54"].iter().any(|it| code.code().starts_with(it))
            }),
            Self::Store(error) => matches!(error, StoreError::Unreadable { .. }),
            _ => false,
        }
    }

    /// Returns the error as callers know it.
    pub(super) fn into_store_error(self, doing: &'static str) -> StoreError {
        let is_data_error = self.is_data_error();
        let source: Box<dyn std::error::Error + Send + Sync> = match self {
            Self::Store(error) => return error,
            Self::Sql(error) | Self::Stale(error) | Self::Undecided(error) => Box::new(Said(error)),
            Self::Standby => return StoreError::Standby { doing, source: None },
            Self::Pool(PoolError::Backend(error)) if error.has_standby() => {
                return StoreError::Standby { doing, source: Some(Box::new(error)) };
            }
            Self::Pool(PoolError::Backend(error)) => Box::new(error),
            Self::Pool(PoolError::Timeout(_)) => {
                "no connection became free in time; store.connections bounds them".into()
            }
            Self::Pool(error) => Box::new(error),
            Self::Slow => "the server took too long to answer".into(),
            Self::Left => "the server was left for another".into(),
            Self::Conflict => "others changed the same people again and again".into(),
        };
        match is_data_error {
            true => StoreError::Contradiction { doing, source },
            false => StoreError::Unavailable { doing, source },
        }
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

/// True if the server ended a statement because it took too long.
pub(super) fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let said = error.downcast_ref::<Said>();
    said.is_some_and(|said| said.0.code() == Some(&SqlState::QUERY_CANCELED))
}

/// The message of Postgres, which its own error keeps for its cause. Never the row at fault, which the
/// detail of a message may quote.
#[derive(Debug)]
pub(super) struct Said(pub(super) tokio_postgres::Error);

impl std::fmt::Display for Said {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_db_error() {
            Some(error) => write!(out, "{} (SQLSTATE {})", error.message(), error.code().code()),
            None => self.0.fmt(out),
        }
    }
}

impl std::error::Error for Said {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = std::error::Error::source(&self.0);
        source.filter(|_| self.0.as_db_error().is_none())
    }
}

impl From<NoServer> for Fault {
    fn from(error: NoServer) -> Self {
        Self::Pool(PoolError::Backend(error))
    }
}
