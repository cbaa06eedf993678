//! `referral-relay check`: what works with these settings, and what can't arrive.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use serde::Serialize;

use super::healthcheck::{get, reachable};
use super::output::{Output, Usage};
use crate::app;
use crate::config::sources::Sources;
use crate::config::{Required, Settings};
use crate::domain::plural;
use crate::inspect::{CheckFinding, CheckOutcome, CheckReport, Grade};

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

/// The time that a running relay has to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Checks settings, store, credentials, region and webhook, and reports every finding.
pub async fn run(args: &Args, sources: &Sources) -> anyhow::Result<ExitCode> {
    let mut report = CheckReport::default();
    // As much as possible is checked: first all that is needed to run, then what can be read without it.
    if let Err(problems) = Settings::load(sources, Required::Everything) {
        for problem in problems.list() {
            report.refuse(problem.to_string());
        }
    }
    if let Ok(settings) = Settings::load(sources, Required::Nothing) {
        if report.findings().is_empty() {
            report.add(Grade::Good, "settings", "every key is known and every value is valid");
        }
        let is_one_client = is_one_client(&settings);
        app::check(&settings, args.full, is_one_client, &mut report).await;
    }
    finish(&report, args.json)
}

/// True if a relay runs and says that all posts of pages come from one private address.
async fn is_one_client(settings: &Settings) -> bool {
    let server = &settings.server;
    let metrics = reachable(server.operator_listen.unwrap_or(server.listen));
    let answered = tokio::time::timeout(TIMEOUT, get(metrics, "/metrics")).await;
    answered.is_ok_and(|metrics| {
        metrics.is_ok_and(|text| text.contains("\nrelay_page_posts_from_one_address 1\n"))
    })
}

#[derive(Serialize)]
struct Document<'a> {
    verdict: CheckOutcome,
    #[serde(flatten)]
    report: &'a CheckReport,
}

/// Prints everything, and says how it ends.
fn finish(report: &CheckReport, as_json: bool) -> anyhow::Result<ExitCode> {
    let verdict = report.verdict();
    let mut output = Output::default();
    if as_json {
        output.json(&Document { verdict, report });
    } else {
        for CheckFinding { grade, about, detail } in report.findings() {
            output.line(format!("{:<5} {about:<12} {detail}", grade.label()));
        }
        match verdict {
            CheckOutcome::Fit => {
                output.blank();
                output.line("Fit to run.");
            }
            CheckOutcome::Incomplete => {
                output.blank();
                let missing = plural(report.count(Grade::Missing), "thing");
                output.line(format!("It works, but {missing} marked MISS can't arrive."));
            }
            CheckOutcome::Broken | CheckOutcome::Refused => {}
        }
    }
    output.print()?;
    let bad = report.count(Grade::Bad);
    match verdict {
        CheckOutcome::Fit | CheckOutcome::Incomplete => Ok(ExitCode::SUCCESS),
        CheckOutcome::Broken => {
            let all = report.findings().len();
            Err(anyhow!("not fit to run: {bad} of {} must be fixed", plural(all, "finding")))
        }
        CheckOutcome::Refused => {
            let what = "not fit to run: the relay wouldn't start with these settings";
            Err(Usage(format!("{what}; {} must be fixed", plural(bad, "finding"))).into())
        }
    }
}
