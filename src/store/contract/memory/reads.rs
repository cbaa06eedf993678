//! Reads of webhooks and people in memory.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::{Class, LaneId, PersonId, Source, Time, Webhook, WebhookId};
use crate::store::inbox::Prunable;
use crate::store::meta::TOMBSTONE_CHECK;
use crate::store::rows::{DELIVERED, DeliveryRow, NewWebhook, PersonRow, StoredWebhook};
use crate::store::unit::{
    Entries, FoundRecords, Hash, Hold, InboxRows, Kept, PeopleRows, PlanKeys,
};
use crate::store::{InboxEntry, record};

use super::tables::Tables;
use super::{Fault, MemoryUnit};

/// Returns the first of some rows.
pub(super) fn page<T>(rows: impl Iterator<Item = T>, limit: i64) -> impl Iterator<Item = T> {
    rows.take(usize::try_from(limit).unwrap_or(0))
}

pub(super) fn source(row: &NewWebhook) -> Source {
    record::source(row.source).expect("it was written")
}

fn webhook(row: &NewWebhook) -> Option<Webhook> {
    Some(Webhook {
        id: row.id,
        received_at: Time::from_micros(row.received_at),
        source: source(row),
        owner: row.owner.clone(),
        event: row.event.clone(),
        body: row.body.clone()?,
    })
}

fn entry(tables: &Tables, row: &NewWebhook) -> InboxEntry {
    InboxEntry {
        id: row.id,
        received_at: Time::from_micros(row.received_at),
        source: source(row),
        owner: row.owner.clone(),
        event: row.event.clone(),
        parked: row.parked.clone(),
        is_mapped_in_part: row.parked.is_some() && tables.of_webhook(row.id).next().is_some(),
    }
}

impl Tables {
    fn with_body(&self, id: &WebhookId) -> Option<&NewWebhook> {
        self.inbox.get(id).filter(|row| row.body.is_some())
    }

    pub(super) fn of_webhook(&self, id: WebhookId) -> impl Iterator<Item = &DeliveryRow> {
        self.deliveries.values().filter(move |it| it.webhook == Some(id))
    }
}

impl InboxRows for MemoryUnit {
    async fn webhooks(
        &mut self,
        which: Kept,
        after: Uuid,
        since: i64,
        limit: i64,
    ) -> Result<Vec<Webhook>, Fault> {
        let is_meant = |row: &&NewWebhook| match which {
            Kept::All => true,
            Kept::Parked => row.parked.is_some(),
            Kept::Unmentioned => row.parked.is_some() || !source(row).is_growsurf(),
        };
        let rows =
            self.now.inbox.values().filter(|row| row.id.0 > after && row.received_at >= since);
        Ok(page(rows.filter(is_meant).filter_map(webhook), limit).collect())
    }

    async fn entries(
        &mut self,
        which: Entries,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, Fault> {
        let is_meant = |row: &&NewWebhook| match which {
            Entries::All => true,
            Entries::Parked => row.parked.is_some(),
            Entries::Of(person) => self.now.mentions.contains(&(person.0, row.id)),
        };
        let rows = self.now.inbox.values().rev().filter(|row| row.id.0 < before);
        let rows = rows.filter(|row| row.body.is_some()).filter(is_meant);
        Ok(page(rows.map(|row| entry(&self.now, row)), limit).collect())
    }

    async fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Fault> {
        let is_done = |it: &DeliveryRow| it.state.state == DELIVERED;
        let is_prunable = |row: &&NewWebhook| {
            let is_parked = row.parked.is_some();
            row.received_at < before
                && row.id.0 < below
                && row.body.is_some()
                && is_parked == (which == Prunable::Parked)
                && self.now.of_webhook(row.id).all(is_done)
        };
        let mut rows: Vec<&NewWebhook> = self.now.inbox.values().filter(is_prunable).collect();
        if which == Prunable::Finished {
            rows.sort_by_key(|row| row.received_at);
        }
        Ok(page(rows.into_iter().map(|row| row.id), limit).collect())
    }

    async fn hold_webhooks(
        &mut self,
        fingerprints: &[Hash],
        ids: &[WebhookId],
    ) -> Result<Vec<StoredWebhook>, Fault> {
        let known = self.now.inbox.values().filter(|row| fingerprints.contains(&row.fingerprint));
        let stored = known.chain(ids.iter().filter_map(|id| self.now.with_body(id)));
        let stored = stored.map(|row| StoredWebhook {
            id: row.id,
            fingerprint: row.fingerprint,
            received_at: Time::from_micros(row.received_at),
            class: Class::of_stored(source(row)),
            campaign: row.campaign.clone(),
            is_parked: row.parked.is_some(),
            is_mapped: row.is_mapped,
        });
        Ok(stored.collect())
    }

    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Fault> {
        let mentions = self.now.mentions.iter().filter(|(person, _)| people.contains(person));
        let webhooks: BTreeSet<WebhookId> = mentions.map(|(_, webhook)| *webhook).collect();
        Ok(webhooks.into_iter().collect())
    }
}

impl PeopleRows for MemoryUnit {
    const READS_HOLD: bool = true;

