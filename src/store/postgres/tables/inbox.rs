//! The tables `inbox` and `mentions`, and what pruning takes of them.

use strum::VariantArray;
use uuid::Uuid;

use crate::domain::{Labelled, PersonId, Source, Webhook, WebhookId};
use crate::store::InboxEntry;
use crate::store::columns::{ENTRY, WEBHOOK};
use crate::store::inbox::Prunable;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{boxed, rows};
use crate::store::rows::{Changes, StoredWebhook};
use crate::store::unit::{Entries, Hash, InboxRows, Kept};

use super::Writes;

impl InboxRows for Transaction {
    async fn webhooks(
        &mut self,
        which: Kept,
        after: Uuid,
        since: i64,
        limit: i64,
    ) -> Result<Vec<Webhook>, Fault> {
        let by_growsurf = Source::VARIANTS.iter().filter(|source| source.is_growsurf());
        let by_growsurf: Vec<&str> = by_growsurf.map(Source::label).collect();
        let is = match which {
            Kept::All => "true",
            Kept::Parked => "parked IS NOT NULL",
            Kept::Unmentioned => "(parked IS NOT NULL OR source <> ALL ($4))",
        };
        let sql = format!(
            "SELECT {WEBHOOK} FROM inbox
             WHERE id > $1 AND received_at >= $2 AND body IS NOT NULL AND {is} ORDER BY id LIMIT $3"
        );
        self.read(&sql, &[&after, &since, &limit, &by_growsurf]).await
    }

    async fn entries(
        &mut self,
        which: Entries,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Fault> {
        let (from, id, person) = match which {
            Entries::All => ("inbox WHERE body IS NOT NULL", "id", 0),
            Entries::Parked => ("inbox WHERE parked IS NOT NULL", "id", 0),
            Entries::Of(PersonId(person)) => {
                let from =
                    "mentions JOIN inbox ON id = webhook AND body IS NOT NULL WHERE person = $3";
                (from, "webhook", person)
            }
        };
        let sql = format!("SELECT {ENTRY} FROM {from} AND {id} < $1 ORDER BY {id} DESC LIMIT $2");
        self.read(&sql, &[&before, &limit, &person]).await
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

    async fn hold_webhooks(
        &mut self,
        fingerprints: &[Hash],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let hashes: Vec<&[u8]> = fingerprints.iter().map(Hash::as_slice).collect();
        let ids = uuids(ids);
        let sql = "SELECT id, sha256, received_at, source, campaign, parked IS NOT NULL, mapped
             FROM inbox WHERE sha256 = ANY ($1) OR (id = ANY ($2) AND body IS NOT NULL)";
        let mut found: Vec<StoredWebhook> = self.read(sql, &[&hashes, &ids]).await?;
        let held = found.iter().filter(|row| row.is_parked || ids.contains(&row.id.0));
        let held: Vec<Vec<u8>> = held.map(|row| row.fingerprint.to_vec()).collect();
        let sql = "SELECT id, parked IS NOT NULL, campaign, mapped FROM inbox
             WHERE sha256 = ANY ($1) AND body IS NOT NULL ORDER BY id FOR UPDATE";
        let now: Vec<(WebhookId, bool, (Option<String>, bool))> =
            self.read_by(sql, &[&held]).await?;
        if now.len() != held.len() {
            return Err(Fault::Conflict);
        }
        for (id, is_parked, (campaign, is_mapped)) in now {
            let row = found.iter_mut().find(|row| row.id == id).ok_or(Fault::Conflict)?;
            (row.is_parked, row.campaign, row.is_mapped) = (is_parked, campaign, is_mapped);
        }
        Ok(found)
    }

    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Fault> {
        let sql = "SELECT DISTINCT webhook FROM mentions WHERE person = ANY ($1)";
        self.read(sql, &[&people.to_vec()]).await
    }
}

fn uuids(ids: &[WebhookId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}

/// Writes webhooks that are new or planned again, and drops bodies.
pub fn write<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "INSERT INTO inbox
             (id, sha256, received_at, source, owner, campaign, event, parked, mapped, body)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             AS new (id, sha256, received_at, source, owner, campaign, event, parked, mapped, body)
         ORDER BY sha256
         ON CONFLICT (sha256) DO NOTHING";
    let new = rows!(changes.webhooks, it => it.id.0, it.fingerprint.as_slice(), it.received_at,
        it.source, it.owner.as_deref(), it.campaign.as_deref(), it.event.as_deref(),
        it.parked.as_deref(), it.is_mapped, it.body.as_deref());
    writes.add_whole(sql, new);
    let sql = "UPDATE inbox
         SET parked = it.parked, campaign = it.campaign, mapped = it.mapped
         FROM unnest($1, $2, $3, $4) AS it (id, parked, campaign, mapped)
         WHERE inbox.id = it.id AND body IS NOT NULL";
    let again = rows!(changes.replanned, it => it.id.0, it.parked.as_deref(),
        it.campaign.as_deref(), it.is_mapped);
    writes.add(sql, again);
    let sql = "UPDATE inbox SET body = NULL, parked = NULL
         WHERE id = ANY ($1) AND body IS NOT NULL";
    writes.add(sql, rows!(changes.dropped, it => it.0));
}

/// Writes whom webhooks name.
pub fn write_mentions<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "INSERT INTO mentions (person, webhook)
         SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING";
    writes.add(sql, rows!(changes.mentions, it => it.0, it.1.0));
    let sql = "DELETE FROM mentions USING unnest($1, $2) AS own (person, webhook)
         WHERE mentions.person = own.person AND mentions.webhook = own.webhook";
    writes.add(sql, rows!(changes.removed_mentions, it => it.0, it.1.0));
}
