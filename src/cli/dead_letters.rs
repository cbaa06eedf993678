//! `referral-relay dead-letters`: what Customer.io refused for good.

use std::process::ExitCode;

use anyhow::anyhow;

use super::output::{Failure, Output, failed};
use crate::app;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Clock, DeliveryId};
use crate::store::{DeadLetter, DeadLetters, Store};

/// Actions on dead letters.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// List them, newest first.
    List {
        /// Largest number of dead letters to list.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only those before this one, for the next page.
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
    },
    /// Show one: the call, why it died, every attempt.
    Show {
        /// Its number in the list.
        id: i64,
    },
    /// Deliver them again, once the cause is fixed.
    Redeliver(Which),
    /// Remove them for good.
    Discard(Which),
}

/// The dead letters of an action.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Their numbers in the list.
    #[arg(value_name = "ID")]
    ids: Vec<i64>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

impl Which {
    fn letters(self) -> DeadLetters {
        if self.all {
            return DeadLetters::All;
        }
        DeadLetters::These(self.ids.into_iter().map(DeliveryId).collect())
    }
}

/// Does it.
pub async fn run(action: Action, settings: &Settings) -> Result<ExitCode, Failure> {
    let store = app::open_existing_store(settings).await.map_err(failed)?;
    let done = act(action, &store).await;
    store.close().await.map_err(failed)?;
    done?.print()?;
    Ok(ExitCode::SUCCESS)
}

async fn act(action: Action, store: &Store) -> Result<Output, Failure> {
    let mut page = Output::default();
    match action {
        Action::List { limit, before } => {
            let letters = store.dead_letters(before.map(DeliveryId), limit).await;
            list(&letters.map_err(failed)?, &mut page);
        }
        Action::Show { id } => {
            let found = store.dead_letter(DeliveryId(id)).await.map_err(failed)?;
            let missing = || failed(anyhow!("there is no dead letter {id}"));
            let (letter, attempts) = found.ok_or_else(missing)?;
            show(&letter, &mut page);
            for attempt in attempts {
                let status = attempt.http_status.map_or("-".to_owned(), |it| it.to_string());
                let took = attempt.took.as_millis();
                let crate::store::PastAttempt { at, outcome, reason, .. } = attempt;
                page.line(format!(
                    "attempt   {at}  {outcome}  status {status}  {took} ms  {reason}"
                ));
            }
        }
        Action::Redeliver(which) => {
            let named = named(&which);
            let letters = which.letters();
            let done = store.redeliver(letters, SystemClock.now()).await.map_err(failed)?;
            complete(done, named)?;
            page.line(format!("{done} put back; a running relay delivers them within a second."));
        }
        Action::Discard(which) => {
            let named = named(&which);
            let done = store.discard(which.letters()).await.map_err(failed)?;
            complete(done, named)?;
            page.line(format!("{done} discarded."));
        }
    }
    Ok(page)
}

/// Returns the number of named dead letters, or none for all.
fn named(which: &Which) -> Option<usize> {
    (!which.all).then_some(which.ids.len())
}

fn complete(done: usize, named: Option<usize>) -> Result<(), Failure> {
    match named {
        Some(named) if done < named => {
            let missing = named - done;
            Err(failed(anyhow!("{done} done; {missing} of the numbers are no dead letters")))
        }
        _ => Ok(()),
    }
}

fn list(letters: &[DeadLetter], page: &mut Output) {
    if letters.is_empty() {
        page.line("No dead letters.");
        return;
    }
    page.line(format!("{:>10}  {:<26}  {:<9}  {:<30}  reason", "id", "died at", "call", "person"));
    for letter in letters {
        page.line(format!(
            "{:>10}  {:<26}  {:<9}  {:<30}  {}",
            letter.delivery.id.0,
            letter.died_at.to_string(),
            letter.delivery.call.kind(),
            letter.key.masked(),
            letter.reason
        ));
    }
}

fn show(letter: &DeadLetter, page: &mut Output) {
    let DeadLetter { delivery, key, died_at, reason, field, .. } = letter;
    page.line(format!("id        {}", delivery.id.0));
    page.line(format!("person    {}", key.value()));
    page.line(format!("planned   {}", delivery.planned_at));
    page.line(format!("died      {died_at}"));
    page.line(format!("reason    {reason}"));
    if let Some(field) = field {
        page.line(format!("field     {field}"));
    }
    if let Some(webhook) = delivery.webhook {
        page.line(format!("webhook   {webhook}"));
    }
    page.document(format!("call      {:#}", delivery.call.document()));
}