    async fn records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let tables = &self.now;
        let mut found = FoundRecords::default();
        let of_identifier = keys.identifiers.iter().filter_map(|it| tables.person(it));
        let mut people: BTreeSet<i64> = of_identifier.map(|row| row.id).collect();
        for key in &keys.participants {
            found.participants.push((key.clone(), tables.participants.get(key).copied()));
        }
        for link in &keys.links {
            found.links.push((link.clone(), tables.links.get(link).copied()));
        }
        people.extend(found.participants.iter().filter_map(|(_, person)| *person));
        people.extend(found.links.iter().filter_map(|(_, person)| *person));
        found.people = people.iter().map(|id| tables.people[id].clone()).collect();
        let recorded = keys.effects.iter().filter(|id| tables.effects.contains_key(id));
        found.effects = recorded.copied().collect();
        let erased = keys.tombstones.iter().filter_map(|it| tables.tombstones.get_key_value(it));
        found.tombstones = erased.map(|(hash, at)| (*hash, *at)).collect();
        found.tombstone_check = tables.values.get(TOMBSTONE_CHECK).cloned();
        Ok(found)
    }

    async fn hold_records(&mut self, keys: &PlanKeys) -> Result<FoundRecords, Fault> {
        let mut found = self.records(keys).await?;
        for identifier in &keys.identifiers {
            if self.now.person(identifier).is_none() {
                self.last_person += 1;
                found.reserved.push((identifier.clone(), self.last_person));
            }
        }
        Ok(found)
    }

    async fn participants_between(
        &mut self,
        campaign: &str,
        after: &str,
        before: &str,
        limit: i64,
    ) -> Result<Vec<String>, Fault> {
        let ids = self.now.participants.keys().filter(|key| key.campaign == campaign);
        let ids = ids.map(|key| &*key.participant).filter(|id| *id > after && *id < before);
        Ok(page(ids.map(str::to_owned), limit).collect())
    }

    async fn people(&mut self, ids: &[i64], _hold: Hold) -> Result<Vec<PersonRow>, Fault> {
        let rows = self.now.people.values().filter(|row| ids.contains(&row.id));
        Ok(rows.cloned().collect())
    }

    async fn people_after(&mut self, after: i64, limit: i64) -> Result<Vec<PersonRow>, Fault> {
        let rows = self.now.people.values().filter(|row| row.id > after);
        Ok(page(rows.cloned(), limit).collect())
    }

    async fn people_without_traces(&mut self, ids: &[i64]) -> Result<Vec<PersonId>, Fault> {
        let has_traces = |person: i64| {
            let lane = LaneId(person);
            let mut mentions = self.now.mentions.iter().filter(|(id, _)| *id == person);
            self.now.lanes.get(&lane).is_some_and(|lane| lane.leased)
                || self.now.lane(lane).next().is_some()
                || mentions.any(|(_, id)| self.now.with_body(id).is_some())
        };
        Ok(ids.iter().filter(|id| !has_traces(**id)).map(|id| PersonId(*id)).collect())
    }

    async fn campaigns(&mut self) -> Result<Vec<String>, Fault> {
        let participants = self.now.participants.keys().map(|key| key.campaign.clone());
        let links = self.now.links.keys().map(|link| link.campaign.clone());
        let campaigns: BTreeSet<String> = participants.chain(links).collect();
        Ok(campaigns.into_iter().collect())
    }
}
