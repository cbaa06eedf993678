//! `referral-relay dead-letters`: calls that a destination refused for good.

mod redeliver;

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use serde_json::json;

use super::audit::{names, record};
use super::existing_store::with_store;
use super::output::{Output, Usage};
use crate::app;
use crate::config::Settings;
use crate::domain::{Act, DeliveryId, Email, LaneId, ReadKey, plural};
use crate::inspect::{AttemptView, Cause, CausesView, Inspector, LetterFilter, LettersView, Show};
use crate::store::{DeadLetters, Store};
use redeliver::redeliver_all;

/// The subcommands for dead letters.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// List their causes with the fixes; with any option that selects, list them one by one, newest first.
    List(List),
    /// Show one: the call, why it died, every attempt.
    Show {
        /// Its number in the list.
        id: i64,
        /// Show addresses and names in the call instead of masking them.
        #[arg(long)]
        reveal: bool,
        /// Print JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Put them back to be delivered, once the cause is fixed; of all of them one first, and the rest if it
    /// is accepted.
    Redeliver {
        #[command(flatten)]
        which: LetterSelection,
        /// With --all, only those of this cause, by its name in the list.
        #[arg(long, value_name = "CAUSE")]
        cause: Option<String>,
        /// With --all, how long to wait for the outcome of the first one.
        #[arg(long, value_name = "TIME", default_value = "60s")]
        wait: String,
        /// Print JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Remove them for good.
    Discard {
        #[command(flatten)]
        which: LetterSelection,
        /// Print JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
}

/// Options of `list`.
#[derive(clap::Args, Debug)]
pub struct List {
    /// One by one, not by cause.
    #[arg(long)]
    all: bool,
    /// Only those of this cause, by its name.
    #[arg(long, value_name = "CAUSE")]
    cause: Option<String>,
    /// Only those for the person with this address.
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    address: Option<Email>,
    /// The most letters that are listed.
    #[arg(long)]
    limit: Option<usize>,
    /// Only those before this one, for the next page.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// The dead letters that are meant.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub struct LetterSelection {
    /// Their numbers in the list.
    #[arg(value_name = "ID")]
    ids: Vec<i64>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

/// Dead letters that are listed at most, unless the command says how many.
const LISTED: usize = 50;

/// Does it.
pub async fn run(action: Action, settings: &Settings) -> anyhow::Result<ExitCode> {
    let output = with_store(settings, async |store| {
        let mut output = Output::default();
        match action {
            Action::List(list) => {
                let inspector = app::inspector(settings, store, Show::Masked);
                show_list(&inspector, list, &mut output).await?;
            }
            Action::Show { id, reveal, json } => {
                let show = if reveal { Show::Revealed } else { Show::Masked };
                show_one(&app::inspector(settings, store, show), id, json, &mut output).await?;
            }
            Action::Redeliver { which, cause, wait, json } => {
                let count = redeliver(store, &which, cause, &wait).await?;
                let letters = plural(count, "dead letter");
                let text =
                    format!("{letters} put back; a running relay delivers them within a second.");
                let document = json!({ "redelivered": count, "outcome": text });
                output.show(json, &document, |_, output| output.line(text));
            }
            Action::Discard { which, json } => {
                let count = discard(store, &which).await?;
                let text = format!("{} discarded.", plural(count, "dead letter"));
                output.show(json, &json!({ "discarded": count }), |_, output| output.line(text));
            }
        }
        Ok(output)
    });
    output.await?.print()?;
    Ok(ExitCode::SUCCESS)
}

async fn redeliver(
    store: &Store,
    which: &LetterSelection,
    cause: Option<String>,
    wait: &str,
) -> anyhow::Result<u64> {
    if which.all {
        let wait = crate::options::duration::parse(wait)
            .map_err(|error| Usage(format!("--wait {wait:?}: {error}")))?;
        let subject = cause.as_ref().map_or_else(
            || "all dead letters".to_owned(),
            |cause| format!("dead letters of cause {cause}"),
        );
        let done = redeliver_all(store, &LetterFilter { cause, lane: None }, wait).await;
        let outcome = done
            .as_ref()
            .map_or_else(|_| "ended early".to_owned(), |count| format!("{count} put back"));
        record(store, Act::Redeliver, &subject, &outcome).await?;
        return done;
    }
    if cause.is_some() {
        bail!(Usage("--cause goes with --all".to_owned()));
    }
    let now = redeliver::now();
    let count = store.redeliver(these(which), now).await?;
    record(store, Act::Redeliver, &subject(which), &format!("{count} put back")).await?;
    complete(count, which)?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Returns the names of the letters in the audit.
fn subject(which: &LetterSelection) -> String {
    if which.all { "all dead letters".to_owned() } else { names("dead letter", &which.ids) }
}

async fn discard(store: &Store, which: &LetterSelection) -> anyhow::Result<usize> {
    let letters = if which.all { DeadLetters::All } else { these(which) };
    let count = store.discard(letters).await?;
    record(store, Act::Discard, &subject(which), &format!("{count} discarded")).await?;
    complete(count, which)?;
    Ok(count)
}

fn these(which: &LetterSelection) -> DeadLetters {
    DeadLetters::These(which.ids.iter().copied().map(DeliveryId).collect())
}

fn complete(done: usize, which: &LetterSelection) -> anyhow::Result<()> {
    match which.ids.len().saturating_sub(done) {
        missing if missing > 0 && !which.all => {
            Err(anyhow!("{done} done; no dead letters: {missing} of the numbers"))
        }
        _ => Ok(()),
    }
}

async fn show_list(inspector: &Inspector, list: List, output: &mut Output) -> anyhow::Result<()> {
    let List { all, cause, address, limit, before, json } = list;
    let is_selective =
        all || cause.is_some() || address.is_some() || limit.is_some() || before.is_some();
    if !is_selective {
        output.show(json, &inspector.causes().await?, write_causes);
        return Ok(());
    }
    let lane = match address {
        Some(email) => Some(lane_of(inspector, email).await?),
        None => None,
    };
    let filter = LetterFilter { cause, lane };
    let limit = limit.unwrap_or(LISTED).max(1);
    let view = inspector.letters(&filter, before.map(DeliveryId), limit).await?;
    output.show(json, &view, write_letters);
    Ok(())
}

/// Returns the lane of the person with an address.
async fn lane_of(inspector: &Inspector, email: Email) -> anyhow::Result<LaneId> {
    let key = ReadKey::Lane(email.into());
    let found = inspector.store.people(vec![key]).await?;
    let id = found.first().and_then(|(_, person)| person.id);
    id.map(|id| LaneId(id.0)).ok_or_else(|| anyhow!("no person has this address"))
}

fn write_causes(view: &CausesView, output: &mut Output) {
    if view.causes.is_empty() {
        output.line("No dead letters.");
        return;
    }
    for it in &view.causes {
        let Cause { cause, destination, call, letters, newest, first_at, last_at, .. } = it;
        let status = it.http_status.map_or("never sent".to_owned(), |it| format!("status {it}"));
        let field = it.field.as_deref().map_or(String::new(), |field| format!(", field {field}"));
        output
            .line(format!("{letters:>6}  cause {cause}  {call} to {destination}, {status}{field}"));
        output.line(format!("        {}", it.words));
        output.line(format!("        since {first_at}, last {last_at}, newest {newest}"));
        output.line(format!("        fix: {}", it.fix));
    }
    output.blank();
    output.line(
        "`dead-letters list --cause CAUSE` lists the letters of one cause, `--all` all letters.",
    );
    if u64::try_from(view.looked_at).unwrap_or(u64::MAX) < view.total {
        output.line(format!("Only the newest {} of {} were read.", view.looked_at, view.total));
    }
}

fn write_letters(LettersView { letters, before, .. }: &LettersView, output: &mut Output) {
    if letters.is_empty() {
        output.line("No dead letters.");
    } else {
        output.line(format!(
            "{:>10}  {:<26}  {:<9}  {:<30}  reason",
            "id", "died at", "call", "person"
        ));
    }
    for letter in letters {
        output.line(format!(
            "{:>10}  {:<26}  {:<9}  {:<30}  {}",
            letter.id,
            letter.died_at.to_string(),
            letter.call,
            letter.person,
            letter.reason
        ));
    }
    if let Some(before) = before {
        output.line(format!("There may be more: --before {before}"));
    }
}

async fn show_one(
    inspector: &Inspector,
    id: i64,
    as_json: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    let found = inspector.letter(DeliveryId(id)).await?;
    let (letter, attempts) = found.ok_or_else(|| anyhow!("there is no dead letter {id}"))?;
    if inspector.show == Show::Revealed {
        record(&inspector.store, Act::Reveal, &format!("dead letter {id}"), "shown").await?;
    }
    if as_json {
        output.json(&json!({ "letter": letter, "attempts": attempts }));
        return Ok(());
    }
    output.line(format!("id        {}", letter.id));
    output.line(format!("person    {}", letter.person));
    output.line(format!("planned   {}", letter.planned_at));
    output.line(format!("died      {}", letter.died_at));
    output.line(format!("reason    {}", letter.reason));
    if let Some(field) = &letter.field {
        output.line(format!("field     {field}"));
    }
    output.line(format!("cause     {}", letter.cause));
    output.line(format!("fix       {}", letter.fix));
    if let Some(webhook) = letter.webhook {
        output.line(format!("webhook   {webhook}"));
    }
    if let Some(event) = &letter.event {
        output.line(format!("event     {event}"));
    }
    output.document(format!("call      {:#}", letter.body));
    for AttemptView { at, duration_ms, http_status, outcome, reason } in attempts {
        let status = http_status.map_or("-".to_owned(), |it| it.to_string());
        output.line(format!(
            "attempt   {at}  {outcome}  status {status}  {duration_ms} ms  {reason}"
        ));
    }
    Ok(())
}
