//! `[sync]`: the comparison with GrowSurf, and the watch over its webhooks.

use serde::Deserialize;

use crate::config::check::Check;
use crate::sync::{CompareRules, PeriodicRules};

/// The comparison with GrowSurf, and the watch over its webhooks.
#[derive(Debug, Clone, Deserialize)]
pub struct SyncSettings {
    /// When what is done.
    pub periodic: PeriodicRules,
    /// How a comparison is made.
    pub compare: CompareRules,
}

impl SyncSettings {
    /// Checks that GrowSurf can be asked, which `has_key` says.
    pub(super) fn check(&self, has_key: bool, check: &mut Check<'_>) {
        if self.periodic.compares && !has_key && check.sound(&["growsurf.api_key", "sync.enabled"])
        {
            let rule = "can't compare without growsurf.api_key (RELAY__GROWSURF__API_KEY)";
            check.broken("sync.enabled", rule);
        }
    }
}
