//! A damaged store, seen when it is opened, and what takes its place.
//!
//! What belongs here: distinguishing a damaged store from a foreign file, and the order of the
//! steps. What doesn't: damage that only shows when everything is read (`examination`), which
//! leaves a note that is found here.
//!
//! Only the process that has the right to deliver sets a store aside. Another file that is there
//! by mistake, or the store of a newer version, is refused and stays where it is.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use strum::VariantArray;

use crate::domain::{Destination, Time};
use crate::store::StoreError;
use crate::store::meta::{DAMAGED, HASH_KEY, WORKSPACE, accepting, number, secret};
use crate::store::work::{NextDue, ReadStats, ReleaseLanes};

use super::connection::{DatabasePath, PATIENCE, keep_as_it_is};
use super::delivery_lock::DeliveryLock;
use super::fault::Fault;
use super::opening::{self, Opened};
use super::quarantine::{self, Why};
use super::rebuild::rebuild;
use super::tables::meta;
use super::{Options, access, files, soundness, unit};

/// A damaged store that was set aside.
#[derive(Debug)]
pub struct Quarantined {
    pub damage: String,
    /// The name that it has now.
    pub aside: Option<PathBuf>,
    /// The contents of the store that has taken its place.
    pub kept: Kept,
}

/// The part of a damaged store that is in the one that has taken its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Everything: only what can be made anew from the rest was damaged.
    Everything,
    /// Its secret, and the workspace that it belongs to; no webhook, no person, no call.
    Secret,
    Nothing,
}

/// Opens the store for the process that delivers from it. With `set_aside`, another store replaces a
/// damaged one.
pub(super) fn open(
    place: &DatabasePath,
    right: &DeliveryLock,
    options: &Options,
    set_aside: bool,
) -> Result<(Opened, Option<Quarantined>), StoreError> {
    const DOING: &str = "be opened";
    let was_there = place.lock_file().exists();
    let unopened = |error| StoreError::unavailable(DOING, access::explain(place.path(), error));
    files::make_folder(files::folder(place.path())).map_err(unopened)?;
    if !right.take().map_err(unopened)? {
        // Another process delivers from it, so it is fit to.
        return Ok((opening::open(place, options)?, None));
    }
    let exists = place.path().exists() && before_opening(place.path()).is_none();
    let opened = match overwritten(place.path()) {
        Some(detail) if was_there && exists => {
            Err(StoreError::Damaged { detail: detail.to_owned() })
        }
        _ => opening::open(place, options).and_then(|opened| fit_to_deliver(opened, options.now)),
    };
    let damage = match opened {
        Err(StoreError::Damaged { detail }) if set_aside => detail,
        opened => return Ok((opened?, None)),
    };
    tracing::warn!(store = %place.path().display(), damage, "the store is damaged; setting it aside");
    replace(place, options, damage).map(|(opened, set_aside)| (opened, Some(set_aside)))
}

/// Does what a relay does first, and undoes it: else it would stop the start later.
pub(super) fn fit_to_deliver(mut opened: Opened, now: Time) -> Result<Opened, StoreError> {
    let detail = match try_to_deliver(&mut opened.connection, now) {
        Ok(None) => return Ok(opened),
        Ok(Some(found)) => found,
        Err(Fault::Sql(error)) if soundness::is_damage(&error) => error.to_string(),
        Err(fault) => return Err(fault.into_store_error("be delivered from")),
    };
    let _closed_anyway = keep_as_it_is(&opened.connection, true);
    Err(StoreError::Damaged { detail })
}

/// Returns the damage that was found before. Fails on damage that is in the way.
fn try_to_deliver(connection: &mut Connection, now: Time) -> Result<Option<String>, Fault> {
    let found = meta::recall(connection, DAMAGED)?;
    if found.is_some() {
        return Ok(found);
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let released = unit::run(connection, &ReleaseLanes(now));
    connection.execute_batch("ROLLBACK")?;
    released?;
    for &destination in Destination::VARIANTS {
        unit::run(connection, &NextDue { destination, page: true, now })?;
        let clock = meta::recall(connection, accepting(destination))?;
        clock.as_deref().map(number).transpose()?;
    }
    unit::run(connection, &ReadStats)?;
    Ok(None)
}

fn replace(
    place: &DatabasePath,
    options: &Options,
    damage: String,
) -> Result<(Opened, Quarantined), StoreError> {
    const DOING: &str = "be set aside";
    let store = place.path();
    // SQLite would throw away the log of an empty file.
    let (rebuilt, remembered) = if is_empty(store) {
        (None, None)
    } else {
        (Some(rebuild(place, options.now)), remembered(place))
    };
    let aside = quarantine::set_aside(store, Why::Damaged, options.now)
        .map_err(|error| StoreError::unavailable(DOING, error))?;
    let mut options = options.clone();
    let mut kept = match rebuilt {
        Some(Ok(new)) => {
            new.publish(store).map_err(|error| StoreError::unavailable(DOING, error))?;
            Kept::Everything
        }
        unbuilt => {
            if let Some(Err(why)) = unbuilt {
                tracing::warn!(%why, "what it holds can't be brought into a new store");
            }
            // Under a second name it is safe, and a new one takes its place.
            match fs::remove_file(store) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::unavailable(DOING, error));
                }
                Ok(()) | Err(_) => Kept::Nothing,
            }
        }
    };
    if let Some((hash_key, _)) = &remembered {
        options.seed = *hash_key;
    }
    let opened = opening::open(place, &options)?;
    if let (Kept::Nothing, Some((_, workspace))) = (kept, remembered) {
        let remembering = workspace.map_or(Ok(()), |workspace| {
            meta::remember(&opened.connection, WORKSPACE, Some(&workspace))
        });
        remembering.map_err(|fault| fault.into_store_error(DOING))?;
        kept = Kept::Secret;
    }
    Ok((opened, Quarantined { damage, aside, kept }))
}

