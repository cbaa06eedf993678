//! Rows in memory: a map a table, and the meaning of each change.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    AuditEntry, DeliveryId, EventId, LaneId, Link, Message, ParticipantKey, PersonId, Time,
    WebhookId,
};
use crate::store::contract::script::at;
use crate::store::meta::{MADE_AT, accepting};
use crate::store::rows::{
    ATTEMPTS, Changes, Counters, DEAD, DeliveryRow, Half, LaneAppend, LaneRow, LetterRow,
    MessageKey, NewWebhook, PENDING, PersonRow, RowState, delivery, half, micros, number,
};
use crate::store::unit::Hash;
use crate::store::{AvailabilityClock, PastAttempt, Stats};

/// All rows.
#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) inbox: BTreeMap<WebhookId, NewWebhook>,
    pub(super) mentions: BTreeSet<(i64, WebhookId)>,
    pub(super) people: BTreeMap<i64, PersonRow>,
    pub(super) last_person: i64,
    pub(super) participants: BTreeMap<ParticipantKey, i64>,
    pub(super) links: BTreeMap<Link, i64>,
    pub(super) effects: BTreeMap<EventId, WebhookId>,
    pub(super) messages: BTreeMap<MessageKey, Message>,
    pub(super) tombstones: BTreeMap<Hash, i64>,
    pub(super) lanes: BTreeMap<LaneId, LaneRow>,
    /// Those of a lane go out in the order of their numbers.
    pub(super) deliveries: BTreeMap<i64, DeliveryRow>,
    last_delivery: i64,
    pub(super) letters: BTreeMap<DeliveryId, LetterRow>,
    pub(super) attempts: Vec<(DeliveryId, PastAttempt)>,
    pub(super) values: BTreeMap<String, String>,
    pub(super) counters: Counters,
    pub(super) audit: BTreeMap<i64, AuditEntry>,
    pub(super) traffic: BTreeMap<(i64, String), i64>,
    /// People whose lanes go first among those that are due equally long.
    pub(super) preferred: Vec<String>,
}

impl Tables {
    /// Returns the rows of a new store.
    pub(super) fn made() -> Self {
        let mut tables = Self::default();
        tables.values.insert(MADE_AT.to_owned(), at(0).micros().to_string());
        tables
    }

    /// Returns the rows of a lane, in order.
    pub(super) fn lane(&self, lane: LaneId) -> impl Iterator<Item = &DeliveryRow> {
        self.deliveries.values().filter(move |it| it.state.lane == lane)
    }

    /// Returns the pending rows of a lane, in order.
    pub(super) fn pending(&self, lane: LaneId) -> impl Iterator<Item = &DeliveryRow> {
        self.lane(lane).filter(|it| it.state.state == PENDING)
    }

    pub(super) fn person(&self, identifier: &str) -> Option<&PersonRow> {
        self.people.values().find(|row| row.identifier == identifier)
    }

    pub(super) fn write(&mut self, changes: Changes) {
        self.remove(&changes);
        let Changes { webhooks, replanned, dropped, mentions, .. } = changes;
        self.inbox.extend(webhooks.into_iter().map(|row| (row.id, row)));
        for row in replanned {
            let webhook = self.inbox.get_mut(&row.id).expect("it was held");
            (webhook.parked, webhook.campaign) = (row.parked, row.campaign);
        }
        for id in dropped {
            let webhook = self.inbox.get_mut(&id).expect("it was held");
            (webhook.body, webhook.parked) = (None, None);
        }
        self.mentions.extend(mentions);
        let Changes { people, new_people, new_participants, moved_participants, links, .. } =
            changes;
        for row in people.into_iter().chain(new_people) {
            self.last_person = self.last_person.max(row.id);
            self.people.insert(row.id, row);
        }
        let identifiers: BTreeSet<&String> =
            self.people.values().map(|it| &it.identifier).collect();
        assert_eq!(identifiers.len(), self.people.len(), "two people of one identifier");
        self.participants.extend(new_participants);
        self.participants.extend(moved_participants);
        self.links.extend(links);
        let Changes { effects, messages, tombstones, values, accepting: clock, .. } = changes;
        for (id, webhook) in effects {
            assert!(self.effects.insert(id, webhook).is_none(), "an effect twice");
        }
        for message in messages {
            let key = (message.event, message.delivery.clone(), message.metric.clone());
            let kept = self.messages.entry(key).or_insert_with(|| message.clone());
            kept.at = kept.at.min(message.at);
        }
        for (hash, erased_at) in tombstones {
            let kept = self.tombstones.entry(hash).or_insert(erased_at);
            *kept = erased_at.max(*kept);
        }
        for (key, value) in values {
            match value {
                Some(value) => drop(self.values.insert(key, value)),
                None => drop(self.values.remove(&key)),
            }
        }
        if let Some(AvailabilityClock { destination, reading }) = clock {
            self.values.insert(accepting(destination).to_owned(), micros(reading).to_string());
        }
        let Changes { audit, removed_audit, traffic, traffic_since, .. } = changes;
        for entry in audit {
            let number = self.audit.last_key_value().map_or(1, |(last, _)| last + 1);
            self.audit.insert(number, entry);
        }
        removed_audit.iter().for_each(|number| drop(self.audit.remove(number)));
        self.traffic.retain(|(hour, _), _| traffic_since.is_none_or(|since| *hour >= since));
        for (key, n) in traffic {
            *self.traffic.entry(key).or_default() += n;
        }
        let Changes { deliveries, calls, letters, attempts, .. } = changes;
        for state in deliveries {
            let row = self.deliveries.get_mut(&state.id).expect("it was held");
            row.identify = row.identify.take().filter(|_| state.has_identify);
            row.state = state;
        }
        for (id, call, identify) in calls {
            let row = self.deliveries.get_mut(&id).expect("it was held");
            (row.call, row.identify) = (call, identify);
        }
        self.letters.extend(letters.into_iter().map(|letter| (letter.delivery, letter)));
        for attempt in attempts {
            let of = attempt.0;
            self.attempts.push(attempt);
            let kept = self.attempts.iter().filter(|(id, _)| *id == of).count();
            if number(kept) > ATTEMPTS {
                let oldest = self.attempts.iter().position(|(id, _)| *id == of);
                self.attempts.remove(oldest.expect("there are some"));
            }
        }
        let Changes { lanes, appended, raised, counters, .. } = changes;
        self.lanes.extend(lanes.into_iter().map(|row| (row.id, row)));
        appended.into_iter().for_each(|(lane, append)| self.append(lane, append));
        for raise in raised {
            self.raise(&raise.identifier, raise.class);
        }
        for (name, more) in Counters::NAMES.into_iter().zip(counters.values()) {
            self.counters.add(name, more);
        }
    }

