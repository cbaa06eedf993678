//! The integrity check of a store in use, once after each start of the machine.
//!
//! What belongs here: the need for a check, its pauses, and its stored result. What doesn't: the single
//! checks (`soundness`), and their times in the service (`app`).
//!
//! SQLite recovers by itself from everything that a process can die of, so a start of the relay
//! asks nothing. A machine that went down may have lost or garbled what was on its way to the
//! disk. The note is in the store itself, so that it goes where the store goes: what was damaged
//! is known at the next start (`damage`), and a copy of a store is looked through on its machine.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::store::StoreError;
use crate::store::meta::{DAMAGED, LOOKED_THROUGH};

use super::connection::{DatabasePath, PATIENCE};
use super::fault::Fault;
use super::soundness;
use super::tables::meta;

/// The result of an examination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Examination {
    /// It was looked through since the machine started.
    Unneeded,
    /// It was asked to stop before the end.
    Stopped,
    /// Everything is as it was written.
    Sound,
    /// Every page is sound, but these numbers or lanes contradict the rest.
    Contradictory(Vec<&'static str>),
    /// It is damaged, in this way. The next start that delivers from it sets it aside.
    Damaged(String),
}

/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 1_000;

/// The time that it works before it rests for as long, so that it takes half of one core at most.
const STRETCH: Duration = Duration::from_millis(10);

/// Looks through the store at `path`; with `boot`, unless it was done since the machine started as that.
///
/// Notes the result in the store. Takes as long as the store is long; other work goes on beside it. `stop` is
/// called often.
///
/// # Errors
/// [`StoreError::Unavailable`] if the store can't be read or written for other reasons.
pub fn examine(
    path: &Path,
    boot: Option<&str>,
    stop: impl Fn() -> bool + Send + Clone + 'static,
) -> Result<Examination, StoreError> {
    let place = DatabasePath::new(path, PATIENCE);
    let found = match search(&place, boot, stop.clone()) {
        _ if stop() => return Ok(Examination::Stopped),
        Ok(found) => found,
        Err(Fault::Sql(error)) if soundness::is_damage(&error) => {
            Examination::Damaged(error.to_string())
        }
        Err(fault) => return Err(fault.into_store_error("be checked")),
    };
    if found != Examination::Unneeded {
        let noted = place.writer().map_err(Fault::from);
        if let Err(error) = noted.and_then(|connection| note(&connection, boot, &found)) {
            // The next start looks again.
            tracing::warn!(%error, "can't store the result of the check");
        }
    }
    Ok(found)
}

fn search(
    place: &DatabasePath,
    boot: Option<&str>,
    stop: impl Fn() -> bool + Send + 'static,
) -> Result<Examination, Fault> {
    let mut reader = place.reader()?;
    if boot.is_some() && meta::recall(&reader, LOOKED_THROUGH)?.as_deref() == boot {
        return Ok(Examination::Unneeded);
    }
    reader.progress_handler(STEPS, Some(gently(stop)))?;
    if let Some(damage) = soundness::search_damage(&reader)? {
        return Ok(Examination::Damaged(damage));
    }
    let found = soundness::contradictions(&reader)?;
    Ok(match found.is_empty() {
        true => Examination::Sound,
        false => Examination::Contradictory(found),
    })
}

fn note(connection: &Connection, boot: Option<&str>, found: &Examination) -> Result<(), Fault> {
    match (found, boot) {
        (Examination::Damaged(damage), _) => meta::remember(connection, DAMAGED, Some(damage)),
        (_, Some(boot)) => meta::remember(connection, LOOKED_THROUGH, Some(boot)),
        (_, None) => Ok(()),
    }
}

/// Works and rests in turn, until it is to stop.
fn gently(stop: impl Fn() -> bool) -> impl FnMut() -> bool {
    let mut begun = Instant::now();
    move || {
        let worked = begun.elapsed();
        if worked >= STRETCH {
            thread::sleep(worked.min(STRETCH));
            begun = Instant::now();
        }
        stop()
    }
}
