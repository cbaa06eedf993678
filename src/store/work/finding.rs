//! Finding: people, their lanes and webhooks, and what webhooks led to.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::domain::{
    Call, DeliveryId, EventId, LaneId, LaneKey, Message, Person, PersonId, ReadKey, Time, Webhook,
    WebhookId,
};
use crate::store::planning::Planning;
use crate::store::record::unreadable;
use crate::store::rows::{DeliveryRow, Half, LetterRow, PENDING, RowState, delivery, number};
use crate::store::unit::{Deliveries, Entries, Kept, Letters, Unit};
use crate::store::{
    CallStatus, Death, DeliveryState, InboxEntry, LaneStatus, MessageStatus, PastAttempt,
    StoreError, WaitingCall, WaitingKey, WebhookStatus,
};

use super::batch::Batch;
use super::lanes::keys;

/// Rows of deliveries that are shown of one webhook, and up to which those of a lane are counted.
const ROWS: i64 = 1_000;

/// Returns the people that keys lead to, each once, with the first key that led to them.
pub async fn find_people<U: Unit>(
    unit: &mut U,
    planning: &Planning,
    keys: &[ReadKey],
) -> Result<Vec<(ReadKey, Person)>, U::Fault> {
    let is_person = |key: &&ReadKey| !matches!(key, ReadKey::Effect(_) | ReadKey::Tombstone(_));
    let keys: Vec<ReadKey> = keys.iter().filter(is_person).cloned().collect();
    let mut batch = Batch::new(planning, None);
    batch.fetch(unit, keys.iter()).await?;
    let set = batch.set(&keys, Time::default());
    let mut seen = HashSet::new();
    let found = keys.into_iter().filter_map(|key| {
        let place = set.person(&key).filter(|place| seen.insert(*place))?;
        Some((key, set.person_at(place).clone()))
    });
    Ok(found.collect())
}

/// Returns the newest webhooks that name one of some people, with the calls for these people.
pub async fn mentions<U: Unit>(
    unit: &mut U,
    people: &[PersonId],
    before: Option<WebhookId>,
    limit: usize,
    now: Time,
) -> Result<Vec<WebhookStatus>, U::Fault> {
    let mut entries = Vec::new();
    for person in people {
        entries.extend(unit.entries(Entries::Of(*person), last(before), number(limit)).await?);
    }
    if people.len() > 1 {
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
        entries.dedup_by_key(|entry| entry.id);
        entries.truncate(limit);
    }
    let ids: Vec<WebhookId> = entries.iter().map(|entry| entry.id).collect();
    let mut by_webhook: HashMap<WebhookId, Vec<CallStatus>> = HashMap::new();
    for call in calls(unit, &ids, &lanes_of(people), now).await? {
        by_webhook.entry(call.webhook).or_default().push(call);
    }
    let status = |entry: InboxEntry| {
        let calls = by_webhook.remove(&entry.id).unwrap_or_default();
        WebhookStatus { entry, calls }
    };
    Ok(entries.into_iter().map(status).collect())
}

/// Returns pending calls behind one, those that were planned first before the others.
pub async fn waiting<U: Unit>(
    unit: &mut U,
    after: Option<WaitingKey>,
    limit: usize,
    now: Time,
) -> Result<Vec<WaitingCall>, U::Fault> {
    let after = after.map_or((i64::MIN, 0), |it| (it.planned_at.micros(), it.row));
    let which = Deliveries::Waiting { after, limit: number(limit) };
    let mut rows = unit.deliveries(which).await?;
    rows.sort_by_key(|row| (row.planned_at, row.state.id));
    let keys = keys(unit, &rows).await?;
    let mut waiting: Vec<LaneId> = rows.iter().map(|row| row.state.lane).collect();
    waiting.sort_unstable();
    waiting.dedup();
    let waiting = lane_states(unit, &waiting, now).await?;
    let of_lane: HashMap<LaneId, LaneStatus> =
        waiting.into_iter().map(|lane| (lane.lane, lane)).collect();
    let next = |row: &RowState| delivery(row.id, row.turn().unwrap_or(Half::Call));
    let ids: Vec<DeliveryId> = rows.iter().map(|row| next(&row.state)).collect();
    let mut last: HashMap<DeliveryId, PastAttempt> =
        unit.attempts(&ids).await?.into_iter().collect();
    let mut calls = Vec::with_capacity(rows.len());
    for DeliveryRow { state, planned_at, webhook, call, .. } in rows {
        // A lane that went meanwhile has no pending calls any more.
        let (Some(lane), Some(key)) = (of_lane.get(&state.lane), keys.get(&state.lane)) else {
            continue;
        };
        let call: Result<Call, _> = serde_json::from_str(&call);
        calls.push(WaitingCall {
            place: WaitingKey { planned_at: Time::from_micros(planned_at), row: state.id },
            webhook,
            key: key.clone(),
            call: call.map_err(|error| unreadable("a call", error))?,
            has_identify: state.turn() == Some(Half::Identify),
            attempts: u32::try_from(state.attempts).unwrap_or(0),
            last: last.remove(&next(&state)),
            lane: lane.clone(),
        });
    }
    Ok(calls)
}

