//! What `check` looks at in GrowSurf: key, campaigns, webhooks, and how campaigns share profiles.

use std::sync::Arc;
use std::time::Duration;

use super::{Grade, Report};
use crate::app::Asking;
use crate::config::Settings;
use crate::store::Store;
use crate::sync::{Finding, Problem, Source};

/// How long it waits for GrowSurf's limits.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks, and reports every finding.
pub(super) async fn look(settings: &Settings, store: &Arc<dyn Store>, report: &mut Report) {
    let asking = match Asking::new(settings, store, PATIENCE) {
        Ok(asking) => asking,
        Err(error) => return refused(error, report),
    };
    let sources = match asking.sources(&[]).await {
        Ok(sources) => sources,
        Err(error) => return refused(error, report),
    };
    for source in &sources {
        let name = source.campaign.name.as_deref().unwrap_or("no name");
        let all = source.campaign.participants.unwrap_or(0);
        let detail = format!("{} ({name}), {all} participants", source.campaign.id);
        report.add(Grade::Good, "growsurf", detail);
    }
    for source in &sources {
        match asking.watch(settings).look(source).await {
            Ok(findings) => findings.into_iter().for_each(|finding| tell(finding, report)),
            Err(error) => refused(error, report),
        }
    }
    share(settings, &sources, report);
}

fn refused(error: impl Into<anyhow::Error>, report: &mut Report) {
    report.add(Grade::Bad, "growsurf", format!("{:#}", error.into()));
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
fn share(settings: &Settings, sources: &[Source], report: &mut Report) {
    let prefix = |id: &str| {
        let of = settings.growsurf.campaigns.iter().find(|campaign| campaign.id == id);
        of.map_or("", |campaign| campaign.attribute_prefix.as_str())
    };
    let bare: Vec<&str> = sources
        .iter()
        .map(|source| source.campaign.id.as_str())
        .filter(|id| prefix(id).is_empty())
        .collect();
    if bare.len() > 1 {
        let detail = format!(
            "{} write the same attributes: a person who is in several has those of whichever told \
             last; growsurf.campaigns.attribute_prefix keeps them apart",
            bare.join(", ")
        );
        report.add(Grade::Note, "attributes", detail);
    }
}
