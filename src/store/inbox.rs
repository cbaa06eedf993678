//! The inbox: webhooks in pages, and how their payloads go.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: accepting webhooks
//! ([`Store::accept`]).

use crate::domain::{Labelled, Source, Time, Webhook, WebhookId};

use super::work::{ReadInbox, ReadValues, discard_parked, prune};
use super::{Store, StoreError, meta};

impl Store {
    /// Returns a page of the webhooks whose bodies are kept, oldest first.
    pub async fn inbox(&self, page: InboxPage) -> Result<Vec<Webhook>, StoreError> {
        self.read("list the inbox", ReadInbox(page)).await
    }

    /// Returns the times of receipt up to which bodies were pruned.
    pub async fn pruned_until(&self) -> Result<Pruned, StoreError> {
        let keys = [Prunable::Finished, Prunable::Parked].map(|it| it.label().to_owned());
        let values = self.read("tell what was pruned", ReadValues(keys)).await?;
        let [finished, parked] = values.map(|it| it.as_deref().map(meta::number).transpose());
        Ok(Pruned {
            finished: finished?.map(Time::from_micros),
            parked: parked?.map(Time::from_micros),
        })
    }

    /// Removes payloads of webhooks received before a time: bodies, delivered calls, attempts. Never one with
    /// pending, dead or parked work, never an effect. A visitor whom nobody claimed goes with the last of
    /// their calls and bodies. Takes at most `limit` webhooks; returns how many. Goes in pieces.
    pub async fn prune(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        prune(self, Prunable::Finished, before, limit).await
    }

    /// Removes payloads of parked webhooks received before a time, as [`Store::prune`] does: they can't be
    /// replayed, and don't count as parked any more. Never one with pending or dead work. The same bytes are a
    /// duplicate from then on. Takes at most `limit` webhooks; returns how many. Goes in pieces.
    pub async fn prune_parked(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        prune(self, Prunable::Parked, before, limit).await
    }

    /// Ends the parking of webhooks for good, and returns how many were parked. The body of one that led to
    /// no call goes; of another it stays as long as its calls do. Goes in pieces.
    pub async fn discard_parked(&self, ids: &[WebhookId]) -> Result<usize, StoreError> {
        discard_parked(self, ids).await
    }
}

/// A request for a page of the inbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InboxPage {
    /// Only those after this one.
    pub after: Option<WebhookId>,
    /// Only those received at this time or later.
    pub since: Option<Time>,
    /// Only those that are parked, wholly or in part.
    pub parked: bool,
    /// The greatest number of webhooks.
    pub limit: usize,
}

/// A webhook of the inbox whose body is kept, without it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InboxEntry {
    pub id: WebhookId,
    /// The time of its first receipt.
    pub received_at: Time,
    /// The party that sent it.
    pub source: Source,
    /// The campaign that is verified to be the sender's.
    pub owner: Option<String>,
    /// The event type it names; the kind of a REST row.
    pub event: Option<String>,
    /// The reason why it is parked, wholly or in part.
    pub parked: Option<String>,
}

/// The latest times of receipt of webhooks whose bodies were pruned. A replay can't reach those.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    /// That of the finished ones, if any were pruned.
    pub finished: Option<Time>,
    /// That of the parked ones, if any were pruned.
    pub parked: Option<Time>,
}

/// A choice of webhooks to prune. Its label is the key of the latest time of receipt of those that were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
pub(super) enum Prunable {
    /// Those that aren't parked.
    #[strum(serialize = "pruned_until")]
    Finished,
    /// Those that are parked.
    #[strum(serialize = "parked_pruned_until")]
    Parked,
}
