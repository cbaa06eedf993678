//! One webhook: its facts, the people and the calls that it led to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::call::CallView;
use super::{Inspector, Show};
use crate::domain::{Labelled, Time, WebhookId, plural};
use crate::store::{Entries, InboxEntry, StoreError, WebhookStatus};

/// A webhook and what it led to.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct WebhookView {
    #[serde_as(as = "DisplayFromStr")]
    pub id: WebhookId,
    /// The time of its first receipt.
    #[serde_as(as = "DisplayFromStr")]
    pub received_at: Time,
    /// The source, such as `growsurf`.
    pub source: &'static str,
    /// The campaign whose own secret signed it.
    pub owner: Option<String>,
    /// The event type.
    pub event: Option<String>,
    /// `accepted`, `parked`, or `parked in part`.
    pub outcome: &'static str,
    /// The reason why it is parked.
    pub reason: Option<String>,
    /// The people that its calls are for.
    pub people: BTreeSet<String>,
    /// Its calls, in the order in which they were planned.
    pub calls: Vec<CallView>,
}

impl WebhookView {
    pub(super) fn of(status: WebhookStatus, show: Show) -> Self {
        let WebhookStatus { entry, calls } = status;
        let calls: Vec<CallView> = calls.into_iter().map(|it| CallView::of(it, show)).collect();
        let InboxEntry { id, received_at, source, owner, event, parked, is_mapped_in_part } = entry;
        let outcome = match (&parked, is_mapped_in_part) {
            (None, _) => "accepted",
            (Some(_), false) => "parked",
            (Some(_), true) => "parked in part",
        };
        let event = event.map(|event| show.event(event));
        Self {
            id,
            received_at,
            source: source.label(),
            owner,
            event,
            outcome,
            reason: parked,
            people: calls.iter().map(|call| call.person.clone()).collect(),
            calls,
        }
    }

    /// Returns the people that its calls are for, by their numbers.
    pub fn numbered_people(&self) -> BTreeMap<i64, &str> {
        self.calls.iter().map(|call| (call.lane, &*call.person)).collect()
    }

    /// Returns the outcome of the webhook, as a sentence.
    pub fn headline(&self) -> String {
        let (source, at) = (self.source, self.received_at);
        let event = self.event.as_deref().unwrap_or("a webhook");
        let arrival = format!("{event} of {source} arrived at {at}");
        if let Some(reason) = &self.reason {
            return format!("{arrival} and is {}: {reason}.", self.outcome);
        }
        if self.calls.is_empty() {
            let why = "it has no stored call: it reported nothing new, its events are off, or its dead \
                       letters were discarded";
            return format!("{arrival}; {why}.");
        }
        // A profile that went out before an event is no call of its own any more, so calls aren't counted.
        let has_events = self.calls.iter().any(|call| call.event.is_some());
        let counts = |call: &&CallView| !has_events || call.event.is_some();
        let count = |state: &[&str]| {
            let calls = self.calls.iter().filter(counts);
            calls.filter(|it| state.contains(&it.state)).count()
        };
        let number = self.calls.iter().filter(counts).count();
        let thing = if has_events { "event" } else { "call" };
        let all = format!("{}, {}", plural(self.people.len(), "person"), plural(number, thing));
        let (waiting, dead) = (count(&["pending", "leased"]), count(&["dead"]));
        let last = self.calls.iter().filter_map(|call| call.delivered_at).max();
        let outcome = match (waiting, dead, last) {
            (0, 0, Some(last)) => format!("all are delivered, the last at {last}"),
            (waiting, dead, _) => {
                format!("{} delivered, {waiting} waiting, {dead} dead", count(&["delivered"]))
            }
        };
        format!("{arrival}: {all}; {outcome}.")
    }
}

impl Inspector {
    /// Returns a webhook with its calls; `None` if there is none of this id.
    ///
    /// # Errors
    /// The store's.
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookView>, StoreError> {
        let status = self.store.webhook(id, self.now).await?;
        Ok(status.map(|status| WebhookView::of(status, self.show)))
    }

    /// Returns the newest webhooks, of those before one, without their calls.
    ///
    /// # Errors
    /// The store's.
    pub async fn recent(
        &self,
        before: Option<WebhookId>,
        limit: usize,
    ) -> Result<Vec<WebhookView>, StoreError> {
        let entries = self.store.entries(Entries::All, before, limit).await?.into_iter();
        let view = |entry| WebhookView::of(WebhookStatus { entry, calls: Vec::new() }, self.show);
        Ok(entries.map(view).collect())
    }
}
