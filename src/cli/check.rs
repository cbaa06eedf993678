//! `referral-relay check`: what works with these settings, and what can't arrive.
//!
//! What belongs here: the order of the checks. What doesn't: each check, in a file of its own, and the
//! report's form (`report`).

mod arrival;
mod back;
mod customerio;
mod growsurf;
mod proxy;
mod report;
mod scopes;
mod store;

use std::process::ExitCode;

use super::output::Failure;
use crate::config::sources::Sources;
use crate::config::{Required, Settings};
use report::{Grade, Missing, Report};

/// Arguments of `check`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Also read the whole store, for damage. It works beside a running relay.
    #[arg(long)]
    full: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Checks settings, store, credentials, region and webhook, and reports every finding.
pub async fn run(args: &Args, sources: &Sources) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    // As much as possible is checked: first all that is needed to run, then what can be read without it.
    if let Err(problems) = Settings::load(sources, Required::Everything) {
        for problem in problems.list() {
            report.refuse(problem.to_string());
        }
    }
    let Ok(settings) = Settings::load(sources, Required::Nothing) else {
        return report.finish(args.json);
    };
    if report.is_empty() {
        report.add(Grade::Good, "settings", "every key is known and every value makes sense");
    }
    for shown in settings.summary().iter().filter(|shown| !shown.is_built_in()) {
        let detail = format!("{} = {}  ({})", shown.key, shown.value, shown.place);
        report.add(Grade::Note, "setting", detail);
    }
    for warning in &settings.warnings {
        report.add(Grade::Note, "settings", warning.as_str());
    }
    let store = store::check(&settings, args.full, &mut report).await;
    if settings.customerio.credentials().is_some() {
        customerio::check(&settings, store.as_deref(), &mut report).await;
    }
    let campaigns = if settings.growsurf.has_api_key() {
        growsurf::check(&settings, store.as_ref(), &mut report).await
    } else {
        Vec::new()
    };
    back::check(&settings, &mut report);
    proxy::check(&settings, &mut report).await;
    arrival::check(&settings, store.as_deref(), &campaigns, &mut report).await;
    if let Some(store) = store
        && let Err(error) = store.close().await
    {
        report.fail("store", error);
    }
    report.finish(args.json)
}
