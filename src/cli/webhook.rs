//! `referral-relay webhook`: the webhook's state at GrowSurf, read and fixed.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::audit::record;
use super::growsurf_session::open_store;
use super::output::Output;
use crate::app::GrowsurfClients;
use crate::config::Settings;
use crate::domain::{Act, Labelled};
use crate::growsurf::rest::WebhookState;
use crate::sync::{SyncTarget, WebhookFinding, WebhookMonitor, WebhookProblem, needed_events};

/// Actions on the webhook.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// Show the state of the webhooks that come here; exit 1 if one must be fixed.
    Status(CampaignArgs),
    /// Switch the webhook on, and subscribe it to all that the relay needs.
    Enable(CampaignArgs),
    /// Let GrowSurf send a made-up event here, and show what it was answered.
    Test(CampaignArgs),
}

/// The webhooks of an action.
#[derive(clap::Args, Debug)]
pub struct CampaignArgs {
    /// The campaign, by its id; can be given more than once. Default: those in the settings, else
    /// all that the key sees.
    #[arg(long, value_name = "ID")]
    campaign: Vec<String>,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// The longest wait for GrowSurf's limits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Does it.
pub async fn run(action: Action, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (Action::Status(which) | Action::Enable(which) | Action::Test(which)) = &action;
    // What is asked of GrowSurf shares the budget of a store, and leaves nothing in one.
    let (store, _throwaway) = open_store(settings, true).await?;
    let clients = GrowsurfClients::new(settings, &store, TIMEOUT)?;
    let sources = clients.sources(&which.campaign).await?;
    let watch = clients.watch(settings);
    let mut output = Output::default();
    let mut campaigns = Vec::new();
    let mut is_well = true;
    for source in &sources {
        let (is_fine, mut document) = match &action {
            Action::Status(_) => status(&watch, source, &mut output).await?,
            Action::Enable(_) => {
                let enabled = enable(&watch, source, &mut output).await?;
                let subject = format!("webhook of campaign {}", source.campaign.id);
                record(&store, Act::EnableWebhook, &subject, "on").await?;
                enabled
            }
            Action::Test(_) => test(&watch, source, &mut output).await?,
        };
        is_well &= is_fine;
        document["campaign"] = json!(source.campaign.id);
        campaigns.push(document);
    }
    store.close().await?;
    if which.json {
        output = Output::default();
        output.json(&json!({ "campaigns": campaigns }));
    }
    output.print()?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn status(
    watch: &WebhookMonitor,
    source: &SyncTarget,
    output: &mut Output,
) -> anyhow::Result<(bool, Value)> {
    let campaign = &source.campaign.id;
    let webhooks = watch.ours(source).await?;
    for webhook in &webhooks {
        let state = if webhook.is_enabled { "on" } else { "off" };
        let events = webhook.events.join(", ");
        let events = if events.is_empty() { "nothing" } else { &events };
        output.line(format!(
            "{campaign}  {} {}  {state}, subscribed to {events}",
            webhook.id, webhook.url
        ));
    }
    let findings = watch.check(source).await?;
    for WebhookFinding { problem, detail, .. } in &findings {
        let word = problem.map_or("ok", |_| "note");
        output.line(format!("{campaign}  {word}: {detail}"));
    }
    let webhook = |it: &WebhookState| json!({ "id": it.id, "url": it.url, "enabled": it.is_enabled, "events": it.events });
    let finding = |it: &WebhookFinding| json!({ "problem": it.problem.map(|problem| problem.label()), "detail": it.detail });
    let document = json!({
        "webhooks": webhooks.iter().map(webhook).collect::<Vec<_>>(),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    });
    Ok((!findings.iter().any(|it| it.problem.is_some_and(WebhookProblem::is_grave)), document))
}

/// Returns this relay's webhook: the one that is on, else the first that comes here.
async fn ours(watch: &WebhookMonitor, source: &SyncTarget) -> anyhow::Result<WebhookState> {
    let all = watch.ours(source).await?;
    let is_on = all.iter().position(|it| it.is_enabled).unwrap_or(0);
    all.into_iter().nth(is_on).ok_or_else(|| {
        anyhow!(
            "no webhook of {} comes to this relay; add one in GrowSurf, or name its URL in \
             growsurf.webhook_url",
            source.campaign.id
        )
    })
}

async fn enable(
    watch: &WebhookMonitor,
    source: &SyncTarget,
    output: &mut Output,
) -> anyhow::Result<(bool, Value)> {
    let webhook = ours(watch, source).await?;
    let needed = needed_events(source.campaign.is_affiliate()).iter().map(|it| (*it).to_owned());
    let events: BTreeSet<String> = webhook.events.into_iter().chain(needed).collect();
    let events: Vec<String> = events.into_iter().collect();
    let campaign = &source.campaign.id;
    let enabled = source.client.enable_webhook(campaign, &webhook.id, &events).await;
    enabled?;
    output.line(format!("{campaign}  {} is on, subscribed to {}", webhook.id, events.join(", ")));
    Ok((true, json!({ "webhook": webhook.id, "enabled": true, "events": events })))
}

async fn test(
    watch: &WebhookMonitor,
    source: &SyncTarget,
    output: &mut Output,
) -> anyhow::Result<(bool, Value)> {
    let webhook = ours(watch, source).await?;
    let campaign = &source.campaign.id;
    let answer = source.client.test_webhook(campaign, &webhook.id).await?;
    let answered = &answer["response"];
    let is_well = answer["success"] == Value::Bool(true);
    let word = if is_well { "ok" } else { "FAIL" };
    output.line(format!("{campaign}  {word}: {} was answered {answered}", webhook.url));
    Ok((is_well, json!({ "webhook": webhook.id, "accepted": is_well, "answer": answered })))
}
