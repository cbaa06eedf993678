//! The audit: records of operators' acts.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::Inspector;
use crate::domain::{AuditEntry, Time};
use crate::store::StoreError;

/// A page of the audit.
#[derive(Clone, Debug, Serialize)]
pub struct AuditView {
    /// The newest first.
    pub records: Vec<RecordView>,
    /// The last one's number, if there are more.
    pub before: Option<i64>,
}

/// A record of an act.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct RecordView {
    /// Its number.
    pub id: i64,
    #[serde_as(as = "DisplayFromStr")]
    pub at: Time,
    /// The name that the actor gave.
    pub name: String,
    /// `operate`, `view` or `none`.
    pub role: String,
    /// The client's address, or `cli`.
    pub origin: String,
    pub act: String,
    /// The thing that the act was on, by its number or id.
    pub subject: String,
    pub outcome: String,
}

impl From<(i64, AuditEntry)> for RecordView {
    fn from((id, entry): (i64, AuditEntry)) -> Self {
        let AuditEntry { at, name, role, origin, act, subject, outcome } = entry;
        Self { id, at, name, role, origin, act, subject, outcome }
    }
}

impl Inspector {
    /// Returns the newest records, of those before one.
    ///
    /// # Errors
    /// The store's.
    pub async fn audit(&self, before: Option<i64>, limit: usize) -> Result<AuditView, StoreError> {
        let mut records = self.store.audit(before, limit + 1).await?;
        let has_more = records.len() > limit;
        records.truncate(limit);
        let before = records.last().filter(|_| has_more).map(|(id, _)| *id);
        Ok(AuditView { records: records.into_iter().map(RecordView::from).collect(), before })
    }
}
