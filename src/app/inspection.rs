//! The inspector, the explainer and the insights of a store, made from the settings.

use std::sync::Arc;

use super::{base_url, rules};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::Clock;
use crate::explain::{Explainer, Hosts};
use crate::insights::Insights;
use crate::inspect::{Inspector, Show};
use crate::store::Store;

/// Returns the inspector of a store, by the settings.
pub fn inspector(settings: &Settings, store: &Arc<Store>, show: Show) -> Inspector {
    Inspector {
        store: Arc::clone(store),
        now: SystemClock.now(),
        rules: rules(settings),
        campaigns: settings.growsurf.campaigns.iter().map(|it| it.id.clone()).collect(),
        has_reports: !settings.customerio.reporting_keys.is_empty(),
        late_warning: settings.delivery.late_warning,
        looks_every: settings.growsurf.has_api_key().then_some(settings.sync.periodic.watch_every),
        show,
    }
}

/// Returns what explains bodies, by the settings.
pub fn explainer(settings: &Settings) -> Explainer {
    let bare = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
    let customerio = bare(&base_url(&settings.customerio));
    let hosts = Hosts { customerio, growsurf: bare(&settings.growsurf.base_url) };
    Explainer { rules: rules(settings), hosts }
}

/// Returns the sums over all people of a store, by the settings.
pub fn insights(settings: &Settings, store: &Arc<Store>) -> Insights {
    Insights {
        store: Arc::clone(store),
        clock: Arc::new(SystemClock),
        options: settings.insights.clone(),
        tiers: settings.mapping.tiers.clone(),
        has_reports: !settings.customerio.reporting_keys.is_empty(),
    }
}
