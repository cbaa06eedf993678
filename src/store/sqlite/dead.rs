//! Dead letters: listed, shown, put back, thrown away.
//!
//! What belongs here: what operators do with them. What doesn't: how a delivery dies (`settle`).
//! Putting back and throwing away go in pieces, each a transaction, so that webhooks aren't kept
//! waiting by a hundred thousand of them; what a piece has done needn't be done again.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::{Call, Delivery, DeliveryId, LaneId, PersonId, Planner, Time};
use crate::store::record;
use crate::store::rows::{Counters, number};
use crate::store::{DeadLetter, PastAttempt};

use super::deliveries::{DEAD, DELIVERED, Half, Waiting, duration, half};
use super::fault::Fault;
use super::people;
use super::tables::{extend, meta::count};

/// How many of them one transaction takes on.
pub(super) const PIECE: usize = 500;

const COLUMNS: &str = "SELECT dead_letters.delivery,
        CASE dead_letters.delivery % 2 WHEN 0 THEN identify ELSE call END,
        inbox.id, planned_at, dead_letters.attempts, NULL, event_at, NULL,
        class, lane, people.identifier, died_at, reason, field
    FROM dead_letters
    CROSS JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
    CROSS JOIN people ON people.id = deliveries.lane
    LEFT JOIN inbox ON inbox.seq = deliveries.webhook";

/// See [`Store::dead_letters`](crate::store::Store::dead_letters).
pub(super) fn list(
    connection: &Connection,
    before: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, Fault> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = format!("{COLUMNS} WHERE dead_letters.delivery < ?1 ORDER BY delivery DESC LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([before, limit])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(letter(row)?);
    }
    Ok(letters)
}

/// See [`Store::dead_letter`](crate::store::Store::dead_letter).
pub(super) fn show(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, Fault> {
    let sql = format!("{COLUMNS} WHERE dead_letters.delivery = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let Some(letter) = statement.query_row([id.0], |row| Ok(letter(row))).optional()? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT at, took, http_status, outcome, reason FROM attempts
         WHERE delivery = ?1 ORDER BY id",
    )?;
    let attempts = statement.query_map([id.0], |row| {
        Ok(PastAttempt {
            at: Time::from_micros(row.get(0)?),
            took: duration(row.get(1)?),
            http_status: row.get(2)?,
            outcome: row.get(3)?,
            reason: row.get(4)?,
        })
    })?;
    Ok(Some((letter?, attempts.collect::<Result<_, _>>()?)))
}

fn letter(row: &Row<'_>) -> Result<DeadLetter, Fault> {
    let identifier: String = row.get(10)?;
    let id = DeliveryId(row.get(0)?);
    Ok(DeadLetter {
        delivery: Delivery { id, ..Waiting::of(row)?.1.read()? },
        lane: LaneId(row.get(9)?),
        identifier: record::identifier(&identifier)?,
        died_at: Time::from_micros(row.get(11)?),
        reason: row.get(12)?,
        field: row.get(13)?,
    })
}

/// The next piece of all dead letters after one of them, oldest first.
pub(super) fn after(connection: &Connection, last: DeliveryId) -> Result<Vec<DeliveryId>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT delivery FROM dead_letters WHERE delivery > ?1 ORDER BY delivery LIMIT ?2",
    )?;
    let piece = i64::try_from(PIECE).expect("a small number");
    let ids = statement.query_map([last.0, piece], |row| Ok(DeliveryId(row.get(0)?)))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Puts those of `ids` that are dead letters back at the end of their lanes. An identify carries the
