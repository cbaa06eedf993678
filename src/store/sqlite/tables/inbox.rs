//! The tables `inbox` and `mentions`, and what pruning takes of them.

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::domain::{Webhook, WebhookId};
use crate::store::inbox::Prunable;
use crate::store::rows::{Changes, FinishedWebhook, NewWebhook, StoredWebhook};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::InboxRows;

use super::{change, find, read};

impl InboxRows for SqliteUnit<'_> {
    async fn inbox_page(
        &mut self,
        after: Uuid,
        since: i64,
        parked: bool,
        limit: i64,
    ) -> Result<Vec<Webhook>, Fault> {
        let sql = if parked {
            "SELECT id, received_at, source, owner, event, body FROM inbox INDEXED BY inbox_parked
             WHERE id > ?1 AND received_at >= ?2 AND parked IS NOT NULL AND body IS NOT NULL
             ORDER BY id LIMIT ?3"
        } else {
            "SELECT id, received_at, source, owner, event, body FROM inbox
             WHERE id > ?1 AND received_at >= ?2 AND body IS NOT NULL
             ORDER BY id LIMIT ?3"
        };
        read(self.connection, sql, params![after, since, limit])
    }

    async fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Fault> {
        let sql = match which {
            Prunable::Finished => {
                "SELECT id FROM inbox INDEXED BY inbox_kept
                 WHERE received_at < ?1 AND id < ?2 AND body IS NOT NULL AND parked IS NULL
                 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.id AND state <> 1)
                 ORDER BY id LIMIT ?3"
            }
            Prunable::Parked => {
                "SELECT id FROM inbox INDEXED BY inbox_parked
                 WHERE received_at < ?1 AND id < ?2 AND body IS NOT NULL AND parked IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = inbox.id AND state <> 1)
                 ORDER BY id LIMIT ?3"
            }
        };
        read(self.connection, sql, params![before, below, limit])
    }

    async fn hold_finished(&mut self, ids: &[WebhookId]) -> Result<Vec<FinishedWebhook>, Fault> {
        let mut found = Vec::new();
        for id in ids {
            let sql = "SELECT received_at, parked IS NOT NULL FROM inbox
                 WHERE id = ?1 AND body IS NOT NULL";
            let row: Option<(i64, bool)> = find(self.connection, sql, [id.0])?;
            let Some((received_at, is_parked)) = row else { continue };
            let sql = "SELECT id, lane, state FROM deliveries WHERE webhook = ?1";
            let deliveries = read(self.connection, sql, [id.0])?;
            found.push(FinishedWebhook { id: *id, received_at, is_parked, deliveries });
        }
        Ok(found)
    }

    async fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let mut found = Vec::new();
        for fingerprint in fingerprints {
            let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL
                 FROM inbox WHERE sha256 = ?1";
            found.extend(find(self.connection, sql, [fingerprint])?);
        }
        for WebhookId(id) in ids {
            let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL
                 FROM inbox WHERE id = ?1 AND body IS NOT NULL";
            found.extend(find(self.connection, sql, [id])?);
        }
        Ok(found)
    }

    async fn webhook(&mut self, WebhookId(id): WebhookId) -> Result<Option<Webhook>, Fault> {
        let sql = "SELECT id, received_at, source, owner, event, body FROM inbox
             WHERE id = ?1 AND body IS NOT NULL";
        find(self.connection, sql, [id])
    }
}

/// Removes rows of deliveries with their attempts.
pub(super) fn remove_deliveries(connection: &Connection, rows: &[i64]) -> Result<(), Fault> {
    for row in rows {
        change(
            connection,
            "DELETE FROM attempts WHERE delivery BETWEEN 2 * ?1 AND 2 * ?1 + 1",
            [row],
        )?;
        change(connection, "DELETE FROM deliveries WHERE id = ?1", [row])?;
    }
    Ok(())
}

/// Writes webhooks and whom they name.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for new in &changes.webhooks {
        let sql = "INSERT INTO inbox
                 (id, sha256, received_at, source, owner, campaign, event, parked, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let NewWebhook { id, fingerprint, received_at, source, owner, .. } = new;
        let NewWebhook { campaign, event, parked, body, .. } = new;
        let (id, at) = (id.0, received_at);
        let values = params![id, fingerprint, at, source, owner, campaign, event, parked, body];
        change(connection, sql, values)?;
    }
    for webhook in &changes.replanned {
        let sql = "UPDATE inbox SET parked = ?2, campaign = ?3
             WHERE id = ?1 AND body IS NOT NULL";
        change(connection, sql, params![webhook.id.0, webhook.parked, webhook.campaign])?;
    }
    for id in &changes.dropped {
        let sql = "UPDATE inbox SET body = NULL, parked = NULL WHERE id = ?1 AND body IS NOT NULL";
        change(connection, sql, [id.0])?;
    }
    for (person, webhook) in &changes.mentions {
        let sql = "INSERT INTO mentions (person, webhook) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        change(connection, sql, params![person, webhook.0])?;
    }
    Ok(())
}
