//! The part of `check` about GrowSurf: key, campaigns, webhooks, and profiles that campaigns share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::scopes;
use crate::app::GrowsurfClients;
use crate::config::Settings;
use crate::inspect::{CheckReport, Grade};
use crate::sources::growsurf_api::Campaign;
use crate::store::Store;
use crate::sync::{SyncError, SyncTarget, SyncTargetError, WebhookFinding, WebhookProblem};

/// The longest wait for GrowSurf's limits.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Reports every finding. Returns the campaigns that GrowSurf has.
pub(super) async fn check(
    settings: &Settings,
    store: Option<&Arc<Store>>,
    report: &mut CheckReport,
) -> Vec<Campaign> {
    let clients = match store {
        Some(store) => GrowsurfClients::new(settings, store, TIMEOUT),
        None => GrowsurfClients::without_store(settings, TIMEOUT),
    };
    let clients = match clients {
        Ok(clients) => clients,
        Err(error) => {
            report.fail("growsurf", &error);
            return Vec::new();
        }
    };
    let sources = find(settings, &clients, report).await;
    for SyncTarget { campaign, .. } in &sources {
        let name = campaign.name.as_deref().unwrap_or("no name");
        let all = campaign.participants.unwrap_or(0);
        let detail = format!("{} ({name}), {all} participants", campaign.id);
        report.add(Grade::Good, "growsurf", detail);
    }
    for source in &sources {
        let SyncTarget { campaign, client, .. } = source;
        let is_affiliate = Some(campaign.is_affiliate());
        let is_refused = scopes::check(&campaign.id, client, is_affiliate, report).await;
        match clients.watch(settings).check(source).await {
            Ok(findings) => findings.into_iter().for_each(|finding| add_finding(finding, report)),
            // It reads the same lists, and the refusal is reported.
            Err(SyncError::Rest(error)) if is_refused && scopes::is_about_key(&error) => {}
            Err(error) => report.fail("growsurf", &error),
        }
    }
    for announcement in clients.announcements() {
        report.add(Grade::Note, "growsurf", announcement.to_string());
    }
    share(settings, &sources, report);
    sources.into_iter().map(|source| source.campaign).collect()
}

/// Finds the campaigns: each of the settings' by itself, so that one which can't be asked about hides
/// no other, else all that the key sees.
async fn find(
    settings: &Settings,
    clients: &GrowsurfClients,
    report: &mut CheckReport,
) -> Vec<SyncTarget> {
    let named = settings.growsurf.campaigns.iter().map(|it| vec![it.id.clone()]);
    let mut asked: Vec<Vec<String>> = named.collect();
    if asked.is_empty() {
        asked.push(Vec::new());
    }
    let mut sources = Vec::new();
    for ids in asked {
        match clients.sources(&ids).await {
            Ok(found) => sources.extend(found),
            Err(error) => unfound(error, clients, report).await,
        }
    }
    sources
}

/// Reports a campaign that can't be asked about. What else the key may read is tried all the same.
async fn unfound(error: SyncTargetError, clients: &GrowsurfClients, report: &mut CheckReport) {
    match error {
        SyncTargetError::Campaign { id, source } if scopes::is_about_key(&source) => {
            scopes::refused(&id, "the campaign", scopes::PROGRAM, &source, report);
            if let Some(client) = clients.client(&id) {
                scopes::check(&id, &client, None, report).await;
            }
        }
        SyncTargetError::Campaigns(source) if scopes::is_about_key(&source) => {
            scopes::refused("", "the list of campaigns", scopes::PROGRAM, &source, report);
            let detail = "no other list was tried, because no campaign is known; name one under \
                          [[growsurf.campaigns]]";
            report.add(Grade::Note, "scopes", detail);
        }
        error => report.fail("growsurf", &error),
    }
}

fn add_finding(
    WebhookFinding { campaign, problem, detail }: WebhookFinding,
    report: &mut CheckReport,
) {
    let grade = match problem {
        None => Grade::Good,
        Some(problem) if WebhookProblem::is_grave(problem) => Grade::Bad,
        Some(_) => Grade::Note,
    };
    report.add(grade, "webhook", format!("{campaign}: {detail}"));
}

/// Says what becomes of a person who is in several campaigns.
fn share(settings: &Settings, sources: &[SyncTarget], report: &mut CheckReport) {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for SyncTarget { campaign, .. } in sources {
        let of = settings.growsurf.campaigns.iter().find(|it| it.id == campaign.id);
        let prefix = of.map_or("", |it| it.attribute_prefix.as_str());
        groups.entry(prefix).or_default().push(&campaign.id);
    }
    for ids in groups.values().filter(|ids| ids.len() > 1) {
        let detail = format!(
            "{} write the same attributes, and the latest one wins for a person in several; \
             growsurf.campaigns.attribute_prefix separates them",
            ids.join(", ")
        );
        report.add(Grade::Note, "attributes", detail);
    }
}
