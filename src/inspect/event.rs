//! One event: its call, its messages, and why it started no campaign.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::Inspector;
use super::call::{CallView, MessageView};
use super::why::{Diagnosis, Evidence, why};
use crate::domain::{EffectKey, EventId, Time, WebhookId};
use crate::store::{CallStatus, Effect, StoreError};

/// An event that the relay planned.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct EventView {
    /// Its id at Customer.io.
    #[serde_as(as = "DisplayFromStr")]
    pub event_id: EventId,
    /// Its meaning, if it was asked for by that.
    pub effect_key: Option<String>,
    /// Its name at Customer.io, as long as its call is kept.
    pub name: Option<String>,
    /// The webhook that led to it.
    #[serde_as(as = "DisplayFromStr")]
    pub webhook: WebhookId,
    /// The time when that webhook was first received.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub received_at: Option<Time>,
    /// The call that carries it, as long as it is kept.
    pub call: Option<CallView>,
    /// The messages that it led to.
    pub messages: Vec<MessageView>,
    /// The reasons why it started no campaign, or that it did.
    pub why: Diagnosis,
}

impl EventView {
    /// Returns where the event is, as the end of a sentence that begins with its name.
    pub fn outcome(&self) -> String {
        let Some(call) = &self.call else {
            return format!("isn't kept any more: {}", self.why.answer());
        };
        match (call.state, call.delivered_at) {
            ("delivered", Some(at)) => format!("arrived at Customer.io at {at}"),
            ("dead", _) => {
                let reason = call.reason.as_deref().unwrap_or("no reason is known");
                format!("was refused for good: {reason} (dead letter {})", call.id)
            }
            _ => format!("hasn't arrived at Customer.io: {}", self.why.answer()),
        }
    }
}

impl Inspector {
    /// Returns an event; `None` if the relay never planned it.
    ///
    /// # Errors
    /// The store's.
    pub async fn event(
        &self,
        event_id: EventId,
        key: Option<&EffectKey>,
    ) -> Result<Option<EventView>, StoreError> {
        let Some(effect) = self.store.effect(event_id, self.now).await? else { return Ok(None) };
        let Effect { webhook, mut calls, messages } = effect;
        let status = self.store.webhook(webhook, self.now).await?;
        let destination = self.store.destination_reports().await?;
        let call = calls.pop();
        let profile = call.as_ref().and_then(|call| {
            let others = status.iter().flat_map(|status| &status.calls);
            let is_before = |it: &&CallStatus| it.lane == call.lane && it.delivery < call.delivery;
            others.filter(is_before).rfind(|it| it.event_id().is_none())
        });
        let late_profile = call.as_ref().and_then(|call| {
            let others = status.iter().flat_map(|status| &status.calls);
            // A webhook leads to a profile alone only if it leads to no event of that person.
            let is_late = |it: &&CallStatus| {
                let is_behind = it.lane == call.lane && it.delivery > call.delivery;
                is_behind && it.kind() == "identify" && it.delivered_at > call.delivered_at
            };
            others.filter(|_| call.delivered_at.is_some()).find(is_late)
        });
        let entry = status.as_ref().map(|status| &status.entry);
        let why = why(
            self,
            &Evidence {
                key,
                call: call.as_ref(),
                has_body: entry.is_some(),
                messages: messages.len(),
                profile,
                late_profile,
                reports: &destination,
            },
        );
        Ok(Some(EventView {
            event_id,
            effect_key: key.map(|key| self.show.effect_key(key)),
            name: call.as_ref().and_then(CallStatus::event_name).map(str::to_owned),
            webhook,
            received_at: entry.map(|entry| entry.received_at),
            call: call.map(|call| CallView::of(call, self.show)),
            messages: messages.into_iter().map(MessageView::from).collect(),
            why,
        }))
    }
}
