//! `referral-relay check`: is everything fit to run?

mod back;
mod growsurf;

use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;

use super::output::{Failure, Page, failed};
use crate::app;
use crate::clock::SystemClock;
use crate::config::sources::Sources;
use crate::config::{Needs, Settings};
use crate::customerio::client::RegionError;
use crate::domain::Clock;
use crate::store::sqlite::{Examination, damaged_aside, examine};
use crate::store::{Store, StoreError, Workspace};

/// Arguments of `check`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Also read the whole store, for damage. Takes as long as the store is long; a relay goes on
    /// beside it.
    #[arg(long)]
    full: bool,
}

/// How serious a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Grade {
    Good,
    Note,
    Bad,
}

/// One thing that was looked at.
struct Finding {
    grade: Grade,
    what: &'static str,
    detail: String,
}

/// Everything that was looked at, in order.
#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, grade: Grade, what: &'static str, detail: impl Into<String>) {
        self.0.push(Finding { grade, what, detail: detail.into() });
    }

    fn print(&self) -> Result<ExitCode, Failure> {
        let mut page = Page::default();
        for Finding { grade, what, detail } in &self.0 {
            let word = match grade {
                Grade::Good => "ok",
                Grade::Note => "note",
                Grade::Bad => "FAIL",
            };
            page.line(format!("{word:<5} {what:<12} {detail}"));
        }
        let bad = self.0.iter().filter(|finding| finding.grade == Grade::Bad).count();
        if bad == 0 {
            page.blank();
            page.line("Fit to run.");
            page.print()?;
            return Ok(ExitCode::SUCCESS);
        }
        let all = self.0.len();
        page.print()?;
        Err(failed(anyhow!("not fit to run: {bad} of {all} findings must be mended")))
    }
}

/// Looks at settings, store, credentials and region, and reports every finding.
pub async fn run(args: &Args, sources: &Sources) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    // Whatever is wrong, as much as can be is looked at: first all that is needed to run, then
    // what can be read without it.
    if let Err(problems) = Settings::load(sources, Needs::EVERYTHING) {
        for problem in problems.list() {
            report.add(Grade::Bad, "settings", problem.to_string());
        }
    }
    let Ok(settings) = Settings::load(sources, Needs::NOTHING) else { return report.print() };
    if report.0.is_empty() {
        report.add(Grade::Good, "settings", "every key is known and every value makes sense");
    }
    for shown in settings.summary().iter().filter(|shown| !shown.place.contains("default")) {
        let detail = format!("{} = {}  ({})", shown.key, shown.value, shown.place);
        report.add(Grade::Note, "setting", detail);
    }
    for warning in &settings.warnings {
        report.add(Grade::Note, "settings", warning.as_str());
    }
    let store = check_store(&settings, &mut report).await;
    if let Some(file) = settings.store.url.file() {
        check_soundness(file, args.full && store.is_some(), &mut report).await;
    }
    if settings.customerio.credentials.is_some() {
        check_customerio(&settings, store.as_deref(), &mut report).await;
    }
    if let (true, Some(store)) = (settings.growsurf.has_api_key(), &store) {
        growsurf::look(&settings, store, &mut report).await;
    }
    back::look(&settings, &mut report);
    if let Some(store) = store
        && let Err(error) = store.close().await
    {
        report.add(Grade::Bad, "store", format!("{:#}", anyhow::Error::from(error)));
    }
    report.print()
}

async fn check_store(
    settings: &Settings,
    report: &mut Report,
) -> Option<std::sync::Arc<dyn Store>> {
    let url = settings.store.url.to_string();
    let store = match app::open_store(settings).await {
        Ok(store) => store,
        Err(error) => {
            report.add(Grade::Bad, "store", format!("{:#}", anyhow::Error::from(error)));
            return None;
        }
    };
    let looked = async {
        store.probe(SystemClock.now()).await?;
        store.stats().await
    };
    match looked.await {
        Ok(stats) => {
            let detail = format!(
                "{url} takes writes; {} calls pending, {} dead letters, {} parked webhooks",
                stats.pending, stats.dead, stats.parked
            );
            let grade = if stats.dead > 0 { Grade::Note } else { Grade::Good };
            report.add(grade, "store", detail);
        }
        Err(error) => {
            report.add(Grade::Bad, "store", format!("{url}: {:#}", anyhow::Error::from(error)));
        }
    }
    Some(store)
}

