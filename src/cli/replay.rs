//! `referral-relay replay`: plans stored webhooks again.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::output::{Failure, Output, failed, note};
use crate::app::{self, GrowsurfClients};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Clock, Time};
use crate::ingest;
use crate::options::duration;
use crate::store::{InboxPage, Pruned};
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
    /// Only say what it would lead to.
    #[arg(long)]
    dry_run: bool,
}

/// Plans them again and says what came of it; a running `serve` delivers it.
pub async fn run(args: Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let clock = SystemClock;
    let since = args.since.as_deref().map(|text| since(text, clock.now())).transpose()?;
    let store = app::open_existing_store(settings).await.map_err(failed)?;
    let Pruned { finished, parked } = store.pruned_until().await.map_err(failed)?;
    for (which, until, setting) in [
        ("Finished", finished.filter(|_| !args.parked), "store.keep_payloads"),
        ("Parked", parked, "store.keep_parked"),
    ] {
        if let Some(until) = until.filter(|until| since.is_none_or(|since| since <= *until)) {
            note(format!(
                "{which} webhooks received up to {until} were pruned ({setting}); a replay doesn't \
                 reach those."
            ));
        }
    }
    let page = InboxPage { after: None, since, parked: args.parked, limit: 1 };
    // What can't be looked up is explained by the log.
    start_logs(&LogOptions { level: "warn".into(), ..settings.log.clone() });
    let lookup = match settings.growsurf.has_api_key() {
        true => {
            let clients = GrowsurfClients::new(settings, &store, TIMEOUT).map_err(failed)?;
            Some(clients.lookup(settings, TIMEOUT, &Arc::default()))
        }
        false => None,
    };
    let replayed = ingest::replay(&store, &clock, lookup.as_ref(), page, args.dry_run).await;
    let replayed = replayed.map_err(failed)?;
    drop(lookup);
    store.close().await.map_err(failed)?;
    let (would, led) = if args.dry_run { ("would be ", "would lead") } else { ("", "led") };
    let mut page = Output::default();
    page.line(format!(
        "{} webhooks {would}planned again; {} of them {led} to {} new calls, {} are parked still.",
        replayed.webhooks, replayed.changed, replayed.calls, replayed.parked
    ));
    let others = replayed.parked - replayed.reasons.len();
    for (id, reason) in replayed.reasons {
        page.line(format!("  {id}  {reason}"));
    }
    if others > 0 {
        page.line(format!("  and {others} more"));
    }
    page.print()?;
    Ok(ExitCode::SUCCESS)
}

fn since(text: &str, now: Time) -> Result<Time, Failure> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Time::from_micros(time.as_microsecond()));
    }
    let ago = duration::parse(text).map_err(|_| {
        let usage = "is neither a time such as 2026-11-23T09:00:00Z nor a span such as 2d";
        Failure::Usage(format!("--since {text:?} {usage}"))
    })?;
    Ok(now.minus(ago))
}
