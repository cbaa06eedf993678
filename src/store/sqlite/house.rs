//! Housekeeping: kept numbers, single values, the pages of the inbox, pruning.
//!
//! What belongs here: what the store does for its operators and itself. What doesn't: the way of
//! a webhook or a delivery.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use crate::domain::{Time, Webhook, WebhookId};
use crate::store::inbox::Prunable;
use crate::store::meta::{Meta, number};
use crate::store::rows::Counters;
use crate::store::{InboxPage, record};

use super::deliveries::DELIVERED;
use super::fault::Fault;
use super::tables::meta::{count, recall, remember};
use super::visitors;

/// How many webhooks one transaction prunes.
pub(super) const PIECE: usize = 100;

/// See [`Store::inbox`](crate::store::Store::inbox).
pub(super) fn inbox(connection: &Connection, page: InboxPage) -> Result<Vec<Webhook>, Fault> {
    let since = page.since.map_or(i64::MIN, Time::micros);
    let after = lowest_id(page.since).max(page.after.map(|id| id.0));
    let after = after.unwrap_or(uuid::Uuid::nil());
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(if page.parked {
        "SELECT id, received_at, source, owner, event, body FROM inbox INDEXED BY inbox_parked
         WHERE id > ?1 AND received_at >= ?2 AND parked IS NOT NULL AND body IS NOT NULL
         ORDER BY id LIMIT ?3"
    } else {
        "SELECT id, received_at, source, owner, event, body FROM inbox
         WHERE id > ?1 AND received_at >= ?2 AND body IS NOT NULL
         ORDER BY id LIMIT ?3"
    })?;
    statement.query_and_then(params![after.as_bytes(), since, limit], webhook)?.collect()
}

/// The columns that make a webhook.
pub(super) const WEBHOOK: &str = "id, received_at, source, owner, event, body";

/// Reads the webhook of a row that begins with [`WEBHOOK`].
pub(super) fn webhook(row: &rusqlite::Row<'_>) -> Result<Webhook, Fault> {
    let source: String = row.get(2)?;
    Ok(Webhook {
        id: WebhookId(uuid::Uuid::from_bytes(row.get(0)?)),
        received_at: Time::from_micros(row.get(1)?),
        source: record::source(&source)?,
        owner: row.get(3)?,
        event: row.get(4)?,
        body: row.get(5)?,
    })
}

/// What the ids of all webhooks received at `since` or later are greater than: they begin with
/// the millisecond. It spares a page a walk over everything before.
fn lowest_id(since: Option<Time>) -> Option<uuid::Uuid> {
    let millis = u64::try_from(since?.millis()).ok()?;
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Some(uuid::Uuid::from_bytes(bytes))
}

/// Webhooks that can be pruned, oldest first: received before, body kept, nothing of them pending or
/// dead.
pub(super) fn prunable(
    connection: &Connection,
    which: Prunable,
    before: Time,
    limit: usize,
) -> Result<Vec<i64>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(match which {
        Prunable::Finished => {
            "SELECT seq FROM inbox INDEXED BY inbox_prunable
             WHERE received_at < ?1 AND body IS NOT NULL AND parked IS NULL
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.seq AND state <> ?2)
             ORDER BY received_at LIMIT ?3"
        }
        Prunable::Parked => {
            "SELECT seq FROM inbox INDEXED BY inbox_parked
             WHERE received_at < ?1 AND body IS NOT NULL AND parked IS NOT NULL AND id < ?4
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.seq AND state <> ?2)
             ORDER BY id LIMIT ?3"
        }
    })?;
    // The ids of all that were received before are less. It ends the walk over those parked.
    let beyond = lowest_id(Some(before.plus(Duration::from_millis(1))));
    let beyond = beyond.unwrap_or(uuid::Uuid::nil()).into_bytes().to_vec();
    let mut values: Vec<Value> = vec![before.micros().into(), DELIVERED.into(), limit.into()];
    values.extend(Some(beyond.into()).filter(|_| which == Prunable::Parked));
    let seqs = statement.query_map(params_from_iter(values), |row| row.get(0))?;
    Ok(seqs.collect::<Result<_, _>>()?)
}

/// Prunes those of `seqs` that still can be: since they were found, one may have been replayed.
pub(super) fn prune(
    connection: &Connection,
    which: Prunable,
    seqs: &[i64],
) -> Result<usize, Fault> {
    let mut pruned = 0;
    let mut people = BTreeSet::new();
    let until = recall(connection, Meta::PrunedUntil(which))?;
    let mut until: Option<i64> = until.as_deref().map(number).transpose()?;
    for seq in seqs {
        let received_at: Option<i64> = connection
            .prepare_cached(
                "UPDATE inbox SET body = NULL, parked = NULL
                 WHERE seq = ?1 AND body IS NOT NULL AND (parked IS NOT NULL) = ?3
                 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = ?1 AND state <> ?2)
                 RETURNING received_at",
            )?
            .query_row(params![*seq, DELIVERED, which == Prunable::Parked], |row| row.get(0))
            .optional()?;
        let Some(received_at) = received_at else { continue };
        connection
            .prepare_cached(
                "DELETE FROM attempts WHERE delivery IN (
                     SELECT 2 * id FROM deliveries WHERE webhook = ?1 AND state = ?2
                     UNION ALL
                     SELECT 2 * id + 1 FROM deliveries WHERE webhook = ?1 AND state = ?2
                 )",
            )?
            .execute([*seq, DELIVERED])?;
        let mut calls = connection.prepare_cached(
            "DELETE FROM deliveries WHERE webhook = ?1 AND state = ?2 RETURNING lane",
        )?;
        for lane in calls.query_map([*seq, DELIVERED], |row| row.get(0))? {
            people.insert(lane?);
        }
        until = until.max(Some(received_at));
        pruned += 1;
    }
    if let (Some(until), 1..) = (until, pruned) {
        remember(connection, Meta::PrunedUntil(which), Some(&until.to_string()))?;
    }
    if which == Prunable::Parked {
        let parked = -i64::try_from(pruned).unwrap_or(i64::MAX);
        count(connection, Counters { parked, ..Counters::default() })?;
    }
    visitors::drop_gone(connection, &people)?;
    Ok(pruned)
}
