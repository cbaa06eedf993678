//! Housekeeping: kept numbers, single values, the pages of the inbox, pruning.
//!
//! What belongs here: what the store does for its operators and itself. What doesn't: the way of
//! a webhook or a delivery.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{Destination, Time, Webhook, WebhookId};
use crate::store::copying::Mark;
use crate::store::{
    AvailabilityClock, InboxPage, Pruned, Stats, StoredDestinations, Workspace, record,
};

use super::deliveries::{DELIVERED, duration, micros};
use super::fault::Fault;
use super::transaction::Transaction;
use super::value::{Value, number};
use super::visitors;

/// How many webhooks one transaction prunes.
pub(super) const PIECE: usize = 100;

/// Over how many rows a kept number is spread.
const SLOTS: i32 = 16;

/// Numbers that are kept.
#[derive(Clone, Copy)]
pub(super) enum Counter {
    Pending,
    Dead,
    Parked,
}

/// Adds to a kept number. Its row is held until the commit, so each connection has one of its own,
/// as far as there are enough.
pub(super) async fn count(
    transaction: &Transaction,
    counter: Counter,
    change: i64,
) -> Result<(), Fault> {
    if change == 0 {
        return Ok(());
    }
    let name = match counter {
        Counter::Pending => "pending",
        Counter::Dead => "dead",
        Counter::Parked => "parked",
    };
    let sql = "INSERT INTO counters (name, slot, value) VALUES ($1, pg_backend_pid() % $2, $3)
         ON CONFLICT (name, slot) DO UPDATE SET value = counters.value + excluded.value";
    transaction.change(sql, &[&name, &SLOTS, &change]).await?;
    Ok(())
}

/// See [`Store::stats`](crate::store::Store::stats).
pub(super) async fn stats(transaction: &Transaction) -> Result<Stats, Fault> {
    // One statement, so that all numbers are of one moment.
    let sql = "SELECT
             (SELECT SUM(value)::bigint FROM counters WHERE name = 'pending'),
             (SELECT SUM(value)::bigint FROM counters WHERE name = 'dead'),
             (SELECT SUM(value)::bigint FROM counters WHERE name = 'parked'),
             (SELECT MIN(planned_at) FROM deliveries WHERE state = 0)";
    let Some(row) = transaction.row(sql, &[]).await? else { return Ok(Stats::default()) };
    let kept = |place: usize| -> Result<u64, Fault> {
        let sum: Option<i64> = row.try_get(place)?;
        Ok(u64::try_from(sum.unwrap_or(0)).unwrap_or(0))
    };
    let oldest: Option<i64> = row.try_get(3)?;
    Ok(Stats {
        pending: kept(0)?,
        dead: kept(1)?,
        parked: kept(2)?,
        oldest_pending: oldest.map(Time::from_micros),
    })
}

/// Single values that are remembered.
#[derive(Clone, Copy)]
pub(super) enum Meta {
    HashKey,
    Accepting(Destination),
    PrunedUntil(Prunable),
    Workspace,
    ProbedAt,
    TombstoneCheck,
    /// The mark of a copy that isn't whole.
    Copying,
}

impl Meta {
    fn key(self) -> &'static str {
        match self {
            Self::HashKey => "hash_key",
            Self::Accepting(Destination::CustomerIo) => "accepting",
            Self::Accepting(Destination::GrowSurf) => "accepting_back",
            Self::PrunedUntil(Prunable::Finished) => "pruned_until",
            Self::PrunedUntil(Prunable::Parked) => "parked_pruned_until",
            Self::Workspace => "workspace",
            Self::ProbedAt => "probed_at",
            Self::TombstoneCheck => "tombstone_check",
            Self::Copying => Mark::KEY,
        }
    }
}

