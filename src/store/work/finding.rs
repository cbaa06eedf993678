//! Finding: people, their lanes and webhooks, and what webhooks led to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{
    Call, DeliveryId, EventId, LaneId, Message, Person, PersonId, ReadKey, Source, Time, Webhook,
    WebhookId,
};
use crate::store::planning::Planning;
use crate::store::record::{self, unreadable};
use crate::store::rows::{DeliveryRow, Half, PENDING, WebhookCall, delivery, number};
use crate::store::unit::{Unit, Work};
use crate::store::{
    CallStatus, DeliveryState, InboxEntry, LaneStatus, PastAttempt, StoreError, WaitingCall,
    WaitingKey, WebhookStatus,
};

use super::batch::Batch;
use super::effects::messages;

/// Rows of deliveries that are shown of one webhook, and up to which those of a lane are counted.
const ROWS: i64 = 1_000;

/// See [`Store::campaigns`](crate::store::Store::campaigns).
pub(in crate::store) struct ListCampaigns;

impl Work for ListCampaigns {
    type Output = Vec<String>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<String>, U::Fault> {
        unit.campaigns().await
    }
}

/// See [`Store::people`](crate::store::Store::people).
pub(in crate::store) struct FindPeople {
    pub(in crate::store) planning: Arc<Planning>,
    pub(in crate::store) keys: Vec<ReadKey>,
}

impl Work for FindPeople {
    type Output = Vec<(ReadKey, Person)>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Self::Output, U::Fault> {
        let is_person = |key: &&ReadKey| !matches!(key, ReadKey::Effect(_) | ReadKey::Tombstone(_));
        let keys: Vec<ReadKey> = self.keys.iter().filter(is_person).cloned().collect();
        let mut batch = Batch::new(&self.planning, None);
        batch.fetch(unit, keys.iter()).await?;
        let set = batch.set(&keys, Time::default());
        let mut seen = HashSet::new();
        let found = keys.into_iter().filter_map(|key| {
            let place = set.person(&key).filter(|place| seen.insert(*place))?;
            Some((key, set.person_at(place).clone()))
        });
        Ok(found.collect())
    }
}

/// See [`Store::lanes`](crate::store::Store::lanes).
pub(in crate::store) struct ReadLanes {
    pub(in crate::store) people: Vec<PersonId>,
    pub(in crate::store) now: Time,
}

impl Work for ReadLanes {
    type Output = Vec<LaneStatus>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<LaneStatus>, U::Fault> {
        lanes(unit, &lanes_of(&self.people), self.now).await
    }
}

/// See [`Store::mentions`](crate::store::Store::mentions).
pub(in crate::store) struct ListMentions {
    pub(in crate::store) people: Vec<PersonId>,
    pub(in crate::store) before: Option<WebhookId>,
    pub(in crate::store) limit: usize,
    pub(in crate::store) now: Time,
}

impl Work for ListMentions {
    type Output = Vec<WebhookStatus>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<WebhookStatus>, U::Fault> {
        let mut entries = Vec::new();
        for person in &self.people {
            entries
                .extend(unit.mentioned_in(*person, last(self.before), number(self.limit)).await?);
        }
        if self.people.len() > 1 {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
            entries.dedup_by_key(|entry| entry.id);
            entries.truncate(self.limit);
        }
        let ids: Vec<WebhookId> = entries.iter().map(|entry| entry.id).collect();
        let calls = calls(unit, &ids, &lanes_of(&self.people), self.now).await?;
        let mut by_webhook: HashMap<WebhookId, Vec<CallStatus>> = HashMap::new();
        for call in calls {
            by_webhook.entry(call.webhook).or_default().push(call);
        }
        let status = |entry: InboxEntry| {
            let calls = by_webhook.remove(&entry.id).unwrap_or_default();
            WebhookStatus { entry, calls }
        };
        Ok(entries.into_iter().map(status).collect())
    }
}

/// See [`Store::webhook`](crate::store::Store::webhook).
pub(in crate::store) struct ShowWebhook {
    pub(in crate::store) id: WebhookId,
    pub(in crate::store) now: Time,
}

impl Work for ShowWebhook {
    type Output = Option<WebhookStatus>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<WebhookStatus>, U::Fault> {
        let Some(entry) = unit.entry(self.id).await? else { return Ok(None) };
        let calls = calls(unit, &[self.id], &[], self.now).await?;
        Ok(Some(WebhookStatus { entry, calls }))
    }
}

/// See [`Store::bytes`](crate::store::Store::bytes).
pub(in crate::store) struct Measure;

