//! What `check` looks at in GrowSurf: key, campaigns, webhooks, and how campaigns share profiles.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Grade, Report, scopes};
use crate::app::GrowsurfClients;
use crate::config::Settings;
use crate::sources::growsurf_api::Campaign;
use crate::store::Store;
use crate::sync::{Finding, Problem, SyncError, SyncTarget, SyncTargetError};

/// How long it waits for GrowSurf's limits.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks, and reports every finding. Returns the campaigns that are asked about.
pub(super) async fn look(
    settings: &Settings,
    store: Option<&Arc<Store>>,
    report: &mut Report,
) -> Vec<Campaign> {
    let asking = match store {
        Some(store) => GrowsurfClients::new(settings, store, PATIENCE),
        None => GrowsurfClients::without_store(settings, PATIENCE),
    };
    let asking = match asking {
        Ok(asking) => asking,
        Err(error) => {
            refused(error, report);
            return Vec::new();
        }
    };
    let sources = find(settings, &asking, report).await;
    for SyncTarget { campaign, .. } in &sources {
        let name = campaign.name.as_deref().unwrap_or("no name");
        let all = campaign.participants.unwrap_or(0);
        let detail = format!("{} ({name}), {all} participants", campaign.id);
        report.add(Grade::Good, "growsurf", detail);
    }
    for source in &sources {
        let SyncTarget { campaign, client, .. } = source;
        let is_affiliate = Some(campaign.is_affiliate());
        let is_refused = scopes::look(&campaign.id, client, is_affiliate, report).await;
        match asking.watch(settings).check(source).await {
            Ok(findings) => findings.into_iter().for_each(|finding| tell(finding, report)),
            // It reads the same lists, and the refusal is reported.
            Err(SyncError::Rest(error)) if is_refused && scopes::is_about_key(&error) => {}
            Err(error) => refused(error, report),
        }
    }
    for announcement in asking.announcements() {
        report.add(Grade::Note, "growsurf", announcement.to_string());
    }
    share(settings, &sources, report);
    sources.into_iter().map(|source| source.campaign).collect()
}

fn refused(error: impl Into<anyhow::Error>, report: &mut Report) {
    report.add(Grade::Bad, "growsurf", format!("{:#}", error.into()));
}

/// Finds the campaigns: each of the settings' by itself, so that one which can't be asked about hides
/// no other, else all that the key sees.
async fn find(
    settings: &Settings,
    asking: &GrowsurfClients,
    report: &mut Report,
) -> Vec<SyncTarget> {
    let named = settings.growsurf.campaigns.iter().map(|it| vec![it.id.clone()]);
    let mut asked: Vec<Vec<String>> = named.collect();
    if asked.is_empty() {
        asked.push(Vec::new());
    }
    let mut sources = Vec::new();
    for ids in asked {
        match asking.sources(&ids).await {
            Ok(found) => sources.extend(found),
            Err(error) => unfound(error, asking, report).await,
        }
    }
    sources
}

/// Reports a campaign that can't be asked about. What else the key may read is tried all the same.
async fn unfound(error: SyncTargetError, asking: &GrowsurfClients, report: &mut Report) {
    match error {
        SyncTargetError::Campaign { id, source } if scopes::is_about_key(&source) => {
            scopes::refused(&id, "the campaign", scopes::PROGRAM, &source, report);
            if let Some(client) = asking.client(&id) {
                scopes::look(&id, &client, None, report).await;
            }
        }
        SyncTargetError::Campaigns(source) if scopes::is_about_key(&source) => {
            scopes::refused("", "the list of campaigns", scopes::PROGRAM, &source, report);
            let detail = "no other list was tried, because no campaign is known; name one under \
                          [[growsurf.campaigns]]";
            report.add(Grade::Note, "scopes", detail);
        }
        error => refused(error, report),
    }
}

fn tell(Finding { campaign, problem, detail }: Finding, report: &mut Report) {
    let grade = match problem {
        None => Grade::Good,
        Some(problem) if Problem::is_grave(problem) => Grade::Bad,
        Some(_) => Grade::Note,
    };
    report.add(grade, "webhook", format!("{campaign}: {detail}"));
}

/// Says what becomes of a person who is in several campaigns.
fn share(settings: &Settings, sources: &[SyncTarget], report: &mut Report) {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for SyncTarget { campaign, .. } in sources {
        let of = settings.growsurf.campaigns.iter().find(|it| it.id == campaign.id);
        let prefix = of.map_or("", |it| it.attribute_prefix.as_str());
        groups.entry(prefix).or_default().push(&campaign.id);
    }
    for ids in groups.values().filter(|ids| ids.len() > 1) {
        let detail = format!(
            "{} write the same attributes: a person who is in several has those of whichever told \
             last; growsurf.campaigns.attribute_prefix keeps them apart",
            ids.join(", ")
        );
        report.add(Grade::Note, "attributes", detail);
    }
}
