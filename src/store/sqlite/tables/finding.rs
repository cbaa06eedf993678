//! Reads that only operators make.

use std::collections::BTreeSet;

use rusqlite::params;
use uuid::Uuid;

use crate::domain::{LaneId, PersonId, WebhookId};
use crate::store::rows::{DeliveryRow, number};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::FindingRows;
use crate::store::{InboxEntry, LaneStatus};

use super::{find, read};

impl FindingRows for SqliteUnit<'_> {
    async fn campaigns(&mut self) -> Result<Vec<String>, Fault> {
        let mut campaigns = BTreeSet::new();
        for sql in [
            "SELECT campaign FROM participants WHERE campaign > ?1 ORDER BY campaign LIMIT 1",
            "SELECT campaign FROM links WHERE campaign > ?1 ORDER BY campaign LIMIT 1",
        ] {
            let mut last = String::new();
            while let Some(next) = find::<String>(self.connection, sql, [&last])? {
                last = next;
                campaigns.insert(last.clone());
            }
        }
        Ok(campaigns.into_iter().collect())
    }

    async fn entry(&mut self, id: WebhookId) -> Result<Option<InboxEntry>, Fault> {
        let sql = "SELECT id, received_at, source, owner, event, parked FROM inbox
             WHERE id = ?1 AND body IS NOT NULL";
        find(self.connection, sql, [id.0])
    }

    async fn mentioned_in(
        &mut self,
        PersonId(person): PersonId,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Fault> {
        let sql = "SELECT id, received_at, source, owner, event, parked
             FROM mentions CROSS JOIN inbox ON id = webhook AND body IS NOT NULL
             WHERE person = ?1 AND webhook < ?2 ORDER BY webhook DESC LIMIT ?3";
        read(self.connection, sql, params![person, before, limit])
    }

    async fn parked_before(&mut self, before: Uuid, limit: i64) -> Result<Vec<InboxEntry>, Fault> {
        let sql = "SELECT id, received_at, source, owner, event, parked
             FROM inbox INDEXED BY inbox_parked
             WHERE id < ?1 AND parked IS NOT NULL ORDER BY id DESC LIMIT ?2";
        read(self.connection, sql, params![before, limit])
    }

    async fn entries_before(&mut self, before: Uuid, limit: i64) -> Result<Vec<InboxEntry>, Fault> {
        let sql = "SELECT id, received_at, source, owner, event, parked
             FROM inbox INDEXED BY inbox_kept
             WHERE id < ?1 AND body IS NOT NULL ORDER BY id DESC LIMIT ?2";
        read(self.connection, sql, params![before, limit])
    }

    async fn waiting_after(
        &mut self,
        planned_at: i64,
        row: i64,
        limit: i64,
    ) -> Result<Vec<(DeliveryRow, String)>, Fault> {
        let sql = "SELECT deliveries.id, lane, webhook, class, planned_at, event_at, attempts,
                 failing_since, call, CASE identify_dead WHEN 0 THEN identify END,
                 people.identifier
             FROM deliveries INDEXED BY deliveries_planned
             CROSS JOIN people ON people.id = lane
             WHERE deliveries.state = 0 AND (planned_at, deliveries.id) > (?1, ?2)
             ORDER BY planned_at, deliveries.id LIMIT ?3";
        read(self.connection, sql, params![planned_at, row, limit])
    }

    async fn bytes(&mut self) -> Result<i64, Fault> {
        let number = |name| self.connection.pragma_query_value(None, name, |row| row.get(0));
        let (pages, size): (i64, i64) = (number("page_count")?, number("page_size")?);
        Ok(pages.saturating_mul(size))
    }

    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Fault> {
        let sql = "SELECT id, due_at, leased,
                 (SELECT planned_at FROM deliveries INDEXED BY deliveries_pending
                  WHERE lane = lanes.id AND state = 0 ORDER BY seq LIMIT 1), 0
             FROM lanes WHERE id = ?1";
        let pending = "SELECT id FROM deliveries INDEXED BY deliveries_pending
             WHERE lane = ?1 AND state = 0 LIMIT ?2";
        let mut found = Vec::new();
        for lane in lanes {
            let rows: Vec<i64> = read(self.connection, pending, [lane.0, count_to])?;
            let state: Option<LaneStatus> = find(self.connection, sql, [lane.0])?;
            found.extend(state.map(|state| LaneStatus { pending: number(rows.len()), ..state }));
        }
        Ok(found)
    }
}
