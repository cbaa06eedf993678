//! `referral-relay status`: the running relay, as its store knows it.

use std::process::ExitCode;

use bytesize::ByteSize;

use super::output::{Failure, Output, failed};
use crate::app;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::Clock;
use crate::inspect::{RelayStatus, Show};

/// Arguments of `status`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Shows it; exits 1 if no relay is running.
pub async fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let store = app::open_existing_store(settings).await.map_err(failed)?;
    let looking = async {
        let is_running = store.is_attended(SystemClock.now()).await?;
        app::inspector(settings, &store, Show::Masked).status(is_running).await
    };
    let status = looking.await;
    store.close().await.map_err(failed)?;
    let status = status.map_err(failed)?;
    let mut page = Output::default();
    if args.json {
        page.json(&status);
    } else {
        write(&status, &mut page);
    }
    page.print()?;
    Ok(if status.is_running { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(status: &RelayStatus, page: &mut Output) {
    page.line(status.headline());
    page.blank();
    for it in &status.destinations {
        let reason = it.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        let last = if status.is_running { "" } else { "when a relay last ran: " };
        page.line(format!("{:<11} {last}{} since {}{reason}", it.destination, it.state, it.since));
    }
    let queue = &status.queue;
    let oldest = match (queue.oldest, queue.passes_72_h_at) {
        (Some(oldest), Some(passes)) => {
            format!(", the oldest since {oldest}, passes 72 h at {passes}")
        }
        _ => String::new(),
    };
    page.line(format!("pending     {}{oldest}", queue.pending));
    let (dead, parked) = (queue.dead, queue.parked);
    let fix = |count, command| {
        if count > 0 { format!("  see `referral-relay {command}`") } else { String::new() }
    };
    page.line(format!("dead        {dead}{}", fix(dead, "dead-letters list")));
    page.line(format!("parked      {parked}{}", fix(parked, "parked list")));
    match &status.last_webhook {
        Some(it) => {
            let event = it.event.as_deref().unwrap_or("-");
            page.line(format!(
                "webhook     last {}  {event}  {}  {}",
                it.received_at, it.outcome, it.id
            ));
        }
        None => page.line("webhook     none of GrowSurf's is among the newest thousand"),
    }
    match &status.growsurf {
        Some(seen) => {
            for it in &seen.findings {
                let word = it.problem.as_deref().unwrap_or("ok");
                page.line(format!(
                    "at growsurf {}  {word}: {}  (seen {})",
                    it.campaign, it.detail, seen.seen_at
                ));
            }
        }
        None => page.line(
            "at growsurf not looked at: growsurf.api_key isn't set, or no relay has looked yet",
        ),
    }
    page.line(format!("store       {}", ByteSize::b(status.store_bytes)));
}