/// Returns a webhook with its body, if that is kept.
pub async fn webhook<U: Unit>(unit: &mut U, id: WebhookId) -> Result<Option<Webhook>, U::Fault> {
    let after = Uuid::from_u128(id.0.as_u128().saturating_sub(1));
    let found = unit.webhooks(Kept::All, after, i64::MIN, 1).await?.pop();
    Ok(found.filter(|webhook| webhook.id == id))
}

/// Returns the id that those before a webhook are less than; without one, all are.
pub fn last(before: Option<WebhookId>) -> Uuid {
    before.map_or(Uuid::max(), |id| id.0)
}

pub fn lanes_of(people: &[PersonId]) -> Vec<LaneId> {
    people.iter().map(|person| LaneId(person.0)).collect()
}

/// Returns lanes with their times by the caller's clock.
pub async fn lane_states<U: Unit>(
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
pub async fn calls<U: Unit>(
    unit: &mut U,
    webhooks: &[WebhookId],
    lanes_of: &[LaneId],
    now: Time,
) -> Result<Vec<CallStatus>, U::Fault> {
    let rows = unit.deliveries(Deliveries::Of { webhooks, lanes: lanes_of, each: ROWS }).await?;
    let keys = keys(unit, &rows).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.state.id).collect();
    let letters = unit.letters(Letters::Of(&ids)).await?;
    let mut deaths: HashMap<DeliveryId, Death> = letters.into_iter().map(death).collect();
    let mut calls = Vec::new();
    for row in rows {
        if let Some(key) = keys.get(&row.state.lane) {
            calls.extend(statuses(row, key, &mut deaths)?);
        }
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
    let waiting = lane_states(unit, &waiting, now).await?;
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

fn death(letter: LetterRow) -> (DeliveryId, Death) {
    let LetterRow { delivery, died_at, reason, field, .. } = letter;
    (delivery, Death { died_at: Time::from_micros(died_at), reason, field })
}

/// Returns the calls of a row: the identify that goes before, while it is pending or dead, and the row's own.
fn statuses(
    row: DeliveryRow,
    key: &LaneKey,
    deaths: &mut HashMap<DeliveryId, Death>,
) -> Result<Vec<CallStatus>, StoreError> {
    let RowState { id, lane, state, delivered_at, has_identify, .. } = row.state;
    let Some(webhook) = row.webhook else { return Ok(Vec::new()) };
    let mut status = |half, call: Option<Call>| {
        let death = deaths.remove(&delivery(id, half));
        let state = match (&death, state) {
            (Some(_), _) => DeliveryState::Dead,
            (None, PENDING) => DeliveryState::Pending,
            (None, _) => DeliveryState::Delivered,
        };
        let delivered_at = delivered_at.filter(|_| state == DeliveryState::Delivered);
        CallStatus {
            delivery: delivery(id, half),
            webhook,
            lane,
            key: key.clone(),
            call,
            state,
            planned_at: Time::from_micros(row.planned_at),
            delivered_at: delivered_at.map(Time::from_micros),
            death,
            attempts: Vec::new(),
            waits_in: None,
            messages: Vec::new(),
        }
    };
    let mut calls = Vec::new();
    if has_identify {
        calls.push(status(Half::Identify, None));
    }
    if !row.call.is_empty() {
        let call = serde_json::from_str(&row.call).map_err(|error| unreadable("a call", error))?;
        calls.push(status(Half::Call, Some(call)));
    }
    Ok(calls)
}

/// Returns messages from their metrics.
pub fn messages(mut rows: Vec<Message>) -> Vec<MessageStatus> {
    rows.sort_by(|a, b| (a.at, &a.delivery, &a.metric).cmp(&(b.at, &b.delivery, &b.metric)));
    let mut all: Vec<MessageStatus> = Vec::new();
    for Message { delivery, channel, metric, sender, at, event: _ } in rows {
        match all.iter_mut().find(|sent| sent.delivery == delivery) {
            Some(sent) => {
                sent.sender = sent.sender.take().or(sender);
                sent.metrics.push((metric, at));
            }
            None => {
                all.push(MessageStatus { delivery, channel, sender, metrics: vec![(metric, at)] });
            }
        }
    }
    all
}
