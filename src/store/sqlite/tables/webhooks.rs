//! The tables `inbox` and `mentions`.

use rusqlite::{Connection, Row, params};

use crate::domain::{Class, Time, Webhook, WebhookId};
use crate::store::record;
use crate::store::rows::{Changes, NewWebhook, StoredWebhook};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::WebhookRows;

use super::inbox::{id, webhook};
use super::{change, find};

impl WebhookRows for SqliteUnit<'_> {
    async fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let mut found = Vec::new();
        for fingerprint in fingerprints {
            let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL
                 FROM inbox WHERE sha256 = ?1";
            found.extend(find(self.connection, sql, [fingerprint], stored)?);
        }
        for WebhookId(id) in ids {
            let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL
                 FROM inbox WHERE id = ?1 AND body IS NOT NULL";
            found.extend(find(self.connection, sql, [id.as_bytes()], stored)?);
        }
        Ok(found)
    }

    async fn webhook(&mut self, WebhookId(id): WebhookId) -> Result<Option<Webhook>, Fault> {
        let sql = "SELECT id, received_at, source, owner, event, body FROM inbox
             WHERE id = ?1 AND body IS NOT NULL";
        find(self.connection, sql, [id.as_bytes()], webhook)
    }
}

fn stored(row: &Row<'_>) -> Result<StoredWebhook, Fault> {
    let source = record::source(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?;
    Ok(StoredWebhook {
        id: id(row)?,
        fingerprint: row.get(1)?,
        received_at: Time::from_micros(row.get(2)?),
        class: Class::of_stored(source),
        campaign: row.get(4)?,
        is_parked: row.get(5)?,
    })
}

/// Writes webhooks and whom they name.
pub(super) fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for new in &changes.webhooks {
        let sql = "INSERT INTO inbox
                 (id, sha256, received_at, source, owner, campaign, event, parked, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let NewWebhook { id, fingerprint, received_at, source, owner, .. } = new;
        let NewWebhook { campaign, event, parked, body, .. } = new;
        let (id, at) = (id.0.as_bytes(), received_at);
        let values = params![id, fingerprint, at, source, owner, campaign, event, parked, body];
        change(connection, sql, values)?;
    }
    for webhook in &changes.replanned {
        let sql = "UPDATE inbox SET parked = ?2, campaign = coalesce(campaign, ?3) WHERE id = ?1";
        let id = webhook.id.0.as_bytes();
        change(connection, sql, params![id, webhook.parked, webhook.campaign])?;
    }
    for id in &changes.dropped {
        let sql = "UPDATE inbox SET body = NULL, parked = NULL WHERE id = ?1";
        change(connection, sql, [id.0.as_bytes()])?;
    }
    for (person, webhook) in &changes.mentions {
        let sql = "INSERT INTO mentions (person, webhook) SELECT ?1, seq FROM inbox WHERE id = ?2
             ON CONFLICT DO NOTHING";
        change(connection, sql, params![person, webhook.0.as_bytes()])?;
    }
    Ok(())
}
