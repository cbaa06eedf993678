//! The audit and the traffic: what operators did, and what came and went by the hour.
//!
//! What belongs here: that part of the contract. What doesn't: the words of a record
//! ([`AuditEntry`]), and the moments at which something is recorded or counted.

use crate::domain::{AuditEntry, Time};

use super::work::{AddTraffic, ListAudit, PruneAudit, ReadTraffic, Record};
use super::{Store, StoreError};

impl Store {
    /// Records an act of an operator.
    pub async fn record(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.write("record an act", Record(entry)).await
    }

    /// Returns the newest records with their numbers, of those before one.
    pub async fn audit(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        self.read("list the audit", ListAudit { before, limit }).await
    }

    /// Removes records before a time, the oldest first. Returns how many.
    pub async fn prune_audit(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        self.write("prune the audit", PruneAudit { before, limit }).await
    }

    /// Adds to the traffic of the hour of `now`, and forgets hours before `kept_since`.
    pub async fn add_traffic(
        &self,
        counts: Vec<(String, i64)>,
        now: Time,
        kept_since: Time,
    ) -> Result<(), StoreError> {
        self.write("count its traffic", AddTraffic { counts, now, kept_since }).await
    }

    /// Returns the traffic of the hours since a time, in their order.
    pub async fn traffic(&self, since: Time) -> Result<Vec<Traffic>, StoreError> {
        self.read("show its traffic", ReadTraffic(since)).await
    }
}

/// A sum of an hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traffic {
    /// The beginning of the hour.
    pub hour: Time,
    /// The thing that was counted, such as `webhook accepted`.
    pub what: String,
    /// The number.
    pub n: i64,
}
