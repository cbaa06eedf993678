//! Housekeeping: kept numbers, single values, the pages of the inbox, pruning.
//!
//! What belongs here: what the store does for its operators and itself. What doesn't: the way of
//! a webhook or a delivery.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::types::{FromSql, ToSql, Value};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use crate::domain::{Destination, Time, Webhook, WebhookId};
use crate::store::copying::Mark;
use crate::store::{InboxPage, Pruned, Stats, StoredDestinations, Workspace, record};

use super::deliveries::{DELIVERED, duration};
use super::fault::Fault;
use super::visitors;

/// How many webhooks one transaction prunes.
pub(super) const PIECE: usize = 100;

/// Numbers that are kept.
#[derive(Clone, Copy)]
pub(super) enum Counter {
    Pending,
    Dead,
    Parked,
}

/// Adds to a kept number.
pub(super) fn count(connection: &Connection, counter: Counter, change: i64) -> Result<(), Fault> {
    if change == 0 {
        return Ok(());
    }
    let name = match counter {
        Counter::Pending => "pending",
        Counter::Dead => "dead",
        Counter::Parked => "parked",
    };
    connection
        .prepare_cached("UPDATE counters SET value = value + ?2 WHERE name = ?1")?
        .execute(params![name, change])?;
    Ok(())
}

/// See [`Store::stats`](crate::store::Store::stats).
pub(super) fn stats(connection: &Connection) -> Result<Stats, Fault> {
    // One statement, so that all numbers are of one moment.
    let stats = connection
        .prepare_cached(
            "SELECT
                 (SELECT value FROM counters WHERE name = 'pending'),
                 (SELECT value FROM counters WHERE name = 'dead'),
                 (SELECT value FROM counters WHERE name = 'parked'),
                 (SELECT planned_at FROM deliveries INDEXED BY deliveries_planned
                  WHERE state = 0 ORDER BY planned_at LIMIT 1)",
        )?
        .query_row([], |row| {
            let number = |column| -> rusqlite::Result<u64> {
                Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
            };
            let oldest: Option<i64> = row.get(3)?;
            Ok(Stats {
                pending: number(0)?,
                dead: number(1)?,
                parked: number(2)?,
                oldest_pending: oldest.map(Time::from_micros),
            })
        })?;
    Ok(stats)
}

/// Single values that are remembered.
#[derive(Clone, Copy)]
pub(super) enum Meta {
    HashKey,
    Accepting(Destination),
    PrunedUntil(Prunable),
    Workspace,
    ProbedAt,
    /// The start of the machine since which the store was looked through.
    LookedThrough,
    /// The damage that was found then.
    Damaged,
    TombstoneCheck,
    /// The mark of a copy that isn't whole.
    Copying,
}

impl Meta {
    /// The key of its row.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::HashKey => "hash_key",
            Self::Accepting(Destination::CustomerIo) => "accepting",
            Self::Accepting(Destination::GrowSurf) => "accepting_back",
            Self::PrunedUntil(Prunable::Finished) => "pruned_until",
            Self::PrunedUntil(Prunable::Parked) => "parked_pruned_until",
            Self::Workspace => "workspace",
            Self::ProbedAt => "probed_at",
            Self::LookedThrough => "looked_through",
            Self::Damaged => "damaged",
            Self::TombstoneCheck => "tombstone_check",
            Self::Copying => Mark::KEY,
        }
    }
}

/// The value remembered, if there is one.
pub(super) fn recall<T: FromSql>(connection: &Connection, meta: Meta) -> Result<Option<T>, Fault> {
    let value = connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([meta.key()], |row| row.get(0))
        .optional()?;
    Ok(value)
}

/// Remembers a value in place of the one before.
pub(super) fn remember(
    connection: &Connection,
    meta: Meta,
    value: impl ToSql,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![meta.key(), value])?;
    Ok(())
}

/// Forgets a value, if there is one.
pub(super) fn forget(connection: &Connection, meta: Meta) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([meta.key()])?;
    Ok(())
}

/// The store's secret: `seed` if the store is new, else what `seed` was then.
pub(super) fn hash_key(connection: &Connection, seed: [u8; 32]) -> Result<[u8; 32], Fault> {
    // Two processes may both be the first; one statement decides.
    let key = connection.query_row(
        "INSERT INTO meta (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = value RETURNING value",
        params![Meta::HashKey.key(), seed],
        |row| row.get(0),
    )?;
    Ok(key)
}

/// See [`Store::destination`](crate::store::Store::destination).
pub(super) fn destination(connection: &Connection) -> Result<StoredDestinations, Fault> {
    let accepting = |way| -> Result<_, Fault> {
        let micros: Option<i64> = recall(connection, Meta::Accepting(way))?;
        Ok(micros.map(duration).unwrap_or_default())
    };
    let workspace: Option<i64> = recall(connection, Meta::Workspace)?;
    Ok(StoredDestinations {
        accepting: accepting(Destination::CustomerIo)?,
        accepting_back: accepting(Destination::GrowSurf)?,
        workspace: workspace.map(|environment_id| Workspace { environment_id }),
    })
}

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

/// See [`Store::pruned_until`](crate::store::Store::pruned_until).
pub(super) fn pruned_until(connection: &Connection) -> Result<Pruned, Fault> {
    let until = |which| -> Result<_, Fault> {
        let micros = recall(connection, Meta::PrunedUntil(which))?;
        Ok(micros.map(Time::from_micros))
    };
    Ok(Pruned { finished: until(Prunable::Finished)?, parked: until(Prunable::Parked)? })
}

/// Which webhooks are pruned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prunable {
    /// Those that aren't parked.
    Finished,
    /// Those that are parked.
    Parked,
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
    let mut until: Option<i64> = recall(connection, Meta::PrunedUntil(which))?;
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
        remember(connection, Meta::PrunedUntil(which), until)?;
    }
    if which == Prunable::Parked {
        count(connection, Counter::Parked, -i64::try_from(pruned).unwrap_or(i64::MAX))?;
    }
    visitors::drop_gone(connection, &people)?;
    Ok(pruned)
}
