//! `referral-relay sync`: one comparison with GrowSurf, now.

use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::json;

use super::growsurf_session::{GrowsurfSession, found, report, report_delivery};
use super::output::{Failure, Output, failed};
use super::serve::stop_signal;
use crate::config::Settings;
use crate::domain::Class;
use crate::sync::Scope;

/// Arguments of `sync`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The campaign, by its id; can be given more than once. Default: those in the settings, else
    /// all that the key sees.
    #[arg(long, value_name = "ID")]
    campaign: Vec<String>,
    /// Only what is new since the last comparison: a few requests instead of one for each 100
    /// participants. Finds no shares, changed addresses or deletions of older participants.
    #[arg(long)]
    recent: bool,
    /// Only say what would be taken in.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Compares, takes in, and delivers if nobody else does.
pub async fn run(args: Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let stop = stop_signal().map_err(failed)?;
    tokio::pin!(stop);
    let way = tokio::select! {
        way = GrowsurfSession::open(settings, &args.campaign, args.dry_run) => way?,
        () = &mut stop => return Err(failed(anyhow!("stopped before anything was read"))),
    };
    let intake = way.asking.intake(&way.bell, Class::Live, args.dry_run);
    let compare = way.asking.compare(settings, intake);
    let depth = if args.recent { Scope::Recent } else { Scope::Full };
    let mut tallies = Vec::new();
    for source in &way.sources {
        let compared = tokio::select! {
            compared = compare.run(source, depth) => compared,
            () = &mut stop => {
                return Err(failed(anyhow!("stopped; what was found until now is taken in")));
            }
        };
        tallies.push(compared.map_err(|error| {
            let context = format!("the comparison of {} was broken off", source.campaign.id);
            failed(anyhow::Error::from(error).context(context))
        })?);
    }
    let sources = way.sources.clone();
    let (left, is_attended) = way.close(args.dry_run, stop).await?;
    let mut page = Output::default();
    if args.json {
        let campaigns = found(&sources, &tallies);
        let document =
            json!({ "dry_run": args.dry_run, "campaigns": campaigns, "pending_calls": left });
        page.document(format!("{document:#}"));
    } else {
        for (source, tally) in sources.iter().zip(&tallies) {
            report(&mut page, source, tally);
        }
        if tallies.iter().any(|tally| !tally.left_out.is_empty()) {
            page.line(
                "What is left out happened before sync.horizon, or a backfill left it out; \
                 `referral-relay backfill --events all` sends it, where GrowSurf says when it was.",
            );
        }
        if args.dry_run {
            page.line("Nothing was sent or stored.");
        } else {
            report_delivery(&mut page, is_attended, left);
        }
    }
    page.print()?;
    Ok(ExitCode::SUCCESS)
}