impl Work for Measure {
    type Output = u64;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<u64, U::Fault> {
        Ok(u64::try_from(unit.bytes().await?).unwrap_or(0))
    }
}

/// See [`Store::stored`](crate::store::Store::stored).
pub(in crate::store) struct ReadWebhook(pub(in crate::store) WebhookId);

impl Work for ReadWebhook {
    type Output = Option<Webhook>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<Webhook>, U::Fault> {
        unit.webhook(self.0).await
    }
}

/// See [`Store::calls`](crate::store::Store::calls).
pub(in crate::store) struct ListCalls {
    pub(in crate::store) id: WebhookId,
    pub(in crate::store) now: Time,
}

impl Work for ListCalls {
    type Output = Vec<CallStatus>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<CallStatus>, U::Fault> {
        calls(unit, &[self.id], &[], self.now).await
    }
}

/// See [`Store::parked`](crate::store::Store::parked).
pub(in crate::store) struct ListParked {
    pub(in crate::store) before: Option<WebhookId>,
    pub(in crate::store) limit: usize,
}

impl Work for ListParked {
    type Output = Vec<InboxEntry>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<InboxEntry>, U::Fault> {
        unit.parked_before(last(self.before), number(self.limit)).await
    }
}

/// See [`Store::recent`](crate::store::Store::recent).
pub(in crate::store) struct ListRecent {
    pub(in crate::store) before: Option<WebhookId>,
    pub(in crate::store) limit: usize,
}

impl Work for ListRecent {
    type Output = Vec<InboxEntry>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<InboxEntry>, U::Fault> {
        unit.entries_before(last(self.before), number(self.limit)).await
    }
}

/// See [`Store::waiting`](crate::store::Store::waiting).
pub(in crate::store) struct ListWaiting {
    pub(in crate::store) after: Option<WaitingKey>,
    pub(in crate::store) limit: usize,
    pub(in crate::store) now: Time,
}

impl Work for ListWaiting {
    type Output = Vec<WaitingCall>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<WaitingCall>, U::Fault> {
        let after = self.after.map_or((i64::MIN, 0), |it| (it.planned_at.micros(), it.row));
        let rows = unit.waiting_after(after.0, after.1, number(self.limit)).await?;
        let mut waiting: Vec<LaneId> = rows.iter().map(|(row, _)| row.lane).collect();
        waiting.sort_unstable();
        waiting.dedup();
        let waiting = lanes(unit, &waiting, self.now).await?;
        let of_lane: HashMap<LaneId, LaneStatus> =
            waiting.into_iter().map(|lane| (lane.lane, lane)).collect();
        let next = |row: &DeliveryRow| {
            let is_identify = row.identify.is_some();
            delivery(row.id, if is_identify { Half::Identify } else { Half::Call })
        };
        let ids: Vec<DeliveryId> = rows.iter().map(|(row, _)| next(row)).collect();
        let mut last: HashMap<DeliveryId, PastAttempt> =
            unit.attempts(&ids).await?.into_iter().collect();
        let call = |(row, identifier): (DeliveryRow, String)| {
            // A lane that went meanwhile has no pending calls any more.
            let Some(lane) = of_lane.get(&row.lane).cloned() else { return Ok(None) };
            let call: Result<Call, _> = serde_json::from_str(&row.call);
            Ok(Some(WaitingCall {
                place: WaitingKey { planned_at: Time::from_micros(row.planned_at), row: row.id },
                webhook: row.webhook,
                key: record::lane_key(&identifier)?,
                call: call.map_err(|error| unreadable("a call", error))?,
                has_identify: row.identify.is_some(),
                attempts: u32::try_from(row.attempts).unwrap_or(0),
                last: last.remove(&next(&row)),
                lane,
            }))
        };
        let calls: Result<Vec<Option<WaitingCall>>, StoreError> =
            rows.into_iter().map(call).collect();
        Ok(calls?.into_iter().flatten().collect())
    }
}

/// See [`Store::person_of_number`](crate::store::Store::person_of_number).
pub(in crate::store) struct ReadPerson(pub(in crate::store) PersonId);

impl Work for ReadPerson {
    type Output = Option<Person>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<Person>, U::Fault> {
        let row = unit.people_after(self.0.0.saturating_sub(1), 1).await?.pop();
        let row = row.filter(|row| row.id == self.0.0);
        let person = row.map(|row| record::person(row.id, &row.identifier, &row.state));
        Ok(person.transpose()?)
    }
}

