//! Reads of operators in memory.

use std::cmp::Reverse;

use uuid::Uuid;

use crate::domain::{LaneId, PersonId, Time, WebhookId};
use crate::store::rows::{DeliveryRow, NewLetter, NewWebhook, PENDING, number};
use crate::store::unit::FindingRows;
use crate::store::{Death, InboxEntry, LaneStatus};

use super::lanes::pending_row;
use super::reads::{page, source};
use super::{Fault, MemoryUnit};

fn entry(row: &NewWebhook) -> InboxEntry {
    InboxEntry {
        id: row.id,
        received_at: Time::from_micros(row.received_at),
        source: source(row),
        owner: row.owner.clone(),
        event: row.event.clone(),
        parked: row.parked.clone(),
    }
}

pub(super) fn death(letter: &NewLetter) -> Death {
    let NewLetter { died_at, reason, field, .. } = letter;
    let died_at = Time::from_micros(*died_at);
    Death { died_at, reason: reason.clone(), field: field.clone() }
}

impl FindingRows for MemoryUnit {
    async fn campaigns(&mut self) -> Result<Vec<String>, Fault> {
        let participants = self.now.participants.keys().map(|key| key.campaign.clone());
        let links = self.now.links.keys().map(|link| link.campaign.clone());
        let mut campaigns: Vec<String> = participants.chain(links).collect();
        campaigns.sort();
        campaigns.dedup();
        Ok(campaigns)
    }

    async fn entry(&mut self, id: WebhookId) -> Result<Option<InboxEntry>, Fault> {
        Ok(self.now.with_body(&id).map(entry))
    }

    async fn mentioned_in(
        &mut self,
        person: PersonId,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Fault> {
        let mentions = self.now.mentions.iter();
        let mentions = mentions.filter(|(it, id)| *it == person.0 && id.0 < before);
        let mut ids: Vec<WebhookId> = mentions.map(|(_, id)| *id).collect();
        ids.sort_by_key(|id| Reverse(*id));
        let kept = ids.iter().filter_map(|id| self.now.with_body(id));
        Ok(page(kept.map(entry), limit).collect())
    }

    async fn parked_before(&mut self, before: Uuid, limit: i64) -> Result<Vec<InboxEntry>, Fault> {
        let rows = self.now.inbox.values().rev().filter(|row| row.id.0 < before);
        Ok(page(rows.filter(|row| row.parked.is_some()).map(entry), limit).collect())
    }

    async fn entries_before(&mut self, before: Uuid, limit: i64) -> Result<Vec<InboxEntry>, Fault> {
        let rows = self.now.inbox.values().rev().filter(|row| row.id.0 < before);
        Ok(page(rows.filter(|row| row.body.is_some()).map(entry), limit).collect())
    }

    async fn waiting_after(
        &mut self,
        planned_at: i64,
        row: i64,
        limit: i64,
    ) -> Result<Vec<(DeliveryRow, String)>, Fault> {
        let key = |it: &DeliveryRow| (it.planned_at, it.id);
        let pending = self.now.deliveries.values().filter(|it| it.state.state == PENDING);
        let mut rows: Vec<DeliveryRow> = pending.map(pending_row).collect();
        rows.retain(|it| key(it) > (planned_at, row));
        rows.sort_by_key(key);
        let rows = page(rows.into_iter(), limit);
        let with_identifier = |it: DeliveryRow| {
            let identifier = self.now.people[&it.lane.0].identifier.clone();
            (it, identifier)
        };
        Ok(rows.map(with_identifier).collect())
    }

    async fn bytes(&mut self) -> Result<i64, Fault> {
        Ok(0)
    }

    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Fault> {
        let lanes = lanes.iter().filter_map(|lane| self.now.lanes.get(lane));
        let status = lanes.map(|lane| {
            let oldest = self.now.pending(lane.id).next().map(|it| it.row.planned_at);
            LaneStatus {
                lane: lane.id,
                due_at: lane.due_at.map(Time::from_micros),
                is_leased: lane.leased,
                pending: number(page(self.now.pending(lane.id), count_to).count()),
                oldest: oldest.map(Time::from_micros),
            }
        });
        Ok(status.collect())
    }
}
