//! `referral-relay parked`: authentic webhooks that lead to nothing known.

use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::json;
use uuid::Uuid;

use super::audit::{names, record};
use super::find::write_entry;
use super::output::{Failure, Output, failed, plural};
use super::replay::{self, Selection};
use crate::app;
use crate::config::Settings;
use crate::domain::{Act, WebhookId};
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
    /// Plan them again; what was sent before isn't sent twice.
    Replay {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        options: replay::Options,
    },
    /// Discard them for good: they can't be replayed any more.
    Discard {
        #[command(flatten)]
        which: Which,
        /// Print JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
}

/// The webhooks that are meant.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Their ids in the list.
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    /// All that are parked.
    #[arg(long)]
    all: bool,
}

impl Which {
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
    let mut page = Output::default();
    let done = match action {
        Action::List { limit, before, json } => {
            let inspector = app::inspector(settings, &store, Show::Masked);
            let listed = inspector.parked(before.map(WebhookId), limit.max(1)).await;
            listed.map_err(failed).map(|view| list(&view, json, &mut page))
        }
        Action::Show { id, reveal, json } => {
            let show_data = if reveal { Show::Revealed } else { Show::Masked };
            let inspector = app::inspector(settings, &store, show_data);
            let found = inspector.parked_webhook(WebhookId(id)).await.map_err(failed);
            let missing = || failed(anyhow!("no webhook {id} is parked"));
            match found.and_then(|found| found.ok_or_else(missing)) {
                Ok(webhook) => {
                    show(&webhook, json, &mut page);
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
                    page.json(&json!({ "discarded": count }));
                } else {
                    page.line(format!("{count} discarded."));
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
    page.print()?;
    Ok(ExitCode::SUCCESS)
}

async fn discard(store: &Store, which: &Which) -> Result<usize, Failure> {
    if !which.all {
        let count = store.discard_parked(&which.ids()).await.map_err(failed)?;
        let missing = which.ids.len().saturating_sub(count);
        return match missing {
            0 => Ok(count),
            _ => Err(failed(anyhow!("{count} discarded; {missing} of the ids aren't parked"))),
        };
    }
    operate::discard_all_parked(store).await.map_err(failed)
}

fn list(view: &ParkedView, as_json: bool, page: &mut Output) {
    if as_json {
        page.json(view);
        return;
    }
    if view.parked.is_empty() {
        page.line("No webhook is parked.");
        return;
    }
    for webhook in &view.parked {
        write_entry(webhook, page);
    }
    let shown = view.parked.len();
    if usize::try_from(view.total).unwrap_or(usize::MAX) > shown
        && let Some(last) = view.parked.last()
    {
        let all = plural(view.total, "webhook");
        page.line(format!("{all} are parked in all; --before {} lists older ones.", last.id));
    }
}

fn show(parked: &ParkedWebhook, as_json: bool, page: &mut Output) {
    if as_json {
        page.json(parked);
        return;
    }
    write_entry(&parked.webhook, page);
    match &parked.body {
        Some(body) => page.document(format!("{body:#}")),
        None => page.line(format!("  its body of {} bytes isn't JSON", parked.body_bytes)),
    }
}
