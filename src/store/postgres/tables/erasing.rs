//! Reads of erasing, and what it writes: a person's rows go, and others' lose what names the person.

use strum::VariantArray;
use uuid::Uuid;

use crate::domain::{Labelled, LaneId, Source, Webhook, WebhookId};
use crate::store::columns::WEBHOOK;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, columns, text};
use crate::store::rows::{CallRow, Changes, PersonRow};
use crate::store::unit::ErasureRows;

/// The columns of a row of deliveries, as far as erasing looks into it.
const CALL: &str = "deliveries.id, lane, state, call, identify, identify_dead,
     (SELECT COUNT(*) FROM dead_letters
      WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1)),
     EXISTS (SELECT 1 FROM dead_letters WHERE delivery = 2 * deliveries.id + 1),
     (SELECT COUNT(*) FROM attempts
      WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1))";

impl ErasureRows for Transaction {
    async fn people_after(&mut self, after: i64, limit: i64) -> Result<Vec<PersonRow>, Fault> {
        let sql = "SELECT id, identifier, state FROM people
             WHERE id > $1 AND state <> '' ORDER BY id LIMIT $2";
        self.read(sql, &[&after, &limit]).await
    }

    async fn hold_people(&mut self, ids: &[i64]) -> Result<Vec<PersonRow>, Fault> {
        let sql = "SELECT id, identifier, state FROM people
             WHERE id = ANY ($1) AND state <> '' ORDER BY id FOR UPDATE";
        self.read(sql, &[&ids.to_vec()]).await
    }

    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Fault> {
        let sql = "SELECT DISTINCT webhook FROM mentions WHERE person = ANY ($1)";
        self.read(sql, &[&people.to_vec()]).await
    }

    async fn searched_bodies(&mut self, after: Uuid, limit: i64) -> Result<Vec<Webhook>, Fault> {
        let sql = format!(
            "SELECT {WEBHOOK} FROM inbox
             WHERE body IS NOT NULL AND id > $1 AND (parked IS NOT NULL OR source <> ALL ($3))
             ORDER BY id LIMIT $2"
        );
        // The mentions lead to these.
        let by_growsurf = Source::VARIANTS.iter().filter(|source| source.is_growsurf());
        let by_growsurf: Vec<&str> = by_growsurf.map(Source::label).collect();
        self.read(&sql, &[&after, &limit, &by_growsurf]).await
    }

    async fn calls_of(&mut self, webhooks: &[WebhookId]) -> Result<Vec<CallRow>, Fault> {
        let sql = format!(
            "SELECT {CALL} FROM deliveries WHERE webhook = ANY ($1) ORDER BY id FOR UPDATE"
        );
        self.read(&sql, &[&uuids(webhooks)]).await
    }

    async fn unsettled_calls(&mut self, lane: LaneId, limit: i64) -> Result<Vec<CallRow>, Fault> {
        let sql = format!(
            "SELECT {CALL} FROM deliveries WHERE id IN (
                 SELECT id FROM deliveries WHERE lane = $1 AND state = 0
                 UNION
                 SELECT deliveries.id FROM dead_letters
                 JOIN deliveries ON deliveries.id = dead_letters.delivery / 2 WHERE lane = $1
             ) ORDER BY id LIMIT $2"
        );
        self.read(&sql, &[&lane.0, &limit]).await
    }
}

pub(super) fn uuids(ids: &[WebhookId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}

/// Writes what only erasing changes.
pub(super) async fn write(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    for (row, call, identify) in &changes.calls {
        let sql = "UPDATE deliveries SET call = $2, identify = $3 WHERE id = $1";
        transaction.change(sql, &[row, call, identify]).await?;
    }
    let sql = "DELETE FROM mentions USING unnest($1, $2) AS own (person, webhook)
         WHERE mentions.person = own.person AND mentions.webhook = own.webhook";
    let mentions = columns!(changes.removed_mentions, it => it.0, it.1.0);
    transaction.write(sql, &mentions).await?;
    for (key, person) in &changes.removed_participants {
        let sql = "DELETE FROM participants
             WHERE campaign = $1 AND growsurf_id = $2 AND person = $3";
        let values = (text(&key.campaign), text(&key.participant));
        transaction.change(sql, &[&values.0, &values.1, person]).await?;
        transaction.change("DELETE FROM links WHERE person = $1", &[person]).await?;
    }
    for (hash, erased_at) in &changes.tombstones {
        let sql = "INSERT INTO tombstones (hash, forgotten_at) VALUES ($1, $2)
             ON CONFLICT (hash) DO UPDATE
             SET forgotten_at = GREATEST(tombstones.forgotten_at, excluded.forgotten_at)";
        transaction.change(sql, &[&hash.to_vec(), erased_at]).await?;
    }
    Ok(())
}
