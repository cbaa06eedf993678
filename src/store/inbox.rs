//! The inbox: webhooks in pages, and how their payloads go.
//!
//! What belongs here: that part of the contract, and its values. What doesn't: accepting webhooks
//! ([`Store::accept`]).

use uuid::Uuid;

use crate::domain::{Labelled, Source, Time, Webhook, WebhookId};

use super::rows::{Changes, number};
use super::unit::{Kept, use_case};
use super::work::{ReadValues, lowest_id};
use super::{Store, StoreError, meta};

impl Store {
    /// Returns a page of the webhooks whose bodies are kept, oldest first.
    pub async fn inbox(&self, page: InboxPage) -> Result<Vec<Webhook>, StoreError> {
        use_case!(
            self.read("list the inbox"),
            [page: InboxPage] -> Vec<Webhook>,
            |unit| {
                let lowest = page.since.map_or(Uuid::nil(), lowest_id);
                let after = lowest.max(page.after.map_or(Uuid::nil(), |id| id.0));
                let since = page.since.map_or(i64::MIN, Time::micros);
                let which = if page.parked { Kept::Parked } else { Kept::All };
                unit.webhooks(which, after, since, number(page.limit)).await
            }
        )
    }

    /// Returns the times of receipt up to which bodies were pruned.
    pub async fn pruned_until(&self) -> Result<Pruned, StoreError> {
        let keys = [Prunable::Finished, Prunable::Parked].map(|it| it.label().to_owned());
        let values = self.read("read what was pruned", ReadValues(keys)).await?;
        let [finished, parked] = values.map(|it| it.as_deref().map(meta::number).transpose());
        Ok(Pruned {
            finished: finished?.map(Time::from_micros),
            parked: parked?.map(Time::from_micros),
        })
    }

    /// Removes the metrics of messages before a time, the oldest first. Returns how many.
    pub async fn prune_messages(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        use_case!(
            self.write("prune messages"),
            [before: Time, limit: usize] -> usize,
            |unit| {
                let removed_messages = unit.hold_messages(before.micros(), number(*limit)).await?;
                let pruned = removed_messages.len();
                unit.write(Changes { removed_messages, ..Changes::default() }).await?;
                Ok(pruned)
            }
        )
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
    /// True if it is parked, and a call that it led to is kept.
    pub is_mapped_in_part: bool,
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
pub enum Prunable {
    /// Those that aren't parked.
    #[strum(serialize = "pruned_until")]
    Finished,
    /// Those that are parked.
    #[strum(serialize = "parked_pruned_until")]
    Parked,
}
