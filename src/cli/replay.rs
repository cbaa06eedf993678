//! `referral-relay replay`: plans stored webhooks again.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::audit::{names, record};
use super::existing_store::with_store;
use super::output::{Output, Usage, is_confirmed, is_interactive, note};
use crate::app::GrowsurfClients;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Act, Clock, Time, WebhookId, plural};
use crate::ingest::{self, Replayed};
use crate::options::duration;
use crate::store::{InboxPage, Pruned, Store};
use crate::telemetry::{LogOptions, start_logs};

/// The longest wait for GrowSurf's limits and its answer for one action.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Arguments of `replay`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only webhooks that are parked. Their bodies are kept for `store.keep_parked`.
    #[arg(long)]
    parked: bool,
    /// Only webhooks received since then: a time such as 2026-11-23T09:00:00Z, or how long ago,
    /// such as 2d or 90m.
    #[arg(long, value_name = "T")]
    since: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// Options of every command that replays.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only say what it would lead to.
    #[arg(long)]
    dry_run: bool,
    /// Go on without asking. Only a terminal is asked, after a dry run.
    #[arg(long)]
    yes: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// The webhooks that are planned again.
pub enum Selection {
    /// Those of a page and all behind it.
    Page(InboxPage),
    /// These.
    These(Vec<WebhookId>),
}

impl Selection {
    /// Returns its name in the audit.
    fn name(&self) -> String {
        match self {
            Self::These(ids) => names("webhook", ids),
            Self::Page(InboxPage { parked, since, .. }) => {
                let which = if *parked { "parked webhooks" } else { "webhooks" };
                since.map_or_else(
                    || format!("all {which}"),
                    |since| format!("{which} since {since}"),
                )
            }
        }
    }
}

/// Plans stored webhooks again and prints the result; a running `serve` delivers new calls.
pub async fn run(args: Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let since = args.since.as_deref().map(|text| since(text, SystemClock.now())).transpose()?;
    let page = InboxPage { after: None, since, parked: args.parked, limit: 1 };
    replay(Selection::Page(page), &args.options, settings).await
}

/// Plans a selection again. On a terminal it shows a dry run first and asks.
pub async fn replay(
    selection: Selection,
    options: &Options,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    let replayed =
        with_store(settings, async |store| replay_in(store, &selection, options, settings).await);
    replayed.await?.print()?;
    Ok(ExitCode::SUCCESS)
}

async fn replay_in(
    store: &Arc<Store>,
    selection: &Selection,
    options: &Options,
    settings: &Settings,
) -> anyhow::Result<Output> {
    if let Selection::Page(page) = selection {
        note_pruned(store, page).await?;
    }
    // The log explains why a participant can't be looked up.
    start_logs(&LogOptions { level: "warn".into(), ..settings.log.clone() });
    let lookup = match settings.growsurf.has_api_key() {
        true => {
            let clients = GrowsurfClients::new(settings, store, TIMEOUT)?;
            Some(clients.lookup(settings, TIMEOUT, &Arc::default()))
        }
        false => None,
    };
    let plan = async |dry_run| -> anyhow::Result<Replayed> {
        match selection {
            Selection::Page(page) => {
                Ok(ingest::replay(store, &SystemClock, lookup.as_ref(), *page, dry_run).await?)
            }
            Selection::These(ids) => {
                let these =
                    ingest::replay_these(store, &SystemClock, lookup.as_ref(), ids, dry_run);
                let (replayed, missing) = these.await?;
                for id in missing {
                    note(format!("There is no webhook {id}, or its body isn't kept."));
                }
                Ok(replayed)
            }
        }
    };
    let mut output = Output::default();
    if !options.dry_run && !options.yes && !options.json && is_interactive() {
        write(&plan(true).await?, true, &mut output);
        std::mem::take(&mut output).print()?;
        if !is_confirmed("Plan them again?")? {
            output.line("Nothing was planned.");
            return Ok(output);
        }
    }
    let replayed = plan(options.dry_run).await?;
    if !options.dry_run {
        let outcome =
            format!("{} planned again, {}", replayed.webhooks, plural(replayed.calls, "new call"));
        record(store, Act::Replay, &selection.name(), &outcome).await?;
    }
    let reason =
        |(id, reason): &(WebhookId, String)| json!({ "webhook": id.to_string(), "reason": reason });
    let document = json!({
        "dry_run": options.dry_run, "webhooks": replayed.webhooks, "changed": replayed.changed,
        "calls": replayed.calls, "still_parked": replayed.parked,
        "reasons": replayed.reasons.iter().map(reason).collect::<Vec<_>>(),
    });
    output.show(options.json, &document, |_, output| write(&replayed, options.dry_run, output));
    Ok(output)
}

/// Notes the webhooks that a replay can't plan.
async fn note_pruned(store: &Store, page: &InboxPage) -> anyhow::Result<()> {
    let Pruned { finished, parked } = store.pruned_until().await?;
    for (which, until, setting) in [
        ("Finished webhooks", finished.filter(|_| !page.parked), "store.keep_payloads"),
        ("Parked webhooks", parked, "store.keep_parked"),
    ] {
        if let Some(until) = until.filter(|until| page.since.is_none_or(|since| since <= *until)) {
            note(format!(
                "{which} received up to {until} were pruned ({setting}); a replay can't \
                 plan those."
            ));
        }
    }
    Ok(())
}

fn write(replayed: &Replayed, is_dry: bool, output: &mut Output) {
    let (would, led) = if is_dry { ("would be ", "would lead") } else { ("", "led") };
    output.line(format!(
        "{} {would}planned again; {} of them {led} to {}, {} still parked.",
        plural(replayed.webhooks, "webhook"),
        replayed.changed,
        plural(replayed.calls, "new call"),
        replayed.parked
    ));
    for (id, reason) in &replayed.reasons {
        output.line(format!("  {id}  {reason}"));
    }
    let others = replayed.parked - replayed.reasons.len();
    if others > 0 {
        output.line(format!("  and {others} more"));
    }
}

fn since(text: &str, now: Time) -> anyhow::Result<Time> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Time::from_micros(time.as_microsecond()));
    }
    let ago = duration::parse(text).map_err(|_| {
        let usage = "is neither a time such as 2026-11-23T09:00:00Z nor a span such as 2d";
        Usage(format!("--since {text:?} {usage}"))
    })?;
    Ok(now.minus(ago))
}
