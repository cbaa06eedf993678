//! The contents of a file that may be a store, read as a whole.
//!
//! What belongs here: the checks of a file at rest, and its summary. What doesn't: a store at work: this reads every row, so it is for copies.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode};

use crate::domain::Time;
use crate::store::meta::DAMAGED;
use crate::store::work::ReadStats;
use crate::store::{Stats, StoreError};

use super::connection::{DatabasePath, PATIENCE};
use super::fault::Fault;
use super::tables::meta;
use super::values::{self, Unreadable};
use super::{Options, damage, files, migrate, opening, soundness, unit};

/// The contents of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackupManifest {
    /// The version of its schema.
    pub schema: i64,
    /// Webhooks, whether or not their bodies are still there.
    pub webhooks: u64,
    /// The time of receipt of the newest.
    pub newest: Option<Time>,
    pub people: u64,
    /// The numbers of pending, dead and parked rows.
    pub stats: Stats,
    /// The length of the file in bytes.
    pub bytes: u64,
}

/// A reason why this version can't run on a file.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBackup {
    #[error("it isn't a SQLite file")]
    NotSqlite,
    #[error("it is a SQLite file, but no store of referral-relay")]
    NotAStore,
    #[error(
        "its schema is version {found} and this referral-relay knows {known}; use the version \
         that wrote it, or a newer one"
    )]
    TooNew { found: i64, known: i64 },
    #[error("{0}")]
    Foreign(String),
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A row of it can't be read.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// Every row can be read, and they contradict each other.
    #[error(
        "it contradicts itself: {0}; use an earlier backup, or correct the rows while no relay runs"
    )]
    Contradictory(&'static str),
    #[error("{0}")]
    Refused(StoreError),
}

/// Moves the log beside the file at `path` into it.
pub(super) fn rest(path: &Path) -> Result<(), InvalidBackup> {
    if let Some(damage) = files::cut_off(path) {
        return Err(InvalidBackup::Damaged(damage));
    }
    DatabasePath::new(path, Duration::ZERO).at_rest()?;
    Ok(())
}

/// Looks through the file at `path`, which nobody may be writing to.
pub(super) fn read(path: &Path) -> Result<BackupManifest, InvalidBackup> {
    let mut connection = DatabasePath::new(path, Duration::ZERO).reader()?;
    let tables = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'
        AND name IN ('schema_migrations', 'meta', 'inbox', 'deliveries', 'effects')";
    if number(&connection, tables)? < 5 {
        return Err(InvalidBackup::NotAStore);
    }
    let schema = migrate::version(&connection)?;
    // Before anything that a trigger, a view or an index with an expression could take part in.
    if let Some(difference) = migrate::difference(&connection, schema)? {
        return Err(InvalidBackup::Foreign(difference));
    }
    if let Some(damage) = soundness::search_damage(&connection)? {
        return Err(InvalidBackup::Damaged(damage));
    }
    Ok(summary(&mut connection, schema)?)
}

/// Reads every value of the file at `path`, which nobody may be writing to, as the relay would.
pub(super) fn read_values(path: &Path) -> Result<(), InvalidBackup> {
    check_values(&DatabasePath::new(path, Duration::ZERO).reader()?)
}

fn check_values(connection: &Connection) -> Result<(), InvalidBackup> {
    if let Some(row) = values::unreadable(connection)? {
        return Err(InvalidBackup::Unreadable(row));
    }
    let contradictions = soundness::contradictions(connection)?;
    contradictions.first().map_or(Ok(()), |first| Err(InvalidBackup::Contradictory(first)))
}

/// Starts on the file at `path`, which is nobody's yet, as the process that delivers would, and brings
/// it to rest again. So it has this version's schema.
pub(super) fn try_out(path: &Path, options: &Options) -> Result<(), InvalidBackup> {
    let place = DatabasePath::new(path, options.busy_timeout);
    let mut connection = place.writer()?;
    migrate::migrate(&mut connection, options.now)?;
    // It was found in another file; all of this one was looked through.
    meta::remember(&connection, DAMAGED, None)?;
    check_values(&connection)?;
    drop(connection);
    let opened = opening::open(&place, options);
    opened.and_then(|opened| damage::fit_to_deliver(opened, options.now)).map_err(Fault::from)?;
    rest(path)
}

/// Returns the first difference between the schema of the store at `path`, which may be at work, and
/// the one that this version makes; `None` if there is none. A backup of such a store can't be made.
pub fn foreign(path: &Path) -> Result<Option<String>, InvalidBackup> {
    let connection = DatabasePath::new(path, PATIENCE).reader()?;
    let schema = migrate::version(&connection)?;
    Ok(migrate::difference(&connection, schema)?)
}

fn summary(connection: &mut Connection, schema: i64) -> Result<BackupManifest, Fault> {
    let newest: Option<i64> =
        connection.query_row("SELECT MAX(received_at) FROM inbox", [], |row| row.get(0))?;
    let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    Ok(BackupManifest {
        schema,
        webhooks: number(connection, "SELECT COUNT(*) FROM inbox")?,
        newest: newest.map(Time::from_micros),
        people: number(connection, "SELECT COUNT(*) FROM people")?,
        stats: unit::run(connection, &ReadStats)?,
        bytes: number(connection, pages)?,
    })
}

fn number(connection: &Connection, sql: &str) -> Result<u64, Fault> {
    let number: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(number).unwrap_or(0))
}

impl From<Fault> for InvalidBackup {
    fn from(fault: Fault) -> Self {
        let not_sqlite = |error: &Error| error.sqlite_error_code() == Some(ErrorCode::NotADatabase);
        match fault {
            Fault::Sql(error) if not_sqlite(&error) => Self::NotSqlite,
            Fault::Store(StoreError::TooNew { found, known }) => Self::TooNew { found, known },
            Fault::Store(
                StoreError::Unreadable { detail, .. } | StoreError::Damaged { detail },
            ) => Self::Damaged(detail),
            Fault::Store(error) => Self::Refused(error),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<Error> for InvalidBackup {
    fn from(error: Error) -> Self {
        Fault::from(error).into()
    }
}