    /// Removes rows.
    fn remove(&mut self, changes: &Changes) {
        for row in &changes.removed_deliveries {
            self.deliveries.remove(row);
            self.attempts.retain(|(id, _)| half(*id).0 != *row);
        }
        for id in &changes.taken {
            self.letters.remove(id);
            self.attempts.retain(|(delivery, _)| delivery != id);
        }
        for (key, person) in &changes.removed_participants {
            if self.participants.get(key) == Some(person) {
                self.participants.remove(key);
            }
            self.links.retain(|_, owner| owner != person);
        }
        for PersonId(id) in &changes.removed_people {
            self.people.remove(id);
            self.lanes.remove(&LaneId(*id));
            self.mentions.retain(|(person, _)| person != id);
        }
        for mention in &changes.removed_mentions {
            self.mentions.remove(mention);
        }
        for key in &changes.removed_messages {
            self.messages.remove(key);
        }
    }

    fn append(&mut self, id: LaneId, LaneAppend { class, due_at, rows }: LaneAppend) {
        let new = LaneRow { id, class, due_at: None, token: 0, leased: false };
        let lane = self.lanes.entry(id).or_insert(new);
        lane.class = class.min(lane.class);
        lane.due_at.get_or_insert(due_at);
        for row in rows {
            self.last_delivery += 1;
            let state = RowState {
                id: self.last_delivery,
                lane: id,
                state: PENDING,
                class: row.class,
                attempts: 0,
                failing_since: None,
                delivered_at: None,
                has_identify: row.identify.is_some(),
                identify_dead: false,
            };
            let (id, webhook, planned_at) = (state.id, row.webhook, row.planned_at);
            let (event_at, call, identify) = (row.event_at, row.call, row.identify);
            let row = DeliveryRow { state, webhook, planned_at, event_at, call, identify };
            self.deliveries.insert(id, row);
        }
    }

    fn raise(&mut self, identifier: &str, class: i16) {
        let Some(person) = self.person(identifier).map(|row| row.id) else { return };
        let Some(lane) = self.lanes.get_mut(&LaneId(person)) else { return };
        if lane.due_at.is_none() || lane.class <= class || lane.class > 2 {
            return;
        }
        lane.class = class;
        let waits = |it: &&mut DeliveryRow| it.state.lane.0 == person && it.state.state == PENDING;
        let waiting = self.deliveries.values_mut().filter(waits);
        for it in waiting.filter(|it| it.state.class > class).take(1_000) {
            it.state.class = class;
        }
    }

    /// Counts the numbers afresh. Panics if rows contradict each other.
    pub(super) fn counted(&self) -> Stats {
        for (id, lane) in &self.lanes {
            let classes = self.pending(*id).map(|it| it.state.class);
            let class = classes.min();
            assert_eq!(lane.due_at.is_some(), class.is_some(), "due without a call: {lane:?}");
            assert!(lane.due_at.is_some() || !lane.leased, "leased without a call: {lane:?}");
            assert_eq!(lane.class, class.unwrap_or(lane.class.max(2)), "{lane:?}");
            assert!(self.people.contains_key(&id.0), "nobody's: {lane:?}");
        }
        let has_letter = |row, which| self.letters.contains_key(&delivery(row, which));
        for RowState { id, lane, state, identify_dead, .. } in
            self.deliveries.values().map(|it| &it.state)
        {
            assert!(self.lanes.contains_key(lane), "a delivery without a lane");
            let is_identify_dead = has_letter(*id, Half::Identify);
            assert_eq!(*identify_dead, is_identify_dead);
            let is_dead = is_identify_dead || has_letter(*id, Half::Call);
            assert!(*state == PENDING || (*state == DEAD) == is_dead, "{state} {is_dead}");
        }
        let letters = self.letters.keys().chain(self.attempts.iter().map(|(id, _)| id));
        letters.for_each(|id| assert!(self.deliveries.contains_key(&half(*id).0)));
        let owners = self.participants.values().chain(self.links.values());
        owners.for_each(|person| assert!(self.people.contains_key(person)));
        let pending = || self.deliveries.values().filter(|it| it.state.state == PENDING);
        let identifies = pending().filter(|it| it.state.turn() == Some(Half::Identify)).count();
        let count = |count: usize| u64::try_from(count).expect("few");
        Stats {
            pending: count(pending().count() + identifies),
            oldest_pending: pending().map(|it| it.planned_at).min().map(Time::from_micros),
            dead: count(self.letters.len()),
            parked: count(self.inbox.values().filter(|it| it.parked.is_some()).count()),
        }
    }
}
