//! Reads of webhooks, people and effects in memory.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::{
    Class, DeliveryId, EventId, LaneId, Message, Person, PersonId, Source, Time, Webhook, WebhookId,
};
use crate::store::inbox::Prunable;
use crate::store::meta::Meta;
use crate::store::rows::{
    CallRow, DELIVERED, FinishedDelivery, FinishedWebhook, Half, MessageKey, NewAttempt,
    NewWebhook, PENDING, PersonRow, StoredWebhook, VisitorTraces, WebhookCall, delivery, number,
};
use crate::store::unit::{EffectRows, ErasureRows, FoundRecords, InboxRows, PeopleRows, PlanKeys};
use crate::store::{DeliveryState, StoreError, record};

use super::finding::death;
use super::tables::{Delivery, Tables};
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

pub(super) fn person(row: &PersonRow) -> Result<Person, StoreError> {
    record::person(row.id, &row.identifier, &row.state)
}

impl Tables {
    pub(super) fn with_body(&self, id: &WebhookId) -> Option<&NewWebhook> {
        self.inbox.get(id).filter(|row| row.body.is_some())
    }

    fn of_webhook(&self, id: WebhookId) -> impl Iterator<Item = &Delivery> {
        self.deliveries.values().filter(move |it| it.row.webhook == Some(id))
    }

    pub(super) fn attempts_of(&self, delivery: DeliveryId) -> impl Iterator<Item = &NewAttempt> {
        self.attempts.iter().filter(move |it| it.delivery == delivery)
    }

    fn call(&self, Delivery { state, row }: &Delivery) -> CallRow {
        let halves = [Half::Identify, Half::Call].map(|half| delivery(state.id, half));
        let dead = halves.map(|id| self.letters.contains_key(&id));
        CallRow {
            row: state.id,
            lane: state.lane,
            state: state.state,
            call: row.call.clone(),
            identify: row.identify.clone(),
            is_identify_dead: state.identify_dead,
            is_call_dead: dead[1],
            dead: dead.map(i64::from).iter().sum(),
            attempts: halves.map(|id| number(self.attempts_of(id).count())).iter().sum(),
        }
    }
}

impl InboxRows for MemoryUnit {
    async fn inbox_page(
        &mut self,
        after: Uuid,
        since: i64,
        parked: bool,
        limit: i64,
    ) -> Result<Vec<Webhook>, Fault> {
        let rows = self.now.inbox.values().filter(|row| row.id.0 > after);
        let rows = rows.filter(|row| row.received_at >= since && (!parked || row.parked.is_some()));
        Ok(page(rows.filter_map(webhook), limit).collect())
    }

    async fn prunable(
        &mut self,
        which: Prunable,
        before: i64,
        below: Uuid,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Fault> {
        let is_done = |it: &Delivery| it.state.state == DELIVERED;
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

    async fn hold_finished(&mut self, ids: &[WebhookId]) -> Result<Vec<FinishedWebhook>, Fault> {
        let finished = |row: &NewWebhook| {
            let deliveries = self.now.of_webhook(row.id).map(|it| FinishedDelivery {
                row: it.state.id,
                lane: it.state.lane,
                state: DeliveryState::of(it.state.state),
            });
            FinishedWebhook {
                id: row.id,
                received_at: row.received_at,
                is_parked: row.parked.is_some(),
                deliveries: deliveries.collect(),
            }
        };
        Ok(ids.iter().filter_map(|id| self.now.with_body(id)).map(finished).collect())
    }

    async fn hold_webhooks(
        &mut self,
        fingerprints: &[[u8; 32]],
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
        });
        Ok(stored.collect())
    }

    async fn webhook(&mut self, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        Ok(self.now.inbox.get(&id).and_then(webhook))
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
        found.tombstone_check = tables.metas.get(&Meta::TombstoneCheck).cloned();
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

    async fn hold_visitors(&mut self, people: &BTreeSet<PersonId>) -> Result<Vec<Person>, Fault> {
        let rows = people.iter().filter_map(|id| self.now.people.get(&id.0));
        let visitors = rows.filter(|row| row.identifier.starts_with(record::VISITOR));
        Ok(visitors.map(person).collect::<Result<_, _>>()?)
    }

    async fn visitor_traces(&mut self, people: &[PersonId]) -> Result<Vec<VisitorTraces>, Fault> {
        let traces = |person: &PersonId| {
            let lane = LaneId(person.0);
            let of_them = |(id, _): &&(i64, WebhookId)| *id == person.0;
            let mut mentions = self.now.mentions.iter().filter(of_them);
            VisitorTraces {
                person: *person,
                is_leased: self.now.lanes.get(&lane).is_some_and(|lane| lane.leased),
                has_delivery: self.now.lane(lane).next().is_some(),
                has_webhook: mentions.any(|(_, id)| self.now.with_body(id).is_some()),
            }
        };
        Ok(people.iter().map(traces).collect())
    }
}

impl EffectRows for MemoryUnit {
    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        Ok(self.now.effects.get(&effect).copied())
    }

