//! The report of `check`: a table for people, JSON for scripts, and an exit code.

use std::process::ExitCode;

use anyhow::anyhow;
use serde::Serialize;

use crate::cli::output::{Failure, Output, failed, plural};

/// The severity of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Grade {
    /// It is as it should be.
    #[serde(rename = "ok")]
    Good,
    /// It works, and is worth knowing.
    #[serde(rename = "note")]
    Note,
    /// It works, and something that the guide promises can't arrive.
    #[serde(rename = "missing")]
    Missing,
    /// It doesn't work.
    #[serde(rename = "fail")]
    Bad,
}

impl Grade {
    fn label(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Missing => "MISS",
            Self::Bad => "FAIL",
        }
    }
}

/// The verdict on all findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckOutcome {
    /// All that the guide promises can arrive.
    Fit,
    /// It works, and not all of that can arrive.
    Incomplete,
    /// Something doesn't work.
    Broken,
    /// The relay wouldn't start with these settings.
    Refused,
}

/// One result of a check.
#[derive(Serialize)]
struct Finding {
    grade: Grade,
    about: &'static str,
    detail: String,
}

/// An event that can't arrive at Customer.io with these settings.
#[derive(Serialize)]
pub struct Missing {
    /// The event, by the relay's own name, or what else it is.
    pub what: &'static str,
    /// True if GrowSurf's guide to Customer.io promises it.
    pub promised: bool,
    /// The reason.
    pub reason: String,
    /// The setting or command that brings it.
    pub fix: String,
}

/// All findings, in order.
#[derive(Default)]
pub struct Report {
    findings: Vec<Finding>,
    missing: Vec<Missing>,
    is_refused: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    verdict: CheckOutcome,
    findings: &'a [Finding],
    cannot_arrive: &'a [Missing],
}

impl Report {
    /// Adds a finding.
    pub fn add(&mut self, grade: Grade, about: &'static str, detail: impl Into<String>) {
        self.findings.push(Finding { grade, about, detail: detail.into() });
    }

    /// Adds an error with its causes.
    pub fn fail(&mut self, about: &'static str, error: impl Into<anyhow::Error>) {
        self.add(Grade::Bad, about, format!("{:#}", error.into()));
    }

    /// Adds a setting that stops the start.
    pub fn refuse(&mut self, detail: impl Into<String>) {
        self.is_refused = true;
        self.add(Grade::Bad, "settings", detail);
    }

    /// Adds what can't arrive.
    pub fn miss(&mut self, missing: Missing) {
        let grade = if missing.promised { Grade::Missing } else { Grade::Note };
        let Missing { what, reason, fix, .. } = &missing;
        self.add(grade, "arrival", format!("{what} can't arrive: {reason}; {fix}"));
        self.missing.push(missing);
    }

    /// Returns true if there are no findings yet.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Prints everything, and says how it ends.
    ///
    /// # Errors
    /// If the settings are refused or something doesn't work.
    pub fn finish(&self, as_json: bool) -> Result<ExitCode, Failure> {
        let verdict = self.verdict();
        let mut page = Output::default();
        if as_json {
            let (findings, cannot_arrive) = (&self.findings[..], &self.missing[..]);
            let document = Document { verdict, findings, cannot_arrive };
            page.document(serde_json::to_string_pretty(&document).map_err(failed)?);
        } else {
            self.table(&mut page);
            match verdict {
                CheckOutcome::Fit => {
                    page.blank();
                    page.line("Fit to run.");
                }
                CheckOutcome::Incomplete => {
                    page.blank();
                    let missing = plural(self.count(Grade::Missing), "thing");
                    page.line(format!("It works, but {missing} marked MISS can't arrive."));
                }
                CheckOutcome::Broken | CheckOutcome::Refused => {}
            }
        }
        page.print()?;
        let bad = self.count(Grade::Bad);
        match verdict {
            CheckOutcome::Fit | CheckOutcome::Incomplete => Ok(ExitCode::SUCCESS),
            CheckOutcome::Broken => {
                let all = self.findings.len();
                Err(failed(anyhow!("not fit to run: {bad} of {all} findings must be fixed")))
            }
            CheckOutcome::Refused => {
                let what = "not fit to run: the relay wouldn't start with these settings";
                Err(Failure::Usage(format!("{what}; {} must be fixed", plural(bad, "finding"))))
            }
        }
    }

    fn table(&self, page: &mut Output) {
        for Finding { grade, about, detail } in &self.findings {
            page.line(format!("{:<5} {about:<12} {detail}", grade.label()));
        }
    }

    fn verdict(&self) -> CheckOutcome {
        if self.is_refused {
            CheckOutcome::Refused
        } else if self.count(Grade::Bad) > 0 {
            CheckOutcome::Broken
        } else if self.count(Grade::Missing) > 0 {
            CheckOutcome::Incomplete
        } else {
            CheckOutcome::Fit
        }
    }

    fn count(&self, grade: Grade) -> u64 {
        let found = self.findings.iter().filter(|finding| finding.grade == grade).count();
        u64::try_from(found).unwrap_or(u64::MAX)
    }
}
