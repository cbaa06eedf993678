//! Finding: the records of people, webhooks and calls, shown to operators.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: what is made of it for
//! people (`inspect`).

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{
    Call, DeliveryId, EventId, LaneId, LaneKey, Message, Participant, Person, PersonId, ReadKey,
    Source, Time, Webhook, WebhookId,
};

use super::planning::Planning;
use super::rows::number;
use super::unit::{Entries, Hold, use_case};
use super::work::{
    calls, find_people, lane_states, lanes_of, last, mentions, messages, waiting, webhook,
};
use super::{InboxEntry, PastAttempt, Store, StoreError, record};

/// Reads for operators. None waits for writes.
impl Store {
    /// Returns the campaigns that participants or links are known of.
    pub async fn campaigns(&self) -> Result<Vec<String>, StoreError> {
        use_case!(self.read("list campaigns"), [] -> Vec<String>, |unit| unit.campaigns().await)
    }

    /// Returns the people that keys lead to, each once, with the first key that led to them. Effects and
    /// tombstones lead to nobody.
    pub async fn people(&self, keys: Vec<ReadKey>) -> Result<Vec<(ReadKey, Person)>, StoreError> {
        let planning = Arc::clone(&self.planning);
        use_case!(
            self.read("find people"),
            [planning: Arc<Planning>, keys: Vec<ReadKey>] -> Vec<(ReadKey, Person)>,
            |unit| find_people(unit, planning, keys).await
        )
    }

    /// Returns the person that a key leads to. Effects and tombstones lead to nobody.
    pub async fn person(&self, key: &ReadKey) -> Result<Option<Person>, StoreError> {
        Ok(self.people(vec![key.clone()]).await?.pop().map(|(_, person)| person))
    }

    /// Returns the person of a number; `None` if there is none, or none any more.
    pub async fn person_of_number(&self, person: PersonId) -> Result<Option<Person>, StoreError> {
        use_case!(
            self.read("find a person"),
            [person: PersonId] -> Option<Person>,
            |unit| {
                let row = unit.people(&[person.0], Hold::No).await?.pop();
                Ok(row.as_ref().map(record::person).transpose()?)
            }
        )
    }

    /// Returns the first people behind one, or of all, in the order of their numbers.
    pub async fn people_after(
        &self,
        last: Option<PersonId>,
        limit: usize,
    ) -> Result<Vec<Person>, StoreError> {
        use_case!(
            self.read("read people"),
            [last: Option<PersonId>, limit: usize] -> Vec<Person>,
            |unit| {
                let after = last.map_or(i64::MIN, |person| person.0);
                let rows = unit.people_after(after, number(*limit)).await?;
                Ok(rows.iter().map(record::person).collect::<Result<_, _>>()?)
            }
        )
    }

    /// Returns GrowSurf's ids of the known participants of a campaign, in their order, those behind `after`.
    pub async fn participants(
        &self,
        campaign: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (campaign, after) = (campaign.to_owned(), after.unwrap_or_default().to_owned());
        use_case!(
            self.read("list participants"),
            [campaign: String, after: String, limit: usize] -> Vec<String>,
            |unit| {
                // Keys that are hashes aren't GrowSurf's ids; they sort behind them.
                let before = Participant::HASHED;
                unit.participants_between(campaign, after, before, number(*limit)).await
            }
        )
    }

    /// Returns the states of people's lanes. Someone who never had a call has none.
    pub async fn lanes(
        &self,
        people: Vec<PersonId>,
        now: Time,
    ) -> Result<Vec<LaneStatus>, StoreError> {
        use_case!(
            self.read("read lanes"),
            [people: Vec<PersonId>, now: Time] -> Vec<LaneStatus>,
            |unit| lane_states(unit, &lanes_of(people), *now).await
        )
    }

    /// Returns the newest webhooks that name one of some people, of those before one, each with the calls
    /// for these people that it led to and that are kept.
    pub async fn mentions(
        &self,
        people: Vec<PersonId>,
        before: Option<WebhookId>,
        limit: usize,
        now: Time,
    ) -> Result<Vec<WebhookStatus>, StoreError> {
        use_case!(
            self.read("list mentions"),
            [people: Vec<PersonId>, before: Option<WebhookId>, limit: usize, now: Time]
                -> Vec<WebhookStatus>,
            |unit| mentions(unit, people, *before, *limit, *now).await
        )
    }

