//! Finding: the records of people, webhooks and calls, shown to operators.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: what is made of it for
//! people (`inspect`).

use std::sync::Arc;

use crate::domain::{
    Call, DeliveryId, EventId, LaneId, LaneKey, Person, PersonId, ReadKey, Source, Time, Webhook,
    WebhookId,
};

use super::unit::Entries;
use super::work::{
    FindPeople, ListCampaigns, ListEntries, ListMentions, ListWaiting, Measure, ReadLanes,
    ReadPerson, ReadWebhook, ShowWebhook,
};
use super::{DeliveryState, InboxEntry, MessageStatus, PastAttempt, Store, StoreError};

/// Reads for operators. None waits for writes.
impl Store {
    /// Returns the campaigns that participants or links are known of.
    pub async fn campaigns(&self) -> Result<Vec<String>, StoreError> {
        self.read("list campaigns", ListCampaigns).await
    }

    /// Returns the people that keys lead to, each once, with the first key that led to them. Effects and
    /// tombstones lead to nobody.
    pub async fn people(&self, keys: Vec<ReadKey>) -> Result<Vec<(ReadKey, Person)>, StoreError> {
        let work = FindPeople { planning: Arc::clone(&self.planning), keys };
        self.read("look for people", work).await
    }

    /// Returns the states of people's lanes. Someone who never had a call has none.
    pub async fn lanes(
        &self,
        people: Vec<PersonId>,
        now: Time,
    ) -> Result<Vec<LaneStatus>, StoreError> {
        self.read("look at lanes", ReadLanes { people, now }).await
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
        self.read("list mentions", ListMentions { people, before, limit, now }).await
    }

    /// Returns a webhook with the calls that it led to and that are kept; `None` if there is none of this
    /// id whose body is kept.
    pub async fn webhook(
        &self,
        id: WebhookId,
        now: Time,
    ) -> Result<Option<WebhookStatus>, StoreError> {
        let (entry, calls) = self.read("show a webhook", ShowWebhook { id, now }).await?;
        Ok(entry.map(|entry| WebhookStatus { entry, calls }))
    }

    /// Returns the calls that a webhook led to and that are kept, whether or not its body is.
    pub async fn calls(&self, id: WebhookId, now: Time) -> Result<Vec<CallStatus>, StoreError> {
        Ok(self.read("list calls", ShowWebhook { id, now }).await?.1)
    }

    /// Returns the size of the store in bytes.
    pub async fn bytes(&self) -> Result<u64, StoreError> {
        self.read("measure itself", Measure).await
    }

    /// Returns a webhook with its body, if that is kept.
    pub async fn stored(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.read("read a webhook", ReadWebhook(id)).await
    }

    /// Returns the newest webhooks that are parked, of those before one.
    pub async fn parked(
        &self,
        before: Option<WebhookId>,
        limit: usize,
    ) -> Result<Vec<InboxEntry>, StoreError> {
        let which = Entries::Parked;
        self.read("list parked webhooks", ListEntries { which, before, limit }).await
    }

    /// Returns the newest webhooks whose bodies are kept, of those before one.
    pub async fn recent(
        &self,
        before: Option<WebhookId>,
        limit: usize,
    ) -> Result<Vec<InboxEntry>, StoreError> {
        self.read("list webhooks", ListEntries { which: Entries::All, before, limit }).await
    }

    /// Returns the person of a number; `None` if there is none, or none any more.
    pub async fn person_of_number(&self, person: PersonId) -> Result<Option<Person>, StoreError> {
        self.read("look for a person", ReadPerson(person)).await
    }

    /// Returns pending calls behind one, those that were planned first before the others: of each row the one
    /// that goes out next.
    pub async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
        now: Time,
    ) -> Result<Vec<WaitingCall>, StoreError> {
        self.read("list waiting calls", ListWaiting { after, limit, now }).await
    }

    /// Returns the newest webhook of a source, if one is among the newest thousand of all.
    pub async fn newest(&self, source: Source) -> Result<Option<InboxEntry>, StoreError> {
        Ok(self.recent(None, 1_000).await?.into_iter().find(|entry| entry.source == source))
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
