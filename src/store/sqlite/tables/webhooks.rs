//! The tables `inbox` and `mentions`.

use rusqlite::{Connection, Row, params};

use crate::domain::{Class, Time, Webhook, WebhookId};
use crate::store::record;
use crate::store::rows::{Changes, StoredWebhook};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::WebhookRows;

use super::inbox::webhook;

impl WebhookRows for SqliteUnit<'_> {
    async fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let mut found = Vec::new();
        for fingerprint in fingerprints {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL FROM inbox
                 WHERE sha256 = ?1",
            )?;
            found.extend(statement.query_and_then([fingerprint], stored)?.next().transpose()?);
        }
        for WebhookId(id) in ids {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL FROM inbox
                 WHERE id = ?1 AND body IS NOT NULL",
            )?;
            let id = id.as_bytes();
            found.extend(statement.query_and_then([id], stored)?.next().transpose()?);
        }
        Ok(found)
    }

    async fn webhook(&mut self, WebhookId(id): WebhookId) -> Result<Option<Webhook>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, received_at, source, owner, event, body FROM inbox
             WHERE id = ?1 AND body IS NOT NULL",
        )?;
        statement.query_and_then([id.as_bytes()], webhook)?.next().transpose()
    }
}

fn stored(row: &Row<'_>) -> Result<StoredWebhook, Fault> {
    let source = record::source(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?;
    Ok(StoredWebhook {
        id: WebhookId(uuid::Uuid::from_bytes(row.get(0)?)),
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
        connection
            .prepare_cached(
                "INSERT INTO inbox
                     (id, sha256, received_at, source, owner, campaign, event, parked, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                new.id.0.as_bytes(),
                new.fingerprint,
                new.received_at,
                new.source,
                new.owner,
                new.campaign,
                new.event,
                new.parked,
                new.body,
            ])?;
    }
    for webhook in &changes.replanned {
        connection
            .prepare_cached(
                "UPDATE inbox SET parked = ?2, campaign = coalesce(campaign, ?3) WHERE id = ?1",
            )?
            .execute(params![webhook.id.0.as_bytes(), webhook.parked, webhook.campaign])?;
    }
    for id in &changes.dropped {
        connection
            .prepare_cached("UPDATE inbox SET body = NULL, parked = NULL WHERE id = ?1")?
            .execute([id.0.as_bytes()])?;
    }
    for (person, webhook) in &changes.mentions {
        connection
            .prepare_cached(
                "INSERT INTO mentions (person, webhook) SELECT ?1, seq FROM inbox WHERE id = ?2
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![person, webhook.0.as_bytes()])?;
    }
    Ok(())
}
