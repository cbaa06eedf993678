//! Effects from the ledger to the messages they led to.
//!
//! What belongs here: that part of the contract. What doesn't: taking reports of messages in, which
//! is [`Store::accept`].

use crate::domain::{DeliveryId, EventId, Time};

use super::work::{FindEffect, PruneMessages};
use super::{Store, StoreError};

/// Shows what became of effects.
///
/// Of each message one row is kept for each thing that happened to it, with the earliest of the
/// times told, so that reports may come in any order and however often. Rows name nobody.
impl Store {
    /// Returns what is kept of an effect; `None` if it isn't in the ledger. Waits for no writes.
    pub async fn effect(&self, id: EventId) -> Result<Option<Effect>, StoreError> {
        self.read("look for an effect", FindEffect(id)).await
    }

    /// Removes what happened to messages before `before`, the oldest first. At most `limit` rows;
    /// returns how many.
    pub async fn prune_messages(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.write("prune messages", PruneMessages { before, limit }).await
    }
}

/// What is kept of an effect.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effect {
    /// The calls that tell of it, unless they are pruned. None of an effect that is only counted.
    pub carriers: Vec<EffectDelivery>,
    /// The messages that it led to, by what happened first.
    pub messages: Vec<MessageStatus>,
}

/// A call that tells of an effect, without what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EffectDelivery {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Where it stands.
    pub state: DeliveryState,
    /// The event's name at Customer.io.
    pub name: String,
    /// The event's own time.
    pub happened_at: Time,
    /// When the call was planned.
    pub planned_at: Time,
    /// When it was delivered, or died.
    pub ended_at: Option<Time>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryState {
    /// It waits or is leased.
    Pending,
    /// Customer.io took it.
    Delivered,
    /// It is a dead letter.
    Dead,
}

impl DeliveryState {
    /// Returns the state that a column holds.
    pub(super) fn of(column: i64) -> Self {
        match column {
            1 => Self::Delivered,
            2 => Self::Dead,
            _ => Self::Pending,
        }
    }
}

/// A message and what happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageStatus {
    /// Customer.io's id of it.
    pub delivery: String,
    /// What kind it is.
    pub channel: String,
    /// What sent it, such as `campaign` and its id.
    pub sender: Option<(String, String)>,
    /// What happened to it, the earliest first.
    pub metrics: Vec<(String, Time)>,
}
