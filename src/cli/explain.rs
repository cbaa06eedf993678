//! `referral-relay explain`: what a webhook would lead to, without doing it.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::output::Output;
use crate::app;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Clock, Source};
use crate::explain::{CallExplained, Explanation};
use crate::inspect::Show;

/// Arguments of `explain`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// File with the body of a webhook, a report, a webhook action or an event of `/v1/events`; `-` or
    /// nothing reads standard input.
    file: Option<PathBuf>,
    /// Sender of the body; the default is a guess from its shape.
    #[arg(long, value_parser = ["growsurf", "customerio_report", "customerio_action", "server"])]
    source: Option<String>,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Shows effect keys, lanes and the exact requests, for a relay that knows nobody yet. Exits 1
/// if the webhook would be parked.
pub fn run(args: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let body = read(args)?;
    let source = args.source.as_deref().and_then(|it| it.parse::<Source>().ok());
    let explainer = app::explainer(settings);
    let explained = explainer.alone(&body, source, SystemClock.now(), Show::Revealed);
    let mut output = Output::default();
    output.show(args.json, &explained, write);
    output.print()?;
    Ok(if explained.is_accepted() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(args: &Args) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    match args.file.as_deref() {
        Some(path) if path.as_os_str() != "-" => {
            body = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        }
        _ => {
            let read = std::io::stdin().read_to_end(&mut body);
            read.context("can't read standard input")?;
        }
    }
    Ok(body)
}

/// Writes the explanation for people.
fn write(explained: &Explanation, output: &mut Output) {
    let text = |value: Option<&str>| value.unwrap_or("none").to_owned();
    output.line(format!("event     {}", text(explained.event.as_deref())));
    output.line(format!("shape     {}", text(explained.shape)));
    output.line(format!("campaign  {}", text(explained.campaign.as_deref())));
    output.line(format!("status    {}", explained.status));
    if let Some(supposed) = &explained.supposed {
        output.line(format!("supposed  {supposed}"));
    }
    if let Some(reason) = &explained.reason {
        output.line(format!("reason    {reason}"));
    }
    for reason in explained.unmapped() {
        output.line(format!("left out  {reason}"));
    }
    for event in explained.turned_off() {
        output.line(format!("off       {event}; the setting mapping.events.{event} turns it on"));
    }
    for (number, lane) in explained.lanes().iter().enumerate() {
        output.blank();
        for (kind, value) in &lane.person {
            output.line(format!("person {}  {kind} {value}", number + 1));
        }
        if lane.calls.is_empty() {
            output.line("  no call; the facts are stored");
        }
        for call in &lane.calls {
            write_call(call, output);
        }
    }
    if explained.is_accepted() && explained.lanes().is_empty() {
        output.blank();
        output.line("It leads to no call.");
    }
    output.blank();
    output.line("Nothing was sent or stored. A person's calls go out in this order (their lane).");
}

/// Writes a call for people.
pub(super) fn write_call(call: &CallExplained, output: &mut Output) {
    output.blank();
    if let (Some(key), Some(id)) = (&call.effect_key, call.event_id) {
        output.line(format!("  effect {key}  ->  event id {id}"));
    }
    for note in &call.notes {
        output.line(format!("  note: {note}"));
    }
    for warning in &call.warnings {
        output.line(format!("  warning: {warning}"));
    }
    match &call.request {
        None => {
            output.line(format!("  not sent: {}", call.refused.as_deref().unwrap_or_default()));
        }
        Some(request) => {
            output.line(format!("  {} {}", request.method, request.url));
            let body = format!("{:#}", request.body).replace('\n', "\n  ");
            output.document(format!("  {body}"));
        }
    }
}