    async fn webhook_calls(
        &mut self,
        webhooks: &[WebhookId],
        lanes: &[LaneId],
        each: i64,
    ) -> Result<Vec<WebhookCall>, Fault> {
        let call = |Delivery { state, row }: &Delivery| {
            let letter = |half| self.now.letters.get(&delivery(state.id, half)).map(death);
            WebhookCall {
                row: state.id,
                webhook: row.webhook.expect("it is one of a webhook's"),
                lane: state.lane,
                identifier: self.now.people[&state.lane.0].identifier.clone(),
                call: row.call.clone(),
                has_identify: row.identify.is_some(),
                state: state.state,
                planned_at: row.planned_at,
                delivered_at: state.delivered_at,
                call_letter: letter(Half::Call),
                identify_letter: letter(Half::Identify),
            }
        };
        let is_meant = |it: &&Delivery| lanes.is_empty() || lanes.contains(&it.state.lane);
        let rows = webhooks.iter().flat_map(|id| {
            page(self.now.of_webhook(*id).filter(is_meant), each).map(call).collect::<Vec<_>>()
        });
        Ok(rows.collect())
    }

    async fn effect_messages(&mut self, effects: &[EventId]) -> Result<Vec<Message>, Fault> {
        let messages = self.now.messages.values().filter(|it| effects.contains(&it.event));
        Ok(messages.cloned().collect())
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let is_old = |(_, message): &(&MessageKey, &Message)| message.at.micros() < before;
        let mut old: Vec<_> = self.now.messages.iter().filter(is_old).collect();
        old.sort_by_key(|(_, message)| message.at);
        Ok(page(old.into_iter().map(|(key, _)| key.clone()), limit).collect())
    }
}

impl ErasureRows for MemoryUnit {
    async fn people_after(&mut self, after: i64, limit: i64) -> Result<Vec<PersonRow>, Fault> {
        let rows = self.now.people.values().filter(|row| row.id > after);
        Ok(page(rows.cloned(), limit).collect())
    }

    async fn hold_people(&mut self, ids: &[i64]) -> Result<Vec<PersonRow>, Fault> {
        Ok(ids.iter().filter_map(|id| self.now.people.get(id)).cloned().collect())
    }

    async fn mentioning(&mut self, people: &[i64]) -> Result<Vec<WebhookId>, Fault> {
        let mentions = self.now.mentions.iter().filter(|(person, _)| people.contains(person));
        let webhooks: BTreeSet<WebhookId> = mentions.map(|(_, webhook)| *webhook).collect();
        Ok(webhooks.into_iter().collect())
    }

    async fn searched_bodies(&mut self, after: Uuid, limit: i64) -> Result<Vec<Webhook>, Fault> {
        let is_searched = |row: &&NewWebhook| row.parked.is_some() || !source(row).is_growsurf();
        let rows = self.now.inbox.values().filter(|row| row.id.0 > after).filter(is_searched);
        Ok(page(rows.filter_map(webhook), limit).collect())
    }

    async fn calls_of(&mut self, webhooks: &[WebhookId]) -> Result<Vec<CallRow>, Fault> {
        let rows = webhooks.iter().flat_map(|id| self.now.of_webhook(*id));
        Ok(rows.map(|row| self.now.call(row)).collect())
    }

    async fn unsettled_calls(&mut self, lane: LaneId, limit: i64) -> Result<Vec<CallRow>, Fault> {
        let is_unsettled = |Delivery { state, .. }: &&Delivery| {
            let halves = [Half::Identify, Half::Call].map(|half| delivery(state.id, half));
            state.state == PENDING || halves.iter().any(|id| self.now.letters.contains_key(id))
        };
        let rows = self.now.lane(lane).filter(is_unsettled);
        Ok(page(rows, limit).map(|row| self.now.call(row)).collect())
    }
}
