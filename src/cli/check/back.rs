//! What `check` says of the way back: who tells the relay of people beside GrowSurf, and what is
//! written to GrowSurf because of it.

use super::{Grade, Report};
use crate::app;
use crate::config::Settings;
use crate::config::growsurf::SharesFrom;

/// Says what is on; of what is off there is nothing to say.
pub(super) fn look(settings: &Settings, report: &mut Report) {
    let Settings { customerio, growsurf, feedback, .. } = settings;
    let (reports, asks) =
        (!customerio.reporting_keys.is_empty(), !customerio.action_keys.is_empty());
    if reports {
        report.add(
            Grade::Good,
            "reports",
            "Customer.io's are taken, of messages and subscriptions",
        );
    }
    if asks && growsurf.has_api_key() {
        let limit = feedback.asks_per_hour;
        let detail = format!("campaigns' asks are taken, {limit} an hour for each participant");
        report.add(Grade::Good, "actions", detail);
    } else if asks {
        let detail = "campaigns' asks are taken and parked, since there is no API key of \
                      GrowSurf's; set growsurf.api_key";
        report.add(Grade::Note, "actions", detail);
    }
    for campaign in growsurf.campaigns.iter().filter(|it| it.page_key.is_some()) {
        let of =
            if campaign.shares_from == SharesFrom::Page { "clicks and shares" } else { "clicks" };
        let detail =
            format!("{} may tell {of} of {}", settings.page.origins.join(", "), campaign.id);
        report.add(Grade::Good, "pages", detail);
    }
    let written: Vec<&str> = [
        (reports && feedback.clicks, "clicks in messages"),
        (reports && feedback.unsubscribes, "unsubscriptions"),
        (asks, "what campaigns ask for"),
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
            "{} go back to {whose}, {} writes a minute; the key needs the scope participant:write, \
             which wasn't tried, because only a write could tell",
            written.join(", "),
            feedback.writes_per_minute
        );
        report.add(Grade::Note, "growsurf", detail);
    }
}