    /// Returns a webhook with the calls that it led to and that are kept; `None` if there is none of this
    /// id whose body is kept.
    pub async fn webhook(
        &self,
        id: WebhookId,
        now: Time,
    ) -> Result<Option<WebhookStatus>, StoreError> {
        use_case!(
            self.read("show a webhook"),
            [id: WebhookId, now: Time] -> Option<WebhookStatus>,
            |unit| {
                let before = Uuid::from_u128(id.0.as_u128().saturating_add(1));
                let entry = unit.entries(Entries::All, before, 1).await?.pop();
                let Some(entry) = entry.filter(|entry| entry.id == *id) else { return Ok(None) };
                let calls = calls(unit, &[*id], &[], *now).await?;
                Ok(Some(WebhookStatus { entry, calls }))
            }
        )
    }

    /// Returns the calls that a webhook led to and that are kept, whether or not its body is.
    pub async fn calls(&self, id: WebhookId, now: Time) -> Result<Vec<CallStatus>, StoreError> {
        use_case!(
            self.read("list calls"),
            [id: WebhookId, now: Time] -> Vec<CallStatus>,
            |unit| calls(unit, &[*id], &[], *now).await
        )
    }

    /// Returns a webhook with its body, if that is kept.
    pub async fn stored(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        use_case!(
            self.read("read a webhook"),
            [id: WebhookId] -> Option<Webhook>,
            |unit| webhook(unit, *id).await
        )
    }

    /// Returns the newest webhooks of some whose bodies are kept, of those before one.
    pub async fn entries(
        &self,
        which: Entries,
        before: Option<WebhookId>,
        limit: usize,
    ) -> Result<Vec<InboxEntry>, StoreError> {
        use_case!(
            self.read("list webhooks"),
            [which: Entries, before: Option<WebhookId>, limit: usize] -> Vec<InboxEntry>,
            |unit| unit.entries(*which, last(*before), number(*limit)).await
        )
    }

    /// Returns pending calls behind one, those that were planned first before the others: of each row the one
    /// that goes out next.
    pub async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
        now: Time,
    ) -> Result<Vec<WaitingCall>, StoreError> {
        use_case!(
            self.read("list waiting calls"),
            [after: Option<WaitingKey>, limit: usize, now: Time] -> Vec<WaitingCall>,
            |unit| waiting(unit, *after, *limit, *now).await
        )
    }

    /// Returns the newest webhook of a source, if one is among the newest thousand of all.
    pub async fn newest(&self, source: Source) -> Result<Option<InboxEntry>, StoreError> {
        let newest = self.entries(Entries::All, None, 1_000).await?;
        Ok(newest.into_iter().find(|entry| entry.source == source))
    }

    /// Returns the calls and messages of an effect; `None` if it isn't in the ledger. Waits for no writes.
    ///
    /// A message has one row for each metric, with the earliest time reported, so that reports may come in
    /// any order and more than once. Rows name nobody.
    pub async fn effect(&self, id: EventId, now: Time) -> Result<Option<Effect>, StoreError> {
        use_case!(
            self.read("look for an effect"),
            [id: EventId, now: Time] -> Option<Effect>,
            |unit| {
                let Some(webhook) = unit.effect_webhook(*id).await? else { return Ok(None) };
                let mut calls = calls(unit, &[webhook], &[], *now).await?;
                calls.retain(|call| call.event_id() == Some(*id));
                let messages = messages(unit.effect_messages(&[*id]).await?);
                Ok(Some(Effect { webhook, calls, messages }))
            }
        )
    }

    /// Returns what became of the messages that effects led to, one row for each metric.
    pub async fn messages(&self, effects: Vec<EventId>) -> Result<Vec<Message>, StoreError> {
        use_case!(
            self.read("look for messages"),
            [effects: Vec<EventId>] -> Vec<Message>,
            |unit| unit.effect_messages(effects).await
        )
    }

    /// Returns the size of the store in bytes.
    pub async fn bytes(&self) -> Result<u64, StoreError> {
        let bytes = use_case!(self.read("measure itself"), [] -> i64, |unit| unit.bytes().await)?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }
}

