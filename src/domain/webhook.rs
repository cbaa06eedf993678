//! Webhooks as received, and what becomes of them.

use std::collections::BTreeMap;

use super::{Class, News, Time, WebhookId};

/// What the event names of other sources than GrowSurf begin with: Customer.io's reports, what its
/// campaigns ask for, the user's own backend and pages.
///
/// By it the inbox tells whose a body is, so no webhook of GrowSurf's has such a name.
pub const OTHERS: [&str; 4] = [REPORT, ASK, SHOP, PAGE];

/// Customer.io's reports.
pub const REPORT: &str = "CIO_";

/// What campaigns at Customer.io ask for.
pub const ASK: &str = "ASK_";

/// The user's own backend's.
pub const SHOP: &str = "API_";

/// The user's pages'.
pub const PAGE: &str = "PAGE_";

/// One HTTP request as received.
#[derive(Clone, PartialEq, Debug)]
pub struct Webhook {
    /// The relay's own id for it.
    pub id: WebhookId,
    /// When it was first received.
    pub received_at: Time,
    /// The event type it names, where it names one; for lists and logs.
    pub event: Option<String>,
    /// The raw body.
    pub body: Vec<u8>,
}

/// A webhook on its way into the store, already read.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The webhook.
    pub webhook: Webhook,
    /// What it says, or why it leads to nothing known, naming the field.
    pub reading: Result<News, String>,
    /// The class of the calls that it leads to.
    pub class: Class,
}

impl Class {
    /// Returns the class of what a stored webhook leads to, by its event's name in the inbox, when it is
    /// planned again.
    pub fn of_kept(event: Option<&str>) -> Self {
        let is_page = event.is_some_and(|event| event.starts_with(PAGE));
        if is_page { Self::Page } else { Self::Live }
    }
}

/// What became of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// It maps, even if to no new effect.
    Accepted,
    /// Its very bytes are in the inbox already and aren't parked.
    Duplicate,
    /// Authentic, but it leads to nothing known: kept, and can be replayed.
    Parked {
        /// Why, naming the field.
        reason: String,
    },
    /// A page's post that leads to nothing; nothing of it is stored.
    Dropped(Dropped),
}

/// Reason why a page's post leads to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// It names no known participant.
    Unknown,
    /// It was posted before, or its event is off.
    Nothing,
    /// The participant has had as many posts of its kind that day as the settings allow.
    Budget,
}

/// The store's answer to an arrival, given after the commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The webhook's id; of the first one, if this is a duplicate.
    pub id: WebhookId,
    /// What became of it.
    pub status: Status,
    /// How many calls it led to.
    pub calls: usize,
    /// Why parts of an accepted webhook lead to nothing; empty for most.
    pub unmapped: Vec<String>,
    /// How many calls of which kind, see [`PlannedCall::kind`](super::PlannedCall::kind).
    pub kinds: BTreeMap<String, u64>,
    /// What somebody should know who looks after the relay; empty for most.
    pub notices: Vec<String>,
}

impl Receipt {
    /// The receipt of a webhook that led to nothing.
    pub fn bare(id: WebhookId, status: Status) -> Self {
        let (unmapped, kinds, notices) = Default::default();
        Self { id, status, calls: 0, unmapped, kinds, notices }
    }
}
