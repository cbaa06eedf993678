//! Events that can't arrive at Customer.io with these settings, the reasons, and the settings that bring them.
//!
//! What belongs here: the sources of each event, as far as settings and store show them. What doesn't:
//! the present state of a source, which other checks report.

use crate::config::Settings;
use crate::config::growsurf::SharesFrom;
use crate::inspect::{CheckReport, Grade, Missing};
use crate::mapping::IdentifyBy;
use crate::sources::growsurf_api::Campaign;
use crate::store::Store;
use crate::sync::{History, history};

/// The events that GrowSurf's guide to Customer.io promises.
const PROMISED: [&str; 5] = [
    "referral_program_joined",
    "referral_friend_signed_up",
    "referral_converted",
    "referral_reward_claimed",
    "referral_shared",
];

/// Reports what can't arrive. `campaigns` are those that GrowSurf has.
pub(super) async fn check(
    settings: &Settings,
    store: Option<&Store>,
    campaigns: &[Campaign],
    report: &mut CheckReport,
) {
    for event in PROMISED.into_iter().filter(|event| is_off(settings, event)) {
        report.add(
            Grade::Note,
            "arrival",
            format!("{event} is off: mapping.events gives it no name"),
        );
    }
    conversions(settings, campaigns, report);
    shares(settings, report);
    others(settings, report);
    past(settings, store, campaigns, report).await;
    let is_by_id = settings.customerio.identify_by != IdentifyBy::Email;
    if is_by_id && !settings.customerio.trust_metadata_id {
        let detail = "the attribute email isn't sent, because people are identified by an id from \
                      metadata that isn't trusted (customerio.trust_metadata_id)";
        report.add(Grade::Note, "arrival", detail);
    }
}

fn is_off(settings: &Settings, event: &str) -> bool {
    !settings.mapping.events.contains_key(event)
}

/// Returns the campaigns of the settings that `sync` doesn't read by itself; with none in the settings, any
/// campaign stands for all.
fn unread(settings: &Settings) -> Option<Vec<&str>> {
    let growsurf = &settings.growsurf;
    let is_read =
        |own_key: bool| settings.sync.periodic.compares && (growsurf.api_key.is_some() || own_key);
    if growsurf.campaigns.is_empty() {
        return (!is_read(false)).then(Vec::new);
    }
    let unread = growsurf.campaigns.iter().filter(|it| !is_read(it.api_key.is_some()));
    let unread: Vec<&str> = unread.map(|it| it.id.as_str()).collect();
    (!unread.is_empty()).then_some(unread)
}

/// Names the settings that turn the comparison on.
fn comparison(settings: &Settings) -> &'static str {
    match (settings.growsurf.has_api_key(), settings.sync.periodic.compares) {
        (true, false) => "set sync.enabled = true",
        (true, true) => "set growsurf.api_key, or the campaign's own",
        (false, _) => "set growsurf.api_key and sync.enabled = true",
    }
}

/// Returns the lines of the settings that turn the comparison on.
fn compared(settings: &Settings) -> &'static str {
    match (settings.growsurf.has_api_key(), settings.sync.periodic.compares) {
        (true, false) => "[sync]\nenabled = true",
        (_, true) => "[growsurf]\napi_key = \"...\"",
        (false, false) => "[growsurf]\napi_key = \"...\"\n\n[sync]\nenabled = true",
    }
}

fn of(campaigns: &[&str]) -> String {
    if campaigns.is_empty() { String::new() } else { format!(" of {}", campaigns.join(", ")) }
}

/// Reports conversions, which need a sale in an affiliate program, `/v1/events` or the comparison.
fn conversions(settings: &Settings, campaigns: &[Campaign], report: &mut CheckReport) {
    if is_off(settings, "referral_converted") || !settings.api.tokens.is_empty() {
        return;
    }
    let Some(mut unread) = unread(settings) else { return };
    let is_affiliate = |id: &str| campaigns.iter().any(|it| it.id == id && it.is_affiliate());
    if unread.is_empty() {
        // With none in the settings, GrowSurf says which there are.
        unread = campaigns.iter().map(|it| it.id.as_str()).collect();
    }
    let is_any = unread.is_empty();
    unread.retain(|id| !is_affiliate(id));
    if unread.is_empty() && !is_any {
        return;
    }
    report.miss(Missing {
        what: "referral_converted".into(),
        promised: true,
        reason: format!(
            "no webhook of a referral program reports conversions{}, and no other source is on",
            of(&unread)
        ),
        fix: format!("{}, or api.token for your own backend", comparison(settings)),
        paste: compared(settings).into(),
    });
}