/// See [`Store::newest`](crate::store::Store::newest).
pub(in crate::store) struct FindNewest(pub(in crate::store) Source);

impl Work for FindNewest {
    type Output = Option<InboxEntry>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<InboxEntry>, U::Fault> {
        let newest = unit.entries_before(Uuid::max(), ROWS).await?;
        Ok(newest.into_iter().find(|entry| entry.source == self.0))
    }
}

/// Returns the id that those before a webhook are less than; without one, all are.
fn last(before: Option<WebhookId>) -> Uuid {
    before.map_or(Uuid::max(), |id| id.0)
}

fn lanes_of(people: &[PersonId]) -> Vec<LaneId> {
    people.iter().map(|person| LaneId(person.0)).collect()
}

/// Returns lanes with their times by the caller's clock.
async fn lanes<U: Unit>(
    unit: &mut U,
    lanes: &[LaneId],
    now: Time,
) -> Result<Vec<LaneStatus>, U::Fault> {
    let skew = unit.clock_skew(now);
    let mut found = unit.lane_states(lanes, ROWS).await?;
    for lane in &mut found {
        lane.due_at = lane.due_at.map(|at| Time::from_micros(at.micros().saturating_sub(skew)));
    }
    Ok(found)
}

/// Returns the calls that webhooks led to and that are kept, those of some lanes or of all.
pub(super) async fn calls<U: Unit>(
    unit: &mut U,
    webhooks: &[WebhookId],
    lanes_of: &[LaneId],
    now: Time,
) -> Result<Vec<CallStatus>, U::Fault> {
    let mut calls = Vec::new();
    for row in unit.webhook_calls(webhooks, lanes_of, ROWS).await? {
        calls.extend(statuses(row)?);
    }
    let deliveries: Vec<DeliveryId> = calls.iter().map(|call| call.delivery).collect();
    let mut attempts: HashMap<DeliveryId, Vec<PastAttempt>> = HashMap::new();
    for (delivery, attempt) in unit.attempts(&deliveries).await? {
        attempts.entry(delivery).or_default().push(attempt);
    }
    let effects: Vec<EventId> = calls.iter().filter_map(CallStatus::event_id).collect();
    let mut reported: HashMap<EventId, Vec<Message>> = HashMap::new();
    for message in unit.effect_messages(&effects).await? {
        reported.entry(message.event).or_default().push(message);
    }
    let is_pending = |call: &&CallStatus| call.state == DeliveryState::Pending;
    let mut waiting: Vec<LaneId> = calls.iter().filter(is_pending).map(|call| call.lane).collect();
    waiting.sort_unstable();
    waiting.dedup();
    let waiting = lanes(unit, &waiting, now).await?;
    for call in &mut calls {
        call.attempts = attempts.remove(&call.delivery).unwrap_or_default();
        let reported = call.event_id().and_then(|event| reported.remove(&event));
        call.messages = messages(reported.unwrap_or_default());
        if call.state == DeliveryState::Pending {
            call.waits_in = waiting.iter().find(|lane| lane.lane == call.lane).cloned();
        }
    }
    Ok(calls)
}

/// Returns the calls of a row: the identify that goes before, while it is pending or dead, and the row's own.
fn statuses(row: WebhookCall) -> Result<Vec<CallStatus>, StoreError> {
    let key = record::lane_key(&row.identifier)?;
    let call = match row.call.as_str() {
        "" => None,
        text => {
            let call: Result<Call, _> = serde_json::from_str(text);
            Some(call.map_err(|error| unreadable("a call", error))?)
        }
    };
    let status = |half, call: Option<Call>, death: Option<_>| {
        let state = match (&death, row.state) {
            (Some(_), _) => DeliveryState::Dead,
            (None, PENDING) => DeliveryState::Pending,
            (None, _) => DeliveryState::Delivered,
        };
        CallStatus {
            delivery: delivery(row.row, half),
            webhook: row.webhook,
            lane: row.lane,
            key: key.clone(),
            call,
            state,
            planned_at: Time::from_micros(row.planned_at),
            delivered_at: row
                .delivered_at
                .filter(|_| state == DeliveryState::Delivered)
                .map(Time::from_micros),
            death,
            attempts: Vec::new(),
            waits_in: None,
            messages: Vec::new(),
        }
    };
    let before = row.has_identify.then(|| status(Half::Identify, None, row.identify_letter));
    let own = call.map(|call| status(Half::Call, Some(call), row.call_letter));
    Ok(before.into_iter().chain(own).collect())
}
