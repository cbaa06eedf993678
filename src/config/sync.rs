//! `[sync]`: the comparison with GrowSurf, and the watch over its webhooks.

use serde::Deserialize;

use crate::config::check::Check;
use crate::sync::{CompareRules, PeriodicRules};

#[derive(Debug, Clone, Deserialize)]
pub struct SyncSettings {
    pub periodic: PeriodicRules,
    pub compare: CompareRules,
}

impl SyncSettings {
    /// Checks that there is a key for GrowSurf's API: `has_key`.
    pub(super) fn check(&self, has_key: bool, check: &mut Check<'_>) {
        check.rule(
            &["sync.enabled", "growsurf.api_key"],
            self.periodic.compares && !has_key,
            "can't compare without growsurf.api_key (RELAY__GROWSURF__API_KEY)",
        );
    }
}
