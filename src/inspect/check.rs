//! The findings of a check: what works with the settings, what doesn't, and what can't arrive.
//!
//! What belongs here: findings as plain values, and the verdict on them. What doesn't: looking for them (`app`).

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::Time;
use crate::store::{Store, StoreError};
use crate::telemetry::ErrorChain;

/// The severity of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
    /// Returns its word in a table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Missing => "MISS",
            Self::Bad => "FAIL",
        }
    }
}

/// The verdict on all findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// All that the guide promises can arrive.
    Fit,
    /// It works, and not all of that can arrive.
    Incomplete,
    /// Something doesn't work.
    Broken,
    /// The relay wouldn't start with these settings.
    Refused,
}

impl CheckOutcome {
    /// Returns the verdict as a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Fit => "Fit to run.",
            Self::Incomplete => "It works, but not everything can arrive.",
            Self::Broken => "Something doesn't work.",
            Self::Refused => "The relay wouldn't start with these settings.",
        }
    }
}

/// One result of a check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckFinding {
    /// The severity.
    pub grade: Grade,
    /// The thing that was checked.
    pub about: Cow<'static, str>,
    /// The result in words.
    pub detail: String,
}

/// An event that can't arrive at Customer.io with these settings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Missing {
    /// The event, by the relay's own name, or what else it is.
    pub what: Cow<'static, str>,
    /// True if GrowSurf's guide to Customer.io promises it.
    pub promised: bool,
    /// The reason.
    pub reason: String,
    /// The setting or command that brings it.
    pub fix: String,
    /// The lines to paste: settings, or a command.
    pub paste: Cow<'static, str>,
}

/// All findings, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CheckReport {
    findings: Vec<CheckFinding>,
    #[serde(rename = "cannot_arrive")]
    missing: Vec<Missing>,
    #[serde(skip)]
    is_refused: bool,
}

impl CheckReport {
    /// Adds a finding.
    pub fn add(&mut self, grade: Grade, about: &'static str, detail: impl Into<String>) {
        self.findings.push(CheckFinding { grade, about: about.into(), detail: detail.into() });
    }

    /// Adds an error with its causes.
    pub fn fail(&mut self, about: &'static str, error: &(dyn Error + 'static)) {
        self.add(Grade::Bad, about, ErrorChain(error).to_string());
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

    /// Returns the findings.
    pub fn findings(&self) -> &[CheckFinding] {
        &self.findings
    }

    /// Returns what can't arrive.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Returns the report without the findings about one thing.
    #[must_use]
    pub fn without(mut self, about: &str) -> Self {
        self.findings.retain(|finding| finding.about != about);
        self
    }

    /// Returns the verdict on all findings.
    pub fn verdict(&self) -> CheckOutcome {
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

    /// Returns the number of findings of a grade.
    pub fn count(&self, grade: Grade) -> u64 {
        let found = self.findings.iter().filter(|finding| finding.grade == grade).count();
        u64::try_from(found).unwrap_or(u64::MAX)
    }
}

/// The note of the last check.
const NOTE: &str = "check";

/// The last check that was made on the pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastCheck {
    /// The time.
    pub at: Time,
    /// The findings.
    pub report: CheckReport,
}

impl LastCheck {
    /// Returns the last one, if one was made.
    ///
    /// # Errors
    /// The store's.
    pub async fn read(store: &Store) -> Result<Option<Self>, StoreError> {
        let note = store.kv_get(NOTE).await?;
        Ok(note.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps this one in place of the one before.
    ///
    /// # Errors
    /// The store's.
    pub async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let text = serde_json::to_string(self).expect("plain values are JSON");
        store.kv_update(NOTE, Arc::new(move |_before: Option<&str>| text.clone())).await.map(drop)
    }
}