/// Returns the store's secret and its workspace, if they can be read.
fn remembered(place: &DatabasePath) -> Option<([u8; 32], Option<String>)> {
    let connection = place.reader().ok()?;
    let hash_key = meta::recall(&connection, HASH_KEY).ok()??;
    let workspace = meta::recall(&connection, WORKSPACE).ok()?;
    Some((secret(&hash_key).ok()?, workspace))
}

/// Returns the damage that opening would hide. SQLite takes an empty file for a new one and throws
/// away the log beside it, and it completes a page that is cut off.
pub(super) fn before_opening(path: &Path) -> Option<String> {
    // In this order, because a store in the making has a log only once it isn't empty.
    let is_lost = !is_empty(&files::with(path, "-wal")) && is_empty(path);
    if is_lost {
        return Some("its file is empty or gone, and its log is there".to_owned());
    }
    files::cut_off(path).filter(|_| was_a_store(path))
}

/// Returns the damage to a file that nothing says was a store, where a relay has used one of its
/// name. Nobody puts bytes there that are neither a text nor SQLite's, but a text may be a mistake.
fn overwritten(path: &Path) -> Option<&'static str> {
    if is_empty(path) {
        return Some("it is empty, although a relay has used it");
    }
    let mut start = Vec::new();
    let file = File::open(path).ok()?;
    file.take(FIRST_PAGE).read_to_end(&mut start).ok()?;
    let is_text = !start.contains(&0) && start.is_ascii();
    let is_sqlite = start.starts_with(b"SQLite format 3\0");
    (!is_text && !is_sqlite).then_some("its first page isn't SQLite's any more")
}

/// True if there is a store at a path, or something else that opening will refuse. An empty file, or a
/// database without anything in it, becomes a store only when a relay starts.
///
/// # Errors
/// [`StoreError::Damaged`] if there was a store, and its file is empty or gone.
pub fn is_made(path: &Path) -> Result<bool, StoreError> {
    let place = DatabasePath::new(path, PATIENCE);
    let path = place.path();
    if let Some(detail) = before_opening(path) {
        return Err(StoreError::Damaged { detail });
    }
    let Ok(about) = fs::metadata(path) else { return Ok(false) };
    if !about.is_file() {
        return Ok(true);
    }
    if about.len() == 0 {
        return match overwritten(path) {
            Some(detail) if place.lock_file().exists() => {
                Err(StoreError::Damaged { detail: detail.to_owned() })
            }
            _ => Ok(false),
        };
    }
    let has_any = |connection: Connection| {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema)";
        connection.query_row(sql, [], |row| row.get(0))
    };
    // Opening says what is wrong with a file that can't be read.
    Ok(place.reader().and_then(has_any).unwrap_or(true))
}

/// True if there is nothing at the path, or an empty file.
fn is_empty(path: &Path) -> bool {
    fs::metadata(path).map_or(0, |about| about.len()) == 0
}

/// Returns the damage that made opening fail, if it was damage and the file a store.
pub(super) fn of(path: &Path, fault: &Fault) -> Option<String> {
    let Fault::Sql(error) = fault else { return None };
    if !soundness::is_damage(error) || !was_a_store(path) {
        return None;
    }
    Some(match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "its first page isn't SQLite's any more".to_owned(),
        _ => error.to_string(),
    })
}

/// Refuses to make a store of another application's database.
pub(super) fn refuse_foreign(connection: &Connection) -> Result<(), Fault> {
    let sql = "SELECT COUNT(*), COALESCE(SUM(name = 'schema_migrations'), 0) FROM sqlite_schema";
    let (all, own): (i64, i64) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if all > 0 && own == 0 {
        let why = "it is a SQLite file of another application; check store.url";
        return Err(Fault::unreadable("tables", why));
    }
    Ok(())
}

/// The shortest page that a store has, in bytes.
const FIRST_PAGE: u64 = 2048;

/// Bytes at the beginning of a file that may hold the text of its schema.
const SCHEMA_WITHIN: u64 = 1 << 20;

/// The place of the application's id in a SQLite file, and the relay's (`migrations/0001_first.sql`).
const MARK: (std::ops::Range<usize>, &[u8]) = (68..72, b"RELA");

/// True if a file that can't be read was a store. Then its first page says so, or the text of its schema is in
/// it or in its log, in pages of SQLite's.
fn was_a_store(path: &Path) -> bool {
    ["", "-wal"].iter().any(|suffix| {
        let mut start = Vec::new();
        let read = File::open(files::with(path, suffix))
            .and_then(|file| file.take(SCHEMA_WITHIN).read_to_end(&mut start));
        let has = |text: &[u8]| start.windows(text.len()).any(|window| window == text);
        let (place, mark) = MARK;
        if start.starts_with(b"SQLite format 3\0") && start.get(place) == Some(mark) {
            return true;
        }
        // The text alone could also be that of a dump, which is no file of SQLite's.
        read.is_ok()
            && start.contains(&0)
            && has(b"CREATE TABLE schema_migrations")
            && has(b"CREATE TABLE inbox")
    })
}