/// The value remembered, if there is one.
pub(super) async fn recall(transaction: &Transaction, meta: Meta) -> Result<Option<String>, Fault> {
    let row = transaction.row("SELECT value FROM meta WHERE key = $1", &[&meta.key()]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The number remembered, if there is one.
async fn recall_number(transaction: &Transaction, meta: Meta) -> Result<Option<i64>, Fault> {
    Ok(recall(transaction, meta).await?.and_then(|text| text.parse().ok()))
}

/// Remembers a value in place of the one before.
pub(super) async fn remember(
    transaction: &Transaction,
    meta: Meta,
    value: String,
) -> Result<(), Fault> {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    transaction.change(sql, &[&meta.key(), &value]).await?;
    Ok(())
}

/// Forgets a value, if there is one.
pub(super) async fn forget(transaction: &Transaction, meta: Meta) -> Result<(), Fault> {
    transaction.change("DELETE FROM meta WHERE key = $1", &[&meta.key()]).await?;
    Ok(())
}

/// Remembers the accepting clock, which every relay has a reading of: the one that goes ahead. Its
/// row is held until the commit, so it isn't touched for less than a second.
pub(super) async fn remember_accepting(
    transaction: &Transaction,
    accepting: AvailabilityClock,
) -> Result<(), Fault> {
    let sql = "INSERT INTO meta (key, value)
         SELECT $1, $2::bigint::text WHERE NOT EXISTS (
             SELECT 1 FROM meta WHERE key = $1 AND value::bigint > $2::bigint - 1000000
         )
         ON CONFLICT (key) DO UPDATE
         SET value = GREATEST(meta.value::bigint, excluded.value::bigint)::text";
    transaction
        .change(sql, &[&Meta::Accepting(accepting.way).key(), &micros(accepting.reading)])
        .await?;
    Ok(())
}

/// The store's secret: `seed` if the store is new, else what `seed` was then.
pub(super) async fn hash_key(transaction: &Transaction, seed: [u8; 32]) -> Result<[u8; 32], Fault> {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    transaction.change(sql, &[&Meta::HashKey.key(), &hex::encode(seed)]).await?;
    let kept = recall(transaction, Meta::HashKey).await?.unwrap_or_default();
    let mut key = [0; 32];
    let read = hex::decode_to_slice(kept, &mut key);
    read.map_err(|error| crate::store::record::unreadable("the store's secret", error))?;
    Ok(key)
}

/// See [`Store::destination`](crate::store::Store::destination).
pub(super) async fn destination(transaction: &Transaction) -> Result<StoredDestinations, Fault> {
    let accepting = async |way| -> Result<_, Fault> {
        let micros = recall_number(transaction, Meta::Accepting(way)).await?;
        Ok(micros.map(duration).unwrap_or_default())
    };
    let workspace = recall_number(transaction, Meta::Workspace).await?;
    Ok(StoredDestinations {
        accepting: accepting(Destination::CustomerIo).await?,
        accepting_back: accepting(Destination::GrowSurf).await?,
        workspace: workspace.map(|environment_id| Workspace { environment_id }),
    })
}

/// See [`Store::pruned_until`](crate::store::Store::pruned_until).
pub(super) async fn pruned_until(transaction: &Transaction) -> Result<Pruned, Fault> {
    let until = async |which| -> Result<_, Fault> {
        let micros = recall_number(transaction, Meta::PrunedUntil(which)).await?;
        Ok(micros.map(Time::from_micros))
    };
    let (finished, parked) = (until(Prunable::Finished).await?, until(Prunable::Parked).await?);
    Ok(Pruned { finished, parked })
}

/// See [`Store::inbox`](crate::store::Store::inbox).
pub(super) async fn inbox(
    transaction: &Transaction,
    page: InboxPage,
) -> Result<Vec<Webhook>, Fault> {
    let since = page.since.map_or(i64::MIN, Time::micros);
    let after = lowest_id(page.since).max(page.after.map(|id| id.0)).unwrap_or(Uuid::nil());
    let parked = if page.parked { "AND parked IS NOT NULL" } else { "" };
    let sql = format!(
        "SELECT {WEBHOOK} FROM inbox
         WHERE id > $1 AND received_at >= $2 AND body IS NOT NULL {parked} ORDER BY id LIMIT $3"
    );
    let rows = transaction.rows(&sql, &[&after, &since, &number(page.limit)]).await?;
    rows.iter().map(webhook).collect()
}

/// The columns that make a webhook.
pub(super) const WEBHOOK: &str = "id, received_at, source, owner, event, body";

/// Reads the webhook of a row that begins with [`WEBHOOK`].
pub(super) fn webhook(row: &Row) -> Result<Webhook, Fault> {
    Ok(Webhook {
        id: WebhookId(row.try_get(0)?),
        received_at: Time::from_micros(row.try_get(1)?),
        source: record::source(row.try_get(2)?)?,
        owner: row.try_get(3)?,
        event: row.try_get(4)?,
        body: row.try_get(5)?,
    })
}

/// What the ids of all webhooks received at `since` or later are greater than: they begin with
/// the millisecond. It spares a page a walk over everything before.
fn lowest_id(since: Option<Time>) -> Option<Uuid> {
    let millis = u64::try_from(since?.millis()).ok()?;
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Some(Uuid::from_bytes(bytes))
}

/// Which webhooks are pruned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prunable {
    /// Those that aren't parked.
    Finished,
    /// Those that are parked.
    Parked,
}

/// Prunes the oldest that can be: received before, body kept, nothing of them pending or dead.
/// Returns how many it did, at most [`PIECE`].
pub(super) async fn prune(
    transaction: &Transaction,
    which: Prunable,
    before: Time,
    limit: usize,
) -> Result<usize, Fault> {
    let find = match which {
        Prunable::Finished => {
            "SELECT id FROM inbox
             WHERE received_at < $1 AND body IS NOT NULL AND parked IS NULL
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.id AND state <> $2)
             ORDER BY received_at LIMIT $3 FOR UPDATE SKIP LOCKED"
        }
        Prunable::Parked => {
            "SELECT id FROM inbox
             WHERE received_at < $1 AND body IS NOT NULL AND parked IS NOT NULL AND id < $4
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.id AND state <> $2)
             ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED"
        }
    };
    // The ids of all that were received before are less. It ends the walk over those parked.
    let beyond = lowest_id(Some(before.plus(Duration::from_millis(1)))).unwrap_or(Uuid::nil());
    let limit = number(limit.min(PIECE));
    let received = before.micros();
    let mut values: Vec<&dyn Value> = vec![&received, &DELIVERED, &limit];
    values.extend(Some(&beyond as &dyn Value).filter(|_| which == Prunable::Parked));
    let rows = transaction.rows(find, &values).await?;
    let found: Vec<Uuid> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    // Looked at once more now that the rows are held: one may have been replayed meanwhile.
    let prune = "UPDATE inbox SET body = NULL, parked = NULL
         WHERE id = ANY ($1) AND (parked IS NOT NULL) = $3
         AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.id AND state <> $2)
         RETURNING id, received_at";
    let are_parked = which == Prunable::Parked;
    let rows = transaction.rows(prune, &[&found, &DELIVERED, &are_parked]).await?;
    let mut pruned: Vec<Uuid> = Vec::new();
    let mut until = recall_number(transaction, Meta::PrunedUntil(which)).await?;
    for row in &rows {
        pruned.push(row.try_get(0)?);
        until = until.max(Some(row.try_get(1)?));
    }
    let attempts = "DELETE FROM attempts USING deliveries
         WHERE deliveries.id = attempts.delivery AND webhook = ANY ($1) AND state = $2";
    transaction.change(attempts, &[&pruned, &DELIVERED]).await?;
    let deliveries =
        "DELETE FROM deliveries WHERE webhook = ANY ($1) AND state = $2 RETURNING lane";
    let rows = transaction.rows(deliveries, &[&pruned, &DELIVERED]).await?;
    let people: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    visitors::drop_gone(transaction, &people).await?;
    if let (Some(until), false) = (until, pruned.is_empty()) {
        remember(transaction, Meta::PrunedUntil(which), until.to_string()).await?;
    }
    if which == Prunable::Parked {
        count(transaction, Counter::Parked, -number(pruned.len())).await?;
    }
    Ok(pruned.len())
}
