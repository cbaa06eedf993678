//! Reads that only operators make.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::{LaneId, PersonId, WebhookId};
use crate::store::columns::ENTRY;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::rows::DeliveryRow;
use crate::store::unit::FindingRows;
use crate::store::{InboxEntry, LaneStatus};

impl FindingRows for Transaction {
    async fn campaigns(&mut self) -> Result<Vec<String>, Fault> {
        let mut campaigns = BTreeSet::new();
        for sql in [
            "SELECT campaign FROM participants WHERE campaign > $1 ORDER BY campaign LIMIT 1",
            "SELECT campaign FROM links WHERE campaign > $1 ORDER BY campaign LIMIT 1",
        ] {
            let mut last = String::new();
            while let Some(next) = self.value::<String>(sql, &[&last]).await? {
                last = next;
                campaigns.insert(last.clone());
            }
        }
        Ok(campaigns.into_iter().collect())
    }

    async fn entry(&mut self, id: WebhookId) -> Result<Option<InboxEntry>, Fault> {
        let sql = format!("SELECT {ENTRY} FROM inbox WHERE id = $1 AND body IS NOT NULL");
        Ok(self.read(&sql, &[&id.0]).await?.pop())
    }

    async fn mentioned_in(
        &mut self,
        PersonId(person): PersonId,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Fault> {
        let sql = format!(
            "SELECT {ENTRY} FROM mentions JOIN inbox ON id = webhook AND body IS NOT NULL
             WHERE person = $1 AND webhook < $2 ORDER BY webhook DESC LIMIT $3"
        );
        self.read(&sql, &[&person, &before, &limit]).await
    }

    async fn parked_before(&mut self, before: Uuid, limit: i64) -> Result<Vec<InboxEntry>, Fault> {
        let sql = format!(
            "SELECT {ENTRY} FROM inbox
             WHERE id < $1 AND parked IS NOT NULL ORDER BY id DESC LIMIT $2"
        );
        self.read(&sql, &[&before, &limit]).await
    }

    async fn entries_before(&mut self, before: Uuid, limit: i64) -> Result<Vec<InboxEntry>, Fault> {
        let sql = format!(
            "SELECT {ENTRY} FROM inbox
             WHERE id < $1 AND body IS NOT NULL ORDER BY id DESC LIMIT $2"
        );
        self.read(&sql, &[&before, &limit]).await
    }

    async fn waiting_after(
        &mut self,
        planned_at: i64,
        row: i64,
        limit: i64,
    ) -> Result<Vec<(DeliveryRow, String)>, Fault> {
        let sql =
            "SELECT it.id, lane, webhook, class, planned_at, event_at, attempts, failing_since,
                 call, CASE WHEN NOT identify_dead THEN identify END, people.identifier
             FROM deliveries AS it JOIN people ON people.id = lane
             WHERE it.state = 0 AND planned_at >= $1 AND (planned_at, it.id) > ($1, $2)
             ORDER BY planned_at, it.id LIMIT $3";
        self.read(sql, &[&planned_at, &row, &limit]).await
    }

    async fn bytes(&mut self) -> Result<i64, Fault> {
        let sql = "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
             WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'";
        Ok(self.value(sql, &[]).await?.unwrap_or(0))
    }

    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Fault> {
        let sql = "SELECT id, due_at, leased,
                 (SELECT planned_at FROM deliveries
                  WHERE lane = lanes.id AND state = 0 ORDER BY seq LIMIT 1),
                 (SELECT COUNT(*) FROM (
                     SELECT FROM deliveries WHERE lane = lanes.id AND state = 0 LIMIT $2
                 ) AS pending)
             FROM lanes WHERE id = ANY ($1) ORDER BY id";
        let lanes: Vec<i64> = lanes.iter().map(|lane| lane.0).collect();
        self.read(sql, &[&lanes, &count_to]).await
    }
}
