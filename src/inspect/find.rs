//! The search for one thing by its id or address; tries one kind of text after the other.

use serde::Serialize;
use ulid::Ulid;
use uuid::Uuid;

use super::Inspector;
use super::event::EventView;
use super::person::PersonView;
use super::webhook::WebhookView;
use crate::domain::{
    AnonymousId, EffectKey, Email, EventId, Identifier, LaneKey, Link, ParticipantKey, Person,
    ReadKey, WebhookId,
};
use crate::store::{Pruned, StoreError};

/// The answer to a search. Only exact matches are found.
#[derive(Clone, Debug, Serialize)]
pub struct SearchResult {
    /// The answer in a sentence.
    pub answer: String,
    /// The kinds of things that were searched.
    pub searched: Vec<&'static str>,
    /// The things found.
    pub found: Vec<Found>,
}

/// Something that was found.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Found {
    Person(Box<PersonView>),
    Webhook(Box<WebhookView>),
    Event(Box<EventView>),
}

impl Found {
    fn headline(&self) -> String {
        match self {
            Self::Person(person) => person.headline(),
            Self::Webhook(webhook) => webhook.headline(),
            Self::Event(event) => {
                let name = event.name.as_deref().or(event.effect_key.as_deref());
                format!("{} {}.", name.unwrap_or("The event"), event.outcome())
            }
        }
    }
}

impl Inspector {
    /// Finds what a text names: an address, an own id, a participant's id or vanity key, a webhook's id,
    /// an event's id or an effect key. A person comes with the page of the timeline before a webhook.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(
        &self,
        text: &str,
        before: Option<WebhookId>,
    ) -> Result<SearchResult, StoreError> {
        let text = text.trim();
        let mut searched = Vec::new();
        let mut found = Vec::new();
        if let Some(id) = webhook_id(text) {
            searched.push("webhook id");
            found.extend(self.webhook(id).await?.map(Box::new).map(Found::Webhook));
        }
        if let Ok(id) = EventId::try_from(text.to_ascii_uppercase()) {
            searched.push("event id");
            found.extend(self.event(id, None).await?.map(Box::new).map(Found::Event));
        }
        if text.contains(':') {
            searched.push("effect key");
            let key = EffectKey(text.to_owned());
            let event = self.event(key.event_id(), Some(&key)).await?;
            found.extend(event.map(Box::new).map(Found::Event));
        }
        if found.is_empty() {
            for person in self.people(text, &mut searched).await? {
                found.push(Found::Person(Box::new(self.person(&person, before).await?)));
            }
        }
        let pruned = match webhook_id(text).filter(|_| found.is_empty()) {
            Some(id) => self.pruned_webhook(id).await?,
            None => None,
        };
        let answer = match &found[..] {
            [] if pruned.is_some() => pruned.unwrap_or_default(),
            [] => format!(
                "Nothing was found by {}. Only exact matches are found.",
                searched.join(", ")
            ),
            found => found.iter().map(Found::headline).collect::<Vec<_>>().join(" "),
        };
        Ok(SearchResult { answer, searched, found })
    }

    /// Returns that a webhook was pruned, if those of its time were; `None` if it would be kept. Its id has the
    /// time of its receipt.
    ///
    /// # Errors
    /// The store's.
    pub async fn pruned_webhook(&self, id: WebhookId) -> Result<Option<String>, StoreError> {
        let Some(received_at) = id.received_at() else { return Ok(None) };
        let Pruned { finished, parked } = self.store.pruned_until().await?;
        let until = finished.max(parked).filter(|until| received_at <= *until);
        Ok(until.map(|until| {
            format!(
                "By its id this webhook was received at {received_at}. Webhooks of that time are pruned, the \
                 last of {until} (store.keep_payloads, store.keep_parked): body, calls and attempts are gone. \
                 Its effects stay known, so none of them happens again."
            )
        }))
    }

    async fn people(
        &self,
        text: &str,
        searched: &mut Vec<&'static str>,
    ) -> Result<Vec<Person>, StoreError> {
        let mut keys: Vec<LaneKey> = Vec::new();
        if let Ok(email) = Email::parse(text) {
            searched.push("address");
            keys.push(email.into());
        }
        searched.push("own id");
        keys.push(Identifier::Id(text.to_owned()).into());
        if let Ok(id) = AnonymousId::parse(text) {
            searched.push("anonymous id");
            keys.push(id.into());
        }
        let mut keys: Vec<ReadKey> = keys.into_iter().map(ReadKey::Lane).collect();
        let mut campaigns = self.store.campaigns().await?;
        campaigns.extend(self.campaigns.iter().cloned());
        campaigns.sort();
        campaigns.dedup();
        searched.push("participant id");
        for campaign in &campaigns {
            let (campaign, participant) = (campaign.clone(), text.to_owned());
            keys.push(ReadKey::Participant(ParticipantKey { campaign, participant }));
        }
        if Link::is_code(text) {
            searched.push("vanity key");
            let link = |campaign: String| Link { campaign, code: text.to_owned() };
            keys.extend(campaigns.into_iter().map(link).map(ReadKey::Link));
        }
        let found = self.store.people(keys).await?;
        Ok(found.into_iter().filter(|(key, it)| is_theirs(key, it)).map(|(_, it)| it).collect())
    }
}

/// True unless the person has given the code of their link up.
fn is_theirs(key: &ReadKey, person: &Person) -> bool {
    let ReadKey::Link(link) = key else { return true };
    person.participants.iter().any(|it| it.links().any(|own| own == *link))
}

/// Reads a webhook's id, as the relay writes it or as a ULID.
fn webhook_id(text: &str) -> Option<WebhookId> {
    let uuid = || Uuid::parse_str(text).ok().filter(|_| text.contains('-'));
    let ulid = || Ulid::from_string(text).ok().map(|ulid| Uuid::from_bytes(ulid.to_bytes()));
    uuid().or_else(ulid).map(WebhookId)
}
