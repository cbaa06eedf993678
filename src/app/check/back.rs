//! The part of `check` about other sources than GrowSurf, and about the writes to GrowSurf.

use crate::app;
use crate::config::Settings;
use crate::config::growsurf::SharesFrom;
use crate::inspect::{CheckReport, Grade};

/// Reports the sources and writes that are on.
pub(super) fn check(settings: &Settings, report: &mut CheckReport) {
    let Settings { customerio, growsurf, feedback, .. } = settings;
    let (reports, actions) =
        (!customerio.reporting_keys.is_empty(), !customerio.action_keys.is_empty());
    if reports {
        report.add(
            Grade::Good,
            "reports",
            "Customer.io's reports on messages and subscriptions are accepted",
        );
    }
    if actions && growsurf.has_api_key() {
        let limit = feedback.asks_per_hour;
        let detail = format!("webhook actions are accepted, {limit} an hour for each participant");
        report.add(Grade::Good, "actions", detail);
    } else if actions {
        let detail = "webhook actions are accepted and parked, because GrowSurf's API key is missing; set \
                      growsurf.api_key";
        report.add(Grade::Note, "actions", detail);
    }
    for campaign in growsurf.campaigns.iter().filter(|it| it.page_key.is_some()) {
        let of =
            if campaign.shares_from == SharesFrom::Page { "clicks and shares" } else { "clicks" };
        let detail =
            format!("{} may post {of} of {}", settings.page.posts.origins.join(", "), campaign.id);
        report.add(Grade::Good, "pages", detail);
    }
    let written: Vec<&str> = [
        (reports && feedback.clicks, "clicks in messages"),
        (reports && feedback.unsubscribes, "unsubscriptions"),
        (actions, "webhook actions"),
    ]
    .into_iter()
    .filter_map(|(is_on, what)| is_on.then_some(what))
    .collect();
    if growsurf.has_api_key() && !written.is_empty() {
        let rules = app::rules(settings);
        let campaigns: Vec<String> = rules.writable_campaigns.into_iter().collect();
        let whose =
            if rules.any_campaign_writable { "any campaign".into() } else { campaigns.join(", ") };
        let detail = format!(
            "{} are written to {whose}, at most {} a minute; the key needs the scope \
             participant:write, which only a write can test",
            written.join(", "),
            feedback.writes_per_minute
        );
        report.add(Grade::Note, "growsurf", detail);
    }
}
