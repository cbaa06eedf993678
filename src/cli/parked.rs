//! `referral-relay parked`: authentic webhooks that the relay couldn't map.

use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::json;
use uuid::Uuid;

use super::audit::{names, record};
use super::find::write_entry;
use super::output::{Failure, Output, failed};
use super::replay::{self, Selection};
use crate::app;
use crate::config::Settings;
use crate::domain::{Act, WebhookId, plural};
use crate::inspect::{ParkedView, ParkedWebhook, Show};
use crate::operate;
use crate::store::{InboxPage, Store};

/// The subcommands for parked webhooks.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// List them, newest first, with their reasons.
    List {
        /// The most webhooks that are listed.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only those before this one, for the next page.
        #[arg(long, value_name = "ID")]
        before: Option<Uuid>,
        /// Print JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show one with its body.
    Show {
        /// Its id in the list.
        id: Uuid,
        /// Show addresses and names in the body instead of masking them.
        #[arg(long)]
        reveal: bool,
        /// Print JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Plan them again; no call is sent twice.
    Replay {
        #[command(flatten)]
        which: ParkedSelection,
        #[command(flatten)]
        options: replay::Options,
    },
    /// Discard them for good: they can't be replayed any more.
    Discard {
        #[command(flatten)]
        which: ParkedSelection,
        /// Print JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
}

/// The webhooks that are meant.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub struct ParkedSelection {
    /// Their ids in the list.
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    /// All that are parked.
    #[arg(long)]
    all: bool,
}

impl ParkedSelection {
    fn ids(&self) -> Vec<WebhookId> {
        self.ids.iter().copied().map(WebhookId).collect()
    }
}

/// Does it.
pub async fn run(action: Action, settings: &Settings) -> Result<ExitCode, Failure> {
    if let Action::Replay { which, options } = action {
        let selection = if which.all {
            Selection::Page(InboxPage { after: None, since: None, parked: true, limit: 1 })
        } else {
            Selection::These(which.ids())
        };
        return replay::replay(selection, &options, settings).await;
    }
    let store = app::open_existing_store(settings).await.map_err(failed)?;
    let mut output = Output::default();
    let done = match action {
        Action::List { limit, before, json } => {
            let inspector = app::inspector(settings, &store, Show::Masked);
            let listed = inspector.parked(before.map(WebhookId), limit.max(1)).await;
            listed.map_err(failed).map(|view| list(&view, json, &mut output))
        }
        Action::Show { id, reveal, json } => {
            let show_data = if reveal { Show::Revealed } else { Show::Masked };
            let inspector = app::inspector(settings, &store, show_data);
            let found = inspector.parked_webhook(WebhookId(id)).await.map_err(failed);
            let missing = || failed(anyhow!("no webhook {id} is parked"));
            match found.and_then(|found| found.ok_or_else(missing)) {
                Ok(webhook) => {
                    show(&webhook, json, &mut output);
                    let subject = format!("webhook {id}");
                    if reveal {
                        record(&store, Act::Reveal, &subject, "shown").await
                    } else {
                        Ok(())
                    }
                }
                Err(failure) => Err(failure),
            }
        }
        Action::Discard { which, json } => match discard(&store, &which).await {
            Ok(count) => {
                if json {
                    output.json(&json!({ "discarded": count }));
                } else {
                    output.line(format!("{} discarded.", plural(count, "parked webhook")));
                }
                let subject = if which.all {
                    "all parked webhooks".to_owned()
                } else {
                    names("webhook", &which.ids)
                };
                record(&store, Act::Discard, &subject, &format!("{count} discarded")).await
            }
            Err(failure) => Err(failure),
        },
        Action::Replay { .. } => Ok(()),
    };
    store.close().await.map_err(failed)?;
    done?;
    output.print()?;
    Ok(ExitCode::SUCCESS)
}

async fn discard(store: &Store, which: &ParkedSelection) -> Result<usize, Failure> {
    if !which.all {
        let count = store.discard_parked(&which.ids()).await.map_err(failed)?;
        let missing = which.ids.len().saturating_sub(count);
        return match missing {
            0 => Ok(count),
            _ => Err(failed(anyhow!(
                "{} discarded; not parked: {missing} of the ids",
                plural(count, "parked webhook")
            ))),
        };
    }
    operate::discard_all_parked(store).await.map_err(failed)
}

fn list(view: &ParkedView, as_json: bool, output: &mut Output) {
    if as_json {
        output.json(view);
        return;
    }
    if view.parked.is_empty() {
        output.line("No webhook is parked.");
        return;
    }
    for webhook in &view.parked {
        write_entry(webhook, output);
    }
    let shown = view.parked.len();
    if usize::try_from(view.total).unwrap_or(usize::MAX) > shown
        && let Some(last) = view.parked.last()
    {
        let all = plural(view.total, "parked webhook");
        output.line(format!("{all} in all; --before {} lists older ones.", last.id));
    }
}

fn show(parked: &ParkedWebhook, as_json: bool, output: &mut Output) {
    if as_json {
        output.json(parked);
        return;
    }
    write_entry(&parked.webhook, output);
    match &parked.body {
        Some(body) => output.document(format!("{body:#}")),
        None => {
            output.line(format!("  its body of {} isn't JSON", plural(parked.body_bytes, "byte")))
        }
    }
}
