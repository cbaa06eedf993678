//! Housekeeping: kept numbers, single values, the pages of the inbox, pruning.
//!
//! What belongs here: what the store does for its operators and itself. What doesn't: the way of
//! a webhook or a delivery.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{Time, Webhook, WebhookId};
use crate::store::inbox::Prunable;
use crate::store::meta::Meta;
use crate::store::rows::Counters;
use crate::store::{InboxPage, record};

use super::deliveries::DELIVERED;
use super::fault::Fault;
use super::tables::meta::{count, recall, remember};
use super::transaction::Transaction;
use super::value::{Value, number};
use super::visitors;

/// How many webhooks one transaction prunes.
pub(super) const PIECE: usize = 100;

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
    let until = recall(transaction, Meta::PrunedUntil(which)).await?;
    let mut until: Option<i64> = until.as_deref().map(crate::store::meta::number).transpose()?;
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
        remember(transaction, Meta::PrunedUntil(which), Some(&until.to_string())).await?;
    }
    if which == Prunable::Parked {
        let parked = -number(pruned.len());
        count(transaction, Counters { parked, ..Counters::default() }).await?;
    }
    Ok(pruned.len())
}
