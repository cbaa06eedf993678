//! `referral-relay status`: the running relay, as its store knows it.

use std::process::ExitCode;

use bytesize::ByteSize;

use super::existing_store::with_store;
use super::output::Output;
use crate::app;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Clock, Labelled};
use crate::inspect::{RelayStatus, Show, Vitals};

/// Arguments of `status`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Prints the status; exits 1 if no relay is running.
pub async fn run(args: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let status = with_store(settings, async |store| {
        let is_running = store.is_attended(SystemClock.now()).await?;
        let vitals = Vitals { is_running, ..Vitals::default() };
        Ok(app::inspector(settings, store, Show::Masked).status(&vitals).await?)
    });
    let status = status.await?;
    let mut output = Output::default();
    output.show(args.json, &status, write);
    output.print()?;
    Ok(if status.is_running { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(status: &RelayStatus, output: &mut Output) {
    output.line(status.headline());
    for alarm in &status.alarms {
        let command = alarm.command.map(|it| format!(" `{it}`")).unwrap_or_default();
        output.line(format!("{:<11} {}{command}", alarm.level.label(), alarm.text()));
    }
    output.blank();
    for it in &status.destinations {
        let reason = it.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        let last = if status.is_running { "" } else { "when a relay last ran: " };
        output
            .line(format!("{:<11} {last}{} since {}{reason}", it.destination, it.state, it.since));
    }
    let queue = &status.queue;
    let oldest = match (queue.oldest, queue.passes_72_h_at) {
        (Some(oldest), Some(passes)) => {
            format!(", the oldest since {oldest}, the next event passes 72 h at {passes}")
        }
        _ => String::new(),
    };
    output.line(format!("pending     {}{oldest}", queue.pending));
    let (dead, parked) = (queue.dead, queue.parked);
    let fix = |count, command| {
        if count > 0 { format!("  see `referral-relay {command}`") } else { String::new() }
    };
    output.line(format!("dead        {dead}{}", fix(dead, "dead-letters list")));
    output.line(format!("parked      {parked}{}", fix(parked, "parked list")));
    match &status.last_webhook {
        Some(it) => {
            let event = it.event.as_deref().unwrap_or("-");
            output.line(format!(
                "webhook     last {}  {event}  {}  {}",
                it.received_at, it.outcome, it.id
            ));
        }
        None => output.line("webhook     none of GrowSurf's among the newest 1,000"),
    }
    match &status.growsurf {
        Some(seen) => {
            for it in &seen.findings {
                let word = it.problem.as_deref().unwrap_or("ok");
                output.line(format!(
                    "at growsurf {}  {word}: {}  (seen {})",
                    it.campaign, it.detail, seen.seen_at
                ));
            }
        }
        None => output.line(
            "at growsurf not checked: growsurf.api_key isn't set, or no relay has checked yet",
        ),
    }
    output.line(format!("store       {}", ByteSize::b(status.store_bytes)));
}
