//! The tables `inbox` and `mentions`.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{Class, Time, Webhook, WebhookId};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::Value;
use crate::store::record::{self, unreadable};
use crate::store::rows::{Changes, NewWebhook, StoredWebhook};
use crate::store::unit::WebhookRows;

use super::inbox::{WEBHOOK, webhook};
use super::plan_reads::all;

impl WebhookRows for Transaction {
    async fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let hashes: Vec<&[u8]> = fingerprints.iter().map(<[u8; 32]>::as_slice).collect();
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL FROM inbox
             WHERE sha256 = ANY ($1) OR (id = ANY ($2) AND body IS NOT NULL)";
        let rows = self.rows(sql, &[&hashes, &ids]).await?;
        let mut found = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        let held: Vec<Uuid> = found
            .iter()
            .filter(|row| row.is_parked || ids.contains(&row.id.0))
            .map(|row| row.id.0)
            .collect();
        if !held.is_empty() {
            let sql = "SELECT id, parked IS NOT NULL, campaign FROM inbox WHERE id = ANY ($1)
                 ORDER BY id FOR UPDATE";
            for now in self.rows(sql, &[&held]).await? {
                let id = WebhookId(now.try_get(0)?);
                let row = found.iter_mut().find(|row| row.id == id).ok_or(Fault::Overtaken)?;
                (row.is_parked, row.campaign) = (now.try_get(1)?, now.try_get(2)?);
            }
        }
        Ok(found)
    }

    async fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        let sql = format!("SELECT {WEBHOOK} FROM inbox WHERE id = $1 AND body IS NOT NULL");
        self.row(&sql, &[&id.0]).await?.as_ref().map(webhook).transpose()
    }
}

fn stored(row: &Row) -> Result<StoredWebhook, Fault> {
    let fingerprint: Vec<u8> = row.try_get(1)?;
    let fingerprint =
        fingerprint.try_into().map_err(|_| unreadable("a webhook", "its hash is short"))?;
    Ok(StoredWebhook {
        id: WebhookId(row.try_get(0)?),
        fingerprint,
        received_at: Time::from_micros(row.try_get(2)?),
        class: Class::of_stored(record::source(row.try_get(3)?)?),
        campaign: row.try_get(4)?,
        is_parked: row.try_get(5)?,
    })
}

/// Writes webhooks that are new.
pub(super) async fn write_new(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    if changes.webhooks.is_empty() {
        return Ok(());
    }
    fn column<'a, T>(changes: &'a Changes, of: impl Fn(&'a NewWebhook) -> T) -> Vec<T> {
        changes.webhooks.iter().map(of).collect()
    }
    let sql = "INSERT INTO inbox
             (id, sha256, received_at, source, owner, campaign, event, parked, body)
         SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bigint[], $4::text[], $5::text[],
                              $6::text[], $7::text[], $8::text[], $9::bytea[])
             AS new (id, sha256, received_at, source, owner, campaign, event, parked, body)
         ORDER BY sha256
         ON CONFLICT (sha256) DO NOTHING";
    let values: [&dyn Value; 9] = [
        &column(changes, |it| it.id.0),
        &column(changes, |it| it.fingerprint.as_slice()),
        &column(changes, |it| it.received_at),
        &column(changes, |it| it.source),
        &column(changes, |it| it.owner.as_deref()),
        &column(changes, |it| it.campaign.as_deref()),
        &column(changes, |it| it.event.as_deref()),
        &column(changes, |it| it.parked.as_deref()),
        &column(changes, |it| it.body.as_deref()),
    ];
    all(transaction.change(sql, &values).await?, changes.webhooks.len())
}

/// Writes webhooks that were planned again, and drops bodies.
pub(super) async fn write_stored(
    transaction: &Transaction,
    changes: &Changes,
) -> Result<(), Fault> {
    if !changes.replanned.is_empty() {
        let ids: Vec<Uuid> = changes.replanned.iter().map(|it| it.id.0).collect();
        let parked: Vec<_> = changes.replanned.iter().map(|it| it.parked.as_deref()).collect();
        let campaigns: Vec<_> = changes.replanned.iter().map(|it| it.campaign.as_deref()).collect();
        let sql = "UPDATE inbox
             SET parked = it.parked, campaign = coalesce(inbox.campaign, it.campaign)
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS it (id, parked, campaign)
             WHERE inbox.id = it.id";
        transaction.change(sql, &[&ids, &parked, &campaigns]).await?;
    }
    if !changes.dropped.is_empty() {
        let ids: Vec<Uuid> = changes.dropped.iter().map(|id| id.0).collect();
        let sql = "UPDATE inbox SET body = NULL, parked = NULL WHERE id = ANY ($1)";
        transaction.change(sql, &[&ids]).await?;
    }
    Ok(())
}

/// Writes whom webhooks name.
pub(super) async fn write_mentions(
    transaction: &Transaction,
    changes: &Changes,
) -> Result<(), Fault> {
    if changes.mentions.is_empty() {
        return Ok(());
    }
    let people: Vec<i64> = changes.mentions.iter().map(|(person, _)| *person).collect();
    let webhooks: Vec<Uuid> = changes.mentions.iter().map(|(_, webhook)| webhook.0).collect();
    let sql = "INSERT INTO mentions (person, webhook)
         SELECT * FROM unnest($1::bigint[], $2::uuid[]) ON CONFLICT DO NOTHING";
    transaction.change(sql, &[&people, &webhooks]).await.map(drop)
}
