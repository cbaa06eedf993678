//! Pages of the inbox.
//!
//! What belongs here: which webhooks are asked for. What doesn't: how a backend finds them.

use crate::domain::{Time, WebhookId};

/// A page of the inbox that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InboxPage {
    /// Only those after this one.
    pub after: Option<WebhookId>,
    /// Only those received at this time or later.
    pub since: Option<Time>,
    /// Only those that are parked, wholly or in part.
    pub parked: bool,
    /// How many at most.
    pub limit: usize,
}

/// The latest times of receipt of webhooks whose bodies were pruned. A replay can't reach those.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pruned {
    /// That of the finished ones, if any were pruned.
    pub finished: Option<Time>,
    /// That of the parked ones, if any were pruned.
    pub parked: Option<Time>,
}

/// Which webhooks are pruned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Prunable {
    /// Those that aren't parked.
    Finished,
    /// Those that are parked.
    Parked,
}
