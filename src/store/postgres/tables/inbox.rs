//! The tables `inbox` and `mentions`, and what pruning takes of them.

use std::collections::BTreeMap;

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{Webhook, WebhookId};
use crate::store::columns::{FromColumns, WEBHOOK};
use crate::store::inbox::Prunable;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, columns};
use crate::store::rows::{Changes, FinishedDelivery, FinishedWebhook, StoredWebhook};
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
        self.read(&sql, &[&after, &since, &limit]).await
    }

    async fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Fault> {
        let is = match which {
            Prunable::Finished => "IS NULL",
            Prunable::Parked => "IS NOT NULL",
        };
        let sql = format!(
            "SELECT id FROM inbox
             WHERE received_at < $1 AND id < $2 AND body IS NOT NULL AND parked {is}
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.id AND state <> 1)
             ORDER BY id LIMIT $3"
        );
        self.read(&sql, &[&before, &below, &limit]).await
    }

    async fn hold_finished(&mut self, ids: &[WebhookId]) -> Result<Vec<FinishedWebhook>, Fault> {
        let ids = uuids(ids);
        let sql = "SELECT id, received_at, parked IS NOT NULL FROM inbox
             WHERE id = ANY ($1) AND body IS NOT NULL ORDER BY id FOR UPDATE";
        let held = self.rows(sql, &[&ids]).await?;
        // Only now, because nothing is planned for a webhook that is held.
        let sql = "SELECT id, lane, state, webhook FROM deliveries WHERE webhook = ANY ($1)";
        let mut deliveries: BTreeMap<Uuid, Vec<FinishedDelivery>> = BTreeMap::new();
        for row in self.rows(sql, &[&ids]).await? {
            let delivery = FinishedDelivery::read(&row)?;
            deliveries.entry(row.try_get(3)?).or_default().push(delivery);
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

    async fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let hashes: Vec<&[u8]> = fingerprints.iter().map(<[u8; 32]>::as_slice).collect();
        let ids = uuids(ids);
        let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL FROM inbox
             WHERE sha256 = ANY ($1) OR (id = ANY ($2) AND body IS NOT NULL)";
        let mut found: Vec<StoredWebhook> = self.read(sql, &[&hashes, &ids]).await?;
        let held = found.iter().filter(|row| row.is_parked || ids.contains(&row.id.0));
        let held: Vec<Vec<u8>> = held.map(|row| row.fingerprint.to_vec()).collect();
        if !held.is_empty() {
            let sql = "SELECT id, parked IS NOT NULL, campaign FROM inbox
                 WHERE sha256 = ANY ($1) ORDER BY id FOR UPDATE";
            for now in self.rows(sql, &[&held]).await? {
                let id = WebhookId(now.try_get(0)?);
                let row = found.iter_mut().find(|row| row.id == id).ok_or(Fault::Conflict)?;
                (row.is_parked, row.campaign) = (now.try_get(1)?, now.try_get(2)?);
            }
        }
        Ok(found)
    }

    async fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        let sql = format!("SELECT {WEBHOOK} FROM inbox WHERE id = $1 AND body IS NOT NULL");
        self.row(&sql, &[&id.0]).await?.as_ref().map(Webhook::read).transpose()
    }
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

/// Writes webhooks that are new.
pub(super) async fn write_new(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    let sql = "INSERT INTO inbox
             (id, sha256, received_at, source, owner, campaign, event, parked, body)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
             AS new (id, sha256, received_at, source, owner, campaign, event, parked, body)
         ORDER BY sha256
         ON CONFLICT (sha256) DO NOTHING";
    let columns = columns!(changes.webhooks, it => it.id.0, it.fingerprint.as_slice(),
        it.received_at, it.source, it.owner.as_deref(), it.campaign.as_deref(),
        it.event.as_deref(), it.parked.as_deref(), it.body.as_deref());
    transaction.write_all(sql, &columns).await
}

/// Writes webhooks that were planned again, and drops bodies.
pub(super) async fn write_stored(
    transaction: &Transaction,
    changes: &Changes,
) -> Result<(), Fault> {
    let sql = "UPDATE inbox
         SET parked = it.parked, campaign = it.campaign
         FROM unnest($1, $2, $3) AS it (id, parked, campaign)
         WHERE inbox.id = it.id AND body IS NOT NULL";
    let columns = columns!(changes.replanned, it => it.id.0, it.parked.as_deref(),
        it.campaign.as_deref());
    transaction.write(sql, &columns).await?;
    let sql = "UPDATE inbox SET body = NULL, parked = NULL
         WHERE id = ANY ($1) AND body IS NOT NULL";
    transaction.write(sql, &[&uuids(&changes.dropped)]).await
}

/// Writes whom webhooks name.
pub(super) async fn write_mentions(
    transaction: &Transaction,
    changes: &Changes,
) -> Result<(), Fault> {
    let sql = "INSERT INTO mentions (person, webhook)
         SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING";
    let columns = columns!(changes.mentions, it => it.0, it.1.0);
    transaction.write(sql, &columns).await
}
