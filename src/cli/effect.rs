//! `referral-relay effect`: what became of an event, and which messages it led to.

use std::process::ExitCode;

use anyhow::anyhow;

use super::output::{Failure, Output, failed};
use crate::app;
use crate::config::Settings;
use crate::domain::{EventId, Labelled};
use crate::store::Effect;

/// Arguments of `effect`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The event's id, as Customer.io shows it.
    #[arg(value_parser = event_id)]
    id: EventId,
}

fn event_id(text: &str) -> Result<EventId, String> {
    let id = EventId::try_from(text.trim().to_ascii_uppercase());
    id.map_err(|_error| "an event id has 26 letters and digits".to_owned())
}

/// Shows it; exits 1 if the relay never made it.
pub async fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let store = app::open_existing_store(settings).await.map_err(failed)?;
    let found = store.effect(args.id).await;
    store.close().await.map_err(failed)?;
    let missing = || failed(anyhow!("the relay never made an event {}", args.id));
    let effect = found.map_err(failed)?.ok_or_else(missing)?;
    page(args.id, &effect).print()?;
    Ok(ExitCode::SUCCESS)
}

fn page(id: EventId, effect: &Effect) -> Output {
    let mut page = Output::default();
    page.line(format!("event     {id}"));
    for carrier in &effect.carriers {
        let ended = carrier.ended_at.map_or(String::new(), |at| format!(" {at}"));
        page.line(format!("name      {}", carrier.name));
        page.line(format!("happened  {}", carrier.happened_at));
        page.line(format!("planned   {}", carrier.planned_at));
        page.line(format!("delivery  {}  {}{ended}", carrier.delivery.0, carrier.state.label()));
    }
    if effect.carriers.is_empty() {
        page.line("delivery  none is kept: it was pruned, or the event was counted and never sent");
    }
    for sent in &effect.messages {
        let sender =
            sent.sender.as_ref().map_or(String::new(), |(kind, id)| format!("  {kind} {id}"));
        page.blank();
        page.line(format!("message   {}  {}{sender}", sent.delivery, sent.channel));
        for (metric, at) in &sent.metrics {
            page.line(format!("          {at}  {metric}"));
        }
    }
    if effect.messages.is_empty() {
        page.blank();
        page.line("Customer.io has reported no message that it led to.");
    }
    page
}
