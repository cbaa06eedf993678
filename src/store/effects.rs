//! Effects from the ledger to the messages they led to.
//!
//! What belongs here: that part of the contract. What doesn't: accepting reports of messages
//! ([`Store::accept`]).

use crate::domain::{EventId, Time, WebhookId};

use super::work::{FindEffect, PruneMessages};
use super::{CallStatus, Store, StoreError};

impl Store {
    /// Returns the calls and messages of an effect; `None` if it isn't in the ledger. Waits for no writes.
    ///
    /// A message has one row for each metric, with the earliest time reported, so that reports may come in
    /// any order and more than once. Rows name nobody.
    pub async fn effect(&self, id: EventId, now: Time) -> Result<Option<Effect>, StoreError> {
        self.read("look for an effect", FindEffect { id, now }).await
    }

    /// Removes the metrics of messages before a time, the oldest first. Returns how many.
    pub async fn prune_messages(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.write("prune messages", PruneMessages { before, limit }).await
    }
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