/// present profile, so that it takes nothing back.
pub(super) fn redeliver(
    connection: &Connection,
    planner: &dyn Planner,
    ids: &[DeliveryId],
    now: Time,
) -> Result<usize, Fault> {
    let mut done = 0;
    for id in ids {
        let (row, half) = half(*id);
        let Some(lane) = take(connection, *id)? else { continue };
        done += 1;
        let identify = present(connection, planner, row, half)?;
        // Whoever puts it back doesn't want it to wait behind a backfill.
        let class: i16 = connection
            .prepare_cached(
                "SELECT CASE class WHEN 1 THEN 0 ELSE class END FROM deliveries WHERE id = ?1",
            )?
            .query_row([row], |row| row.get(0))?;
        let seq = extend(connection, lane.0, class, 1, now.micros())?;
        connection
            .prepare_cached(
                "INSERT INTO deliveries (lane, seq, class, webhook, planned_at, event_at, call)
                 SELECT lane, ?2, ?4, webhook, planned_at,
                     CASE WHEN ?3 IS NULL THEN event_at END, COALESCE(?3, call)
                 FROM deliveries WHERE id = ?1",
            )?
            .execute(params![row, seq, identify, class])?;
        clear(connection, row, half)?;
    }
    moved(connection, done)?;
    count(connection, Counters { pending: number(done), ..Counters::default() })?;
    Ok(done)
}

/// Returns an identify with the person's present profile, as a row holds it, if the half of the row is
/// an identify.
fn present(
    connection: &Connection,
    planner: &dyn Planner,
    row: i64,
    half: Half,
) -> Result<Option<String>, Fault> {
    let lane: Option<i64> = connection
        .prepare_cached("SELECT lane FROM deliveries WHERE id = ?1 AND (?2 OR event_at IS NULL)")?
        .query_row(params![row, half == Half::Identify], |row| row.get(0))
        .optional()?;
    let Some(lane) = lane else { return Ok(None) };
    let Some(person) = people::by_id(connection, PersonId(lane))? else { return Ok(None) };
    let identify = Call::Identify { attributes: planner.profile(&person) };
    let text = serde_json::to_string(&identify);
    text.map(Some).map_err(|error| Fault::unreadable("a profile", error))
}

/// Ends a dead letter and its attempts; gives its lane, or nothing if it is none.
fn take(connection: &Connection, DeliveryId(id): DeliveryId) -> Result<Option<LaneId>, Fault> {
    let lane = connection
        .prepare_cached(
            "DELETE FROM dead_letters WHERE delivery = ?1
             RETURNING (SELECT lane FROM deliveries WHERE deliveries.id = delivery / 2)",
        )?
        .query_row([id], |row| Ok(LaneId(row.get(0)?)))
        .optional()?;
    connection.prepare_cached("DELETE FROM attempts WHERE delivery = ?1")?.execute([id])?;
    Ok(lane)
}

/// Removes the half of a row that was a dead letter, and the row with it if nothing is left.
fn clear(connection: &Connection, row: i64, half: Half) -> Result<(), Fault> {
    let statement = match half {
        Half::Identify => {
            "UPDATE deliveries SET identify = NULL, identify_dead = 0 WHERE id = ?1
             RETURNING state, call = '', 0,
                 EXISTS (SELECT 1 FROM dead_letters WHERE delivery = 2 * ?1 + 1)"
        }
        Half::Call => {
            "UPDATE deliveries SET call = '' WHERE id = ?1 RETURNING state, 1, identify_dead, 0"
        }
    };
    let (state, is_empty, rest): (i64, bool, bool) =
        connection.prepare_cached(statement)?.query_row([row], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)? || row.get(3)?))
        })?;
    if state != DEAD || rest {
        return Ok(());
    }
    if is_empty {
        // An identify that went out after all may have left some.
        connection
            .prepare_cached("DELETE FROM attempts WHERE delivery = 2 * ?1")?
            .execute([row])?;
        connection.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?.execute([row])?;
    } else {
        connection
            .prepare_cached("UPDATE deliveries SET state = ?2 WHERE id = ?1")?
            .execute([row, DELIVERED])?;
    }
    Ok(())
}

/// Removes those of `ids` that are dead letters.
pub(super) fn discard(connection: &Connection, ids: &[DeliveryId]) -> Result<usize, Fault> {
    let mut done = 0;
    for id in ids {
        if take(connection, *id)?.is_some() {
            let (row, half) = half(*id);
            clear(connection, row, half)?;
            done += 1;
        }
    }
    moved(connection, done)?;
    Ok(done)
}

fn moved(connection: &Connection, done: usize) -> Result<(), Fault> {
    count(connection, Counters { dead: -number(done), ..Counters::default() })
}
