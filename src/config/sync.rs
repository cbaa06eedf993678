//! `[sync]`: the comparison with GrowSurf, and the watch over its webhooks.

use std::time::Duration;

use serde::Deserialize;

use crate::config::check::Check;
use crate::sync::Deletions;

/// The comparison with GrowSurf, and the watch over its webhooks.
#[derive(Debug, Clone, Deserialize)]
pub struct SyncSettings {
    /// True if a running relay compares by itself.
    pub enabled: bool,
    /// Time from one comparison of what is new to the next.
    pub every: Duration,
    /// Time from one comparison of everything to the next.
    pub full_every: Duration,
    /// How far each goes back behind the one before.
    pub overlap: Duration,
    /// How long before the store was made events are still sent.
    pub horizon: Duration,
    /// What becomes of somebody who was deleted at GrowSurf.
    pub deletions: Deletions,
    /// Time from one look at the webhook's state to the next.
    pub watch_every: Duration,
}

impl SyncSettings {
    /// Checks that GrowSurf can be asked, which `has_key` says.
    pub(super) fn check(&self, has_key: bool, check: &mut Check<'_>) {
        if self.enabled && !has_key && check.sound(&["growsurf.api_key", "sync.enabled"]) {
            let rule = "can't compare without growsurf.api_key (RELAY__GROWSURF__API_KEY)";
            check.broken("sync.enabled", rule);
        }
    }
}
