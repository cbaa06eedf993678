//! The tables `lanes` and `deliveries`: who is next, and the calls.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{LaneId, WebhookId};
use crate::store::rows::{LaneAppend, NewRow};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::LaneRows;

impl LaneRows for SqliteUnit<'_> {
    async fn has_pending(&mut self, identifier: &str) -> Result<bool, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM people
             JOIN deliveries INDEXED BY deliveries_pending ON deliveries.lane = people.id
             WHERE people.identifier = ?1 AND deliveries.state = 0 LIMIT 1",
        )?;
        Ok(statement.exists([identifier])?)
    }
}

/// Puts rows at the ends of lanes.
pub(super) fn append(
    connection: &Connection,
    lanes: &BTreeMap<LaneId, LaneAppend>,
) -> Result<(), Fault> {
    let mut known = None;
    for (lane, LaneAppend { class, due_at, rows }) in lanes {
        let first = extend(connection, lane.0, *class, rows.len(), *due_at)?;
        for (seq, row) in (first..).zip(rows) {
            insert(connection, lane.0, seq, row, &mut known)?;
        }
    }
    Ok(())
}

/// Makes room for `more` rows at a lane's end. Returns the first new place.
pub(in crate::store::sqlite) fn extend(
    connection: &Connection,
    lane: i64,
    class: i16,
    more: usize,
    due_at: i64,
) -> Result<i64, Fault> {
    // No upsert: for an insert that may turn into an update SQLite looks for children of the new
    // row, and there is no index of all deliveries by lane. And no RETURNING: SQLite would make and
    // drop a table in memory for it, which costs more than the update.
    let next: Option<i64> = connection
        .prepare_cached("SELECT next_seq FROM lanes WHERE id = ?1")?
        .query_row([lane], |row| row.get(0))
        .optional()?;
    let first = next.unwrap_or(0);
    let after = first.saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
    let statement = match next {
        Some(_) => {
            "UPDATE lanes SET class = MIN(class, ?2), due_at = COALESCE(due_at, ?3), next_seq = ?4
             WHERE id = ?1"
        }
        None => "INSERT INTO lanes (id, class, due_at, next_seq) VALUES (?1, ?2, ?3, ?4)",
    };
    connection.prepare_cached(statement)?.execute(params![lane, class, due_at, after])?;
    Ok(first)
}

/// Writes a row. `known` is the last webhook and its number.
fn insert(
    connection: &Connection,
    lane: i64,
    seq: i64,
    row: &NewRow,
    known: &mut Option<(WebhookId, i64)>,
) -> Result<(), Fault> {
    if let Some(id) = row.webhook
        && known.is_none_or(|(last, _)| last != id)
    {
        let mut statement = connection.prepare_cached("SELECT seq FROM inbox WHERE id = ?1")?;
        *known = Some((id, statement.query_row([id.0.as_bytes()], |row| row.get(0))?));
    }
    let webhook = row.webhook.and(*known).map(|(_, seq)| seq);
    let NewRow { class, planned_at, event_at, identify, call, .. } = row;
    connection
        .prepare_cached(
            "INSERT INTO deliveries (lane, seq, webhook, planned_at, event_at, call, identify, class)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![lane, seq, webhook, planned_at, event_at, call, identify, class])?;
    Ok(())
}
