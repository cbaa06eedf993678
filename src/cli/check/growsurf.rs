//! What `check` looks at in GrowSurf: key, campaigns, webhooks, and how campaigns share profiles.

use std::sync::Arc;
use std::time::Duration;

use super::{Grade, Report};
use crate::app::Asking;
use crate::config::Settings;
use crate::growsurf::rest::{Campaign, Referrals, RestError};
use crate::store::Store;
use crate::sync::{Finding, Problem, Source};

/// How long it waits for GrowSurf's limits.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks, and reports every finding. Returns the campaigns that are asked about.
pub(super) async fn look(
    settings: &Settings,
    store: Option<&Arc<dyn Store>>,
    report: &mut Report,
) -> Vec<Campaign> {
    let asking = match store {
        Some(store) => Asking::new(settings, store, PATIENCE),
        None => Asking::without_store(settings, PATIENCE),
    };
    let asking = match asking {
        Ok(asking) => asking,
        Err(error) => {
            refused(error, report);
            return Vec::new();
        }
    };
    let sources = match asking.sources(&[]).await {
        Ok(sources) => sources,
        Err(error) => {
            refused(error, report);
            return Vec::new();
        }
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
        lists(source, report).await;
    }
    share(settings, &sources, report);
    sources.into_iter().map(|source| source.campaign).collect()
}

fn refused(error: impl Into<anyhow::Error>, report: &mut Report) {
    report.add(Grade::Bad, "growsurf", format!("{:#}", error.into()));
}

/// Asks for one page of each list that the relay reads, and names the scope that a refusal is about
/// (<https://docs.growsurf.com/developer-tools/rest-api#scoped-access>).
async fn lists(source: &Source, report: &mut Report) {
    let Source { campaign, client, .. } = source;
    let id = &campaign.id;
    let participants = client.participants(id, None).await;
    let somebody = participants.as_ref().ok().and_then(|page| {
        let row = page.rows.first()?;
        row["id"].as_str().map(str::to_owned)
    });
    let configs = client.reward_configs(id).await.map(drop);
    let mut asked = vec![
        ("participants", "participant:read", participants.map(drop)),
        ("reward-configs", "program:read", configs),
    ];
    if let Some(somebody) = somebody {
        asked.push(("rewards", "reward:read", client.rewards(id, &somebody).await.map(drop)));
    }
    if campaign.is_affiliate() {
        let commissions = client.commissions(id, None).await.map(drop);
        let payouts = client.payouts(id, None).await.map(drop);
        asked.push(("commissions", "reward:read", commissions));
        asked.push(("payouts", "reward:read", payouts));
    } else {
        let referrals = client.referrals(id, &Referrals::default()).await.map(drop);
        asked.push(("referrals", "participant:read", referrals));
    }
    let mut readable = Vec::new();
    for (list, scope, answer) in asked {
        match answer {
            Ok(()) => readable.push(list),
            Err(error @ RestError::Forbidden { status: 403, .. }) => {
                let detail =
                    format!("{id}: the key needs the scope {scope} to read {list}: {error}");
                report.add(Grade::Bad, "scopes", detail);
            }
            // The participant was deleted between the two requests.
            Err(RestError::Unknown { .. }) if list == "rewards" => {}
            Err(error) => {
                report.add(Grade::Bad, "growsurf", format!("{id}: can't read {list}: {error}"));
            }
        }
    }
    if !readable.is_empty() {
        let detail = format!("{id}: the key reads {}", readable.join(", "));
        report.add(Grade::Good, "scopes", detail);
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