/// Whether anything is damaged: what was set aside earlier, and with `full` the store itself.
async fn check_soundness(store: &Path, full: bool, report: &mut Report) {
    for aside in damaged_aside(store) {
        let what = "is a damaged store that was set aside; save from it what is needed, then \
                    remove it";
        report.add(Grade::Note, "store", format!("{} {what}", aside.display()));
    }
    if !full {
        return;
    }
    let path = store.to_owned();
    let examining = tokio::task::spawn_blocking(move || examine(&path, None, || false));
    let examined = examining.await.unwrap_or(Err(StoreError::Closed));
    let (grade, detail) = match examined {
        Ok(Examination::Damaged(damage)) => {
            let mend = "copy its file and the log beside it, then restart the relay, which sets the \
                        store aside";
            (Grade::Bad, format!("it is damaged: {damage}; {mend}"))
        }
        Ok(Examination::Contradictory(found)) => {
            (Grade::Bad, format!("it contradicts itself: {}; please report it", found.join("; ")))
        }
        Ok(Examination::Sound | Examination::Unneeded | Examination::Stopped) => {
            (Grade::Good, "every page, row and body of it is sound".to_owned())
        }
        Err(error) => (Grade::Bad, format!("{:#}", anyhow::Error::from(error))),
    };
    report.add(grade, "store", detail);
}

async fn check_customerio(settings: &Settings, store: Option<&dyn Store>, report: &mut Report) {
    let client = match app::client(settings) {
        Ok(client) => client,
        Err(error) => {
            report.add(Grade::Bad, "customer.io", format!("{:#}", anyhow::Error::from(error)));
            return;
        }
    };
    let host = app::base_url(&settings.customerio);
    let told = match client.region().await {
        Ok(told) => told,
        Err(error) => {
            let what = if matches!(error, RegionError::Credentials { .. }) {
                "credentials"
            } else {
                "customer.io"
            };
            let error = anyhow::Error::from(error);
            report.add(Grade::Bad, what, format!("{error:#}  ({host})"));
            return;
        }
    };
    report.add(
        Grade::Good,
        "credentials",
        format!("they open workspace {} at {host}", told.environment_id),
    );
    let region = app::region_name(settings.customerio.region);
    if settings.customerio.base_url.is_some() {
        let detail =
            format!("the account's is {}; customerio.base_url names the host", told.region);
        report.add(Grade::Note, "region", detail);
    } else if told.region.eq_ignore_ascii_case(region) {
        report.add(Grade::Good, "region", format!("{region}, as the account's"));
    } else {
        let detail = format!(
            "the account's is {}, the settings say {region}; set customerio.region = {:?}",
            told.region, told.region
        );
        report.add(Grade::Bad, "region", detail);
    }
    let Some(store) = store else { return };
    let workspace = Workspace { environment_id: told.environment_id };
    match store.destination().await {
        Ok(known) => match known.workspace {
            Some(known) if known != workspace => {
                let detail = format!(
                    "what the store has delivered went to workspace {}; use its credentials, or \
                     a store of its own (store.url)",
                    known.environment_id
                );
                report.add(Grade::Bad, "workspace", detail);
            }
            Some(_) => report.add(Grade::Good, "workspace", "the one that the store belongs to"),
            None => report.add(Grade::Good, "workspace", "nothing was delivered to another"),
        },
        Err(error) => {
            report.add(Grade::Bad, "store", format!("{:#}", anyhow::Error::from(error)));
        }
    }
}