/// A webhook and the calls that it led to.
#[derive(Clone, PartialEq, Debug)]
pub struct WebhookStatus {
    pub entry: InboxEntry,
    /// The calls, in the order in which they were planned; the first ones of a thousand rows.
    pub calls: Vec<CallStatus>,
}

/// A call and its way so far.
#[derive(Clone, PartialEq, Debug)]
pub struct CallStatus {
    pub delivery: DeliveryId,
    /// The webhook that led to it.
    pub webhook: WebhookId,
    pub lane: LaneId,
    /// The lane's present key.
    pub key: LaneKey,
    /// The call; `None` for the identify that goes out before another call, which carries the profile.
    pub call: Option<Call>,
    pub state: DeliveryState,
    /// The time when it was planned.
    pub planned_at: Time,
    /// The time when it was delivered.
    pub delivered_at: Option<Time>,
    /// Its death, if it is a dead letter.
    pub death: Option<Death>,
    /// The attempts that didn't deliver it, oldest first: a hundred at most.
    pub attempts: Vec<PastAttempt>,
    /// The state of its lane, while it is pending.
    pub waits_in: Option<LaneStatus>,
    /// The messages that it led to.
    pub messages: Vec<MessageStatus>,
}

impl CallStatus {
    pub fn kind(&self) -> &'static str {
        self.call.as_ref().map_or("identify", Call::kind)
    }

    /// Returns the event's name at Customer.io, if it is a track.
    pub fn event_name(&self) -> Option<&str> {
        match &self.call {
            Some(Call::Track { name, .. }) => Some(name),
            _ => None,
        }
    }

    /// Returns the event's id, if it is a track.
    pub fn event_id(&self) -> Option<EventId> {
        self.call.as_ref().and_then(Call::event_id)
    }

    /// Returns when it was delivered or died.
    pub fn ended_at(&self) -> Option<Time> {
        self.delivered_at.or(self.death.as_ref().map(|death| death.died_at))
    }
}

/// The place of a pending call in the order of planning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitingKey {
    /// The time of planning.
    pub planned_at: Time,
    /// The number of the row.
    pub row: i64,
}

/// A pending call.
#[derive(Clone, PartialEq, Debug)]
pub struct WaitingCall {
    /// Its place.
    pub place: WaitingKey,
    /// The webhook that led to it.
    pub webhook: Option<WebhookId>,
    /// The lane's present key.
    pub key: LaneKey,
    /// The row's own call.
    pub call: Call,
    /// True if an identify goes out before it.
    pub has_identify: bool,
    /// The tries of what goes out next.
    pub attempts: u32,
    /// The last of them that is kept.
    pub last: Option<PastAttempt>,
    /// The lane as it is now.
    pub lane: LaneStatus,
}

/// The end of a delivery that is a dead letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Death {
    /// When it died.
    pub died_at: Time,
    pub reason: String,
    /// The field at fault, where known.
    pub field: Option<String>,
}

/// A lane as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneStatus {
    pub lane: LaneId,
    /// The time when its next call is due; while it is leased, the end of the lease. `None` if nothing is
    /// pending.
    pub due_at: Option<Time>,
    /// True if a relay sends its calls now.
    pub is_leased: bool,
    /// Rows of pending calls, counted up to a thousand.
    pub pending: i64,
    /// The time when the first of them was planned.
    pub oldest: Option<Time>,
}

/// The calls and messages of an effect.
#[derive(Clone, PartialEq, Debug)]
pub struct Effect {
    /// The webhook that led to it.
    pub webhook: WebhookId,
    /// The calls that carry it, unless they are pruned. An effect that is only counted has none.
    pub calls: Vec<CallStatus>,
    /// The messages that it led to, by their first metric.
    pub messages: Vec<MessageStatus>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryState {
    /// It waits or is leased.
    Pending,
    /// The destination accepted it.
    Delivered,
    /// It is a dead letter.
    Dead,
}

/// A message and its metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageStatus {
    /// Customer.io's id of it.
    pub delivery: String,
    /// Its channel, such as `email`.
    pub channel: String,
    /// The kind of its sender, such as `campaign`, and the sender's id.
    pub sender: Option<(String, String)>,
    /// The metrics and their times, the earliest first.
    pub metrics: Vec<(String, Time)>,
}
