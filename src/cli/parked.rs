//! `referral-relay parked`: authentic webhooks that the relay couldn't map.

use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::json;
use uuid::Uuid;

use super::audit::{names, record};
use super::existing_store::with_store;
use super::find::write_entry;
use super::output::Output;
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
pub async fn run(action: Action, settings: &Settings) -> anyhow::Result<ExitCode> {
    if let Action::Replay { which, options } = action {
        let selection = if which.all {
            Selection::Page(InboxPage { after: None, since: None, parked: true, limit: 1 })
        } else {
            Selection::These(which.ids())
        };
        return replay::replay(selection, &options, settings).await;
    }
    let output = with_store(settings, async |store| {
        let mut output = Output::default();
        match action {
            Action::List { limit, before, json } => {
                let inspector = app::inspector(settings, store, Show::Masked);
                let view = inspector.parked(before.map(WebhookId), limit.max(1)).await?;
                output.show(json, &view, write_list);
            }
            Action::Show { id, reveal, json } => {
                let show = if reveal { Show::Revealed } else { Show::Masked };
                let inspector = app::inspector(settings, store, show);
                let webhook = inspector.parked_webhook(WebhookId(id)).await?;
                let webhook = webhook.ok_or_else(|| anyhow!("no webhook {id} is parked"))?;
                output.show(json, &webhook, write_one);
                if reveal {
                    record(store, Act::Reveal, &format!("webhook {id}"), "shown").await?;
                }
            }
            Action::Discard { which, json } => {
                let count = discard(store, &which).await?;
                let text = format!("{} discarded.", plural(count, "parked webhook"));
                output.show(json, &json!({ "discarded": count }), |_, output| output.line(text));
                let subject = match which.all {
                    true => "all parked webhooks".to_owned(),
                    false => names("webhook", &which.ids),
                };
                record(store, Act::Discard, &subject, &format!("{count} discarded")).await?;
            }
            Action::Replay { .. } => {}
        }
        Ok(output)
    });
    output.await?.print()?;
    Ok(ExitCode::SUCCESS)
}

async fn discard(store: &Store, which: &ParkedSelection) -> anyhow::Result<usize> {
    if !which.all {
        let count = store.discard_parked(&which.ids()).await?;
        let missing = which.ids.len().saturating_sub(count);
        return match missing {
            0 => Ok(count),
            _ => Err(anyhow!(
                "{} discarded; not parked: {missing} of the ids",
                plural(count, "parked webhook")
            )),
        };
    }
    Ok(operate::discard_all_parked(store).await?)
}

fn write_list(view: &ParkedView, output: &mut Output) {
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

fn write_one(parked: &ParkedWebhook, output: &mut Output) {
    write_entry(&parked.webhook, output);
    match &parked.body {
        Some(body) => output.document(format!("{body:#}")),
        None => {
            output.line(format!("  its body of {} isn't JSON", plural(parked.body_bytes, "byte")))
        }
    }
}
