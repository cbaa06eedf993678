//! The tables `inbox` and `mentions`, and what pruning takes of them.

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::domain::{PersonId, Webhook, WebhookId};
use crate::store::InboxEntry;
use crate::store::inbox::Prunable;
use crate::store::rows::{Changes, NewWebhook, ReplannedWebhook, StoredWebhook};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::{Entries, Hash, InboxRows, Kept};

use super::{change, read, read_by};

impl InboxRows for SqliteUnit<'_> {
    async fn webhooks(
        &mut self,
        which: Kept,
        after: Uuid,
        since: i64,
        limit: i64,
    ) -> Result<Vec<Webhook>, Fault> {
        let sql = match which {
            Kept::All => {
                "SELECT id, received_at, source, owner, event, body FROM inbox
                 WHERE id > ?1 AND received_at >= ?2 AND body IS NOT NULL
                 ORDER BY id LIMIT ?3"
            }
            Kept::Parked => {
                "SELECT id, received_at, source, owner, event, body
                 FROM inbox INDEXED BY inbox_parked
                 WHERE id > ?1 AND received_at >= ?2 AND parked IS NOT NULL AND body IS NOT NULL
                 ORDER BY id LIMIT ?3"
            }
            Kept::Unmentioned => {
                "SELECT id, received_at, source, owner, event, body FROM inbox
                 WHERE id > ?1 AND received_at >= ?2 AND body IS NOT NULL
                     AND (parked IS NOT NULL OR source NOT IN ('growsurf', 'growsurf_api'))
                 ORDER BY id LIMIT ?3"
            }
        };
        read(self.connection, sql, params![after, since, limit])
    }

    async fn entries(
        &mut self,
        which: Entries,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Fault> {
        let sql = match which {
            Entries::All => {
                "SELECT id, received_at, source, owner, event, parked,
                     parked IS NOT NULL
                     AND EXISTS (SELECT 1 FROM deliveries WHERE deliveries.webhook = inbox.id)
                 FROM inbox INDEXED BY inbox_kept
                 WHERE id < ?1 AND body IS NOT NULL ORDER BY id DESC LIMIT ?2"
            }
            Entries::Parked => {
                "SELECT id, received_at, source, owner, event, parked,
                     parked IS NOT NULL
                     AND EXISTS (SELECT 1 FROM deliveries WHERE deliveries.webhook = inbox.id)
                 FROM inbox INDEXED BY inbox_parked
                 WHERE id < ?1 AND parked IS NOT NULL ORDER BY id DESC LIMIT ?2"
            }
            Entries::Of(PersonId(person)) => {
                let sql = "SELECT id, received_at, source, owner, event, parked,
                     parked IS NOT NULL
                     AND EXISTS (SELECT 1 FROM deliveries WHERE deliveries.webhook = inbox.id)
                     FROM mentions CROSS JOIN inbox ON id = webhook AND body IS NOT NULL
                     WHERE webhook < ?1 AND person = ?3 ORDER BY webhook DESC LIMIT ?2";
                return read(self.connection, sql, params![before, limit, person]);
            }
        };
        read(self.connection, sql, params![before, limit])
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

    async fn hold_webhooks(
        &mut self,
        fingerprints: &[Hash],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL, mapped
             FROM inbox WHERE sha256 = ?1";
        let mut found = read_by(self.connection, sql, fingerprints)?;
        let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL, mapped
             FROM inbox WHERE id = ?1 AND body IS NOT NULL";
        found.extend(read_by::<StoredWebhook>(self.connection, sql, ids.iter().map(|id| id.0))?);
        Ok(found)
    }

    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Fault> {
        let sql = "SELECT webhook FROM mentions WHERE person = ?1";
        read_by(self.connection, sql, people)
    }
}

/// Writes webhooks and whom they name.
pub fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for new in &changes.webhooks {
        let sql = "INSERT INTO inbox
                 (id, sha256, received_at, source, owner, campaign, event, parked, mapped, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let NewWebhook { id, fingerprint, received_at, source, owner, .. } = new;
        let NewWebhook { campaign, event, parked, is_mapped, body, .. } = new;
        let (id, at) = (id.0, received_at);
        let values =
            params![id, fingerprint, at, source, owner, campaign, event, parked, is_mapped, body];
        change(connection, sql, values)?;
    }
    for webhook in &changes.replanned {
        let sql = "UPDATE inbox SET parked = ?2, campaign = ?3, mapped = ?4
             WHERE id = ?1 AND body IS NOT NULL";
        let ReplannedWebhook { id, parked, campaign, is_mapped } = webhook;
        change(connection, sql, params![id.0, parked, campaign, is_mapped])?;
    }
    for id in &changes.dropped {
        let sql = "UPDATE inbox SET body = NULL, parked = NULL WHERE id = ?1 AND body IS NOT NULL";
        change(connection, sql, [id.0])?;
    }
    for (person, webhook) in &changes.mentions {
        let sql = "INSERT INTO mentions (person, webhook) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        change(connection, sql, params![person, webhook.0])?;
    }
    for (person, webhook) in &changes.removed_mentions {
        let sql = "DELETE FROM mentions WHERE person = ?1 AND webhook = ?2";
        change(connection, sql, params![person, webhook.0])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use crate::domain::{Labelled, Source};

    #[test]
    fn mentions_lead_to_webhooks_of_growsurf() {
        let sources = Source::VARIANTS.iter().filter(|source| source.is_growsurf());
        let listed: Vec<String> = sources.map(|source| format!("'{}'", source.label())).collect();
        let sql = format!("source NOT IN ({})", listed.join(", "));
        assert!(include_str!("inbox.rs").contains(&sql), "{sql}");
    }
}
