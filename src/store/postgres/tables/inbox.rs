//! The table `inbox`, in pages, and what pruning takes of it.

use std::collections::BTreeMap;

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{LaneId, Time, Webhook, WebhookId};
use crate::store::DeliveryState;
use crate::store::inbox::Prunable;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::record;
use crate::store::rows::{FinishedDelivery, FinishedWebhook};
use crate::store::unit::InboxRows;

use super::erasing::uuids;

impl InboxRows for Transaction {
    async fn inbox_page(
        &mut self,
        after: Uuid,
        since: i64,
        parked: bool,
        limit: i64,
    ) -> Result<Vec<Webhook>, Fault> {
        let parked = if parked { "AND parked IS NOT NULL" } else { "" };
        let sql = format!(
            "SELECT {WEBHOOK} FROM inbox
             WHERE id > $1 AND received_at >= $2 AND body IS NOT NULL {parked} ORDER BY id LIMIT $3"
        );
        self.read(&sql, &[&after, &since, &limit], webhook).await
    }

    async fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Fault> {
        let (is, order) = match which {
            Prunable::Finished => ("IS NULL", "received_at"),
            Prunable::Parked => ("IS NOT NULL", "id"),
        };
        let sql = format!(
            "SELECT id FROM inbox
             WHERE received_at < $1 AND id < $2 AND body IS NOT NULL AND parked {is}
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.id AND state <> 1)
             ORDER BY {order} LIMIT $3"
        );
        let id = |row: &Row| Ok(WebhookId(row.try_get(0)?));
        self.read(&sql, &[&before, &below, &limit], id).await
    }

    async fn hold_finished(&mut self, ids: &[WebhookId]) -> Result<Vec<FinishedWebhook>, Fault> {
        let ids = uuids(ids);
        let sql = "SELECT id, received_at, parked IS NOT NULL FROM inbox
             WHERE id = ANY ($1) AND body IS NOT NULL ORDER BY id FOR UPDATE";
        let held = self.rows(sql, &[&ids]).await?;
        // Only now, because nothing is planned for a webhook that is held.
        let sql =
            "SELECT webhook, id, lane, state::bigint FROM deliveries WHERE webhook = ANY ($1)";
        let mut deliveries: BTreeMap<Uuid, Vec<FinishedDelivery>> = BTreeMap::new();
        for row in self.rows(sql, &[&ids]).await? {
            let (lane, state) = (LaneId(row.try_get(2)?), DeliveryState::of(row.try_get(3)?));
            let delivery = FinishedDelivery { row: row.try_get(1)?, lane, state };
            deliveries.entry(row.try_get(0)?).or_default().push(delivery);
        }
        let webhook = |row: &Row| {
            let id: Uuid = row.try_get(0)?;
            Ok(FinishedWebhook {
                id: WebhookId(id),
                received_at: row.try_get(1)?,
                is_parked: row.try_get(2)?,
                deliveries: deliveries.remove(&id).unwrap_or_default(),
            })
        };
        held.iter().map(webhook).collect()
    }
}

/// The columns that make a webhook.
pub(in crate::store::postgres) const WEBHOOK: &str = "id, received_at, source, owner, event, body";

/// Reads the webhook of a row that begins with [`WEBHOOK`].
pub(in crate::store::postgres) fn webhook(row: &Row) -> Result<Webhook, Fault> {
    Ok(Webhook {
        id: WebhookId(row.try_get(0)?),
        received_at: Time::from_micros(row.try_get(1)?),
        source: record::source(row.try_get(2)?)?,
        owner: row.try_get(3)?,
        event: row.try_get(4)?,
        body: row.try_get(5)?,
    })
}

/// Removes rows of deliveries with their attempts.
pub(super) async fn remove_deliveries(
    transaction: &Transaction,
    rows: &[i64],
) -> Result<(), Fault> {
    let halves: Vec<i64> = rows.iter().flat_map(|row| [2 * row, 2 * row + 1]).collect();
    transaction.write("DELETE FROM attempts WHERE delivery = ANY ($1)", &[&halves]).await?;
    transaction.write("DELETE FROM deliveries WHERE id = ANY ($1)", &[&rows.to_vec()]).await
}
