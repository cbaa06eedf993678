//! `referral-relay store`: copies a whole store.

use std::process::ExitCode;

use anyhow::bail;
use indicatif::ProgressBar;
use secrecy::{ExposeSecret, SecretString};

use super::output::{Output, Usage, note};
use super::progress;
use super::serve::stop_signal;
use crate::app;
use crate::config::Settings;
use crate::domain::plural;
use crate::options::spoiled::{Strictness, mark};
use crate::store::copying::{Compared, Step};
use crate::store::url::StoreUrl;

/// Actions on the store.
#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// Copy everything that one store holds into another, and compare the two.
    #[command(
        after_help = "No relay may deliver from either store. The first isn't changed; the second must be new. To continue a \
            stopped copy,\nrun the same command again. Server settings (store.password, store.tls_ca_file, ...) hold for \
            both.\n\n  \
            referral-relay store copy --from sqlite:data/relay.db --to postgres://relay@db.example.com/relay\n  \
            referral-relay store copy --from postgres://relay@db.example.com/relay --to sqlite:data/back.db"
    )]
    Copy(CopyArgs),
}

/// Arguments of `store copy`.
#[derive(clap::Args, Debug)]
pub struct CopyArgs {
    /// The store that is copied, written as store.url is.
    #[arg(long, value_name = "URL")]
    from: SecretString,
    /// The store that it goes into.
    #[arg(long, value_name = "URL")]
    to: SecretString,
}

/// Does it.
pub async fn run(Action::Copy(args): Action, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (from, to) = (url("--from", &args.from)?, url("--to", &args.to)?);
    if args.from.expose_secret() == args.to.expose_secret() {
        bail!(Usage("--from and --to are the same store".to_owned()));
    }
    let progress = Progress::new();
    let mut show = |step| progress.show(step);
    let stop = stop_signal()?;
    let copied = tokio::select! {
        copied = app::copy_store(settings, &from, &to, &mut show) => copied,
        () = stop => {
            bail!("stopped; run the same command again to continue");
        }
    };
    progress.bar.finish_and_clear();
    report(&copied?, &from, &to).print()?;
    Ok(ExitCode::SUCCESS)
}

fn url(argument: &str, text: &SecretString) -> anyhow::Result<StoreUrl> {
    let text = text.expose_secret();
    if let Some(mark) = mark(text, Strictness::Text) {
        bail!(Usage(format!("{argument}: {mark}")));
    }
    text.parse().map_err(|expected| Usage(format!("{argument}: {expected}")).into())
}

fn report(copied: &[Compared], from: &StoreUrl, to: &StoreUrl) -> Output {
    let mut output = Output::default();
    output.line(format!("Copied {from} to {to}, and compared them:"));
    for Compared { part, rows, checksum } in copied {
        output.line(format!("  {part:<14} {rows:>12}  {checksum}"));
    }
    for exposure in [from, to].into_iter().filter_map(StoreUrl::exposure) {
        output.line(format!("Note: {exposure}."));
    }
    output.line("Both hold the same. Set store.url to the new one, and never start a relay on the old one again.");
    output
}

/// A bar on a terminal; elsewhere a line for each part.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new() -> Self {
        Self { bar: progress::bar() }
    }

    fn show(&self, step: Step) {
        let what = match step {
            Step::Begin { rows, done } => {
                self.bar.set_length(rows);
                self.bar.set_position(done);
                self.bar.reset_eta();
                format!("{} to copy, {done} of them copied before", plural(rows, "row"))
            }
            Step::Copied(part, rows) => {
                self.bar.inc(rows);
                format!("copying {part}")
            }
            Step::Compare => {
                self.bar.set_length(2 * self.bar.length().unwrap_or(0));
                self.bar.set_position(0);
                self.bar.reset_eta();
                return;
            }
            Step::Read(part, rows) => {
                self.bar.inc(rows);
                format!("comparing {part}")
            }
        };
        if self.bar.is_hidden() && self.bar.message() != what {
            note(&what);
        }
        self.bar.set_message(what);
    }
}