/// Reports shares, which need the comparison, a page, `/v1/events` or the action `record_share`.
fn shares(settings: &Settings, report: &mut CheckReport) {
    let (growsurf, customerio) = (&settings.growsurf, &settings.customerio);
    let by_others = !settings.api.tokens.is_empty()
        || (!customerio.action_keys.is_empty() && growsurf.has_api_key());
    if is_off(settings, "referral_shared") || by_others {
        return;
    }
    let by_page = |id: &str| {
        let campaign = growsurf.campaigns.iter().find(|it| it.id == id);
        campaign.is_some_and(|it| it.shares_from == SharesFrom::Page)
    };
    let Some(mut unread) = unread(settings) else { return };
    let is_any = unread.is_empty();
    unread.retain(|id| !by_page(id));
    if unread.is_empty() && !is_any {
        return;
    }
    report.miss(Missing {
        what: "referral_shared".into(),
        promised: true,
        reason: format!("no webhook reports shares{}, and no other source is on", of(&unread)),
        fix: format!(
            "{}, or shares_from = \"page\" with page_key and page.origins, or api.token, or \
             customerio.action_keys with growsurf.api_key",
            comparison(settings)
        ),
        paste: compared(settings).into(),
    });
}

/// Reports sources that are off and that the guide doesn't promise.
fn others(settings: &Settings, report: &mut CheckReport) {
    let has_clicks =
        !settings.customerio.reporting_keys.is_empty() || settings.growsurf.has_page_key();
    if !is_off(settings, "referral_link_clicked") && !has_clicks {
        report.miss(Missing {
            what: "referral_link_clicked".into(),
            promised: false,
            reason: "neither Customer.io's reports nor pages are accepted".to_owned(),
            fix: "set customerio.reporting_keys, or page_key and page.origins".to_owned(),
            paste: "[customerio]\nreporting_keys = [\"...\"]".into(),
        });
    }
    if !is_off(settings, "purchase") && settings.api.tokens.is_empty() {
        report.miss(Missing {
            what: "purchase".into(),
            promised: false,
            reason: "only your own backend can send it".to_owned(),
            fix: "set api.token".to_owned(),
            paste: "[api]\ntoken = \"...\"".into(),
        });
    }
    if let Some(unread) = unread(settings) {
        report.miss(Missing {
            what: "changes".into(),
            promised: false,
            reason: format!(
                "no webhook reports changed addresses, unsubscriptions or deletions{}",
                of(&unread)
            ),
            fix: comparison(settings).to_owned(),
            paste: compared(settings).into(),
        });
    }
}

/// Reports campaigns without a backfill, which alone brings the time before the relay.
async fn past(
    settings: &Settings,
    store: Option<&Store>,
    campaigns: &[Campaign],
    report: &mut CheckReport,
) {
    let mut lacking = Vec::new();
    for campaign in campaigns {
        let found = match store {
            Some(store) => history(store, &campaign.id).await,
            None => Ok(History::Nothing),
        };
        match found {
            Ok(History::Whole) => {
                let detail = format!("the history of {} is in the store", campaign.id);
                report.add(Grade::Good, "arrival", detail);
            }
            Ok(History::Nothing | History::Part) => lacking.push(campaign.id.as_str()),
            Err(error) => {
                report.fail("store", &error);
            }
        }
    }
    let has_key = settings.growsurf.has_api_key();
    if lacking.is_empty() && has_key {
        return;
    }
    let command = "run `referral-relay backfill`";
    report.miss(Missing {
        what: "history".into(),
        promised: true,
        reason: format!("no backfill has read the time before the relay{}", of(&lacking)),
        fix: if has_key {
            command.to_owned()
        } else {
            format!("set growsurf.api_key and {command}")
        },
        paste: "referral-relay backfill".into(),
    });
}
