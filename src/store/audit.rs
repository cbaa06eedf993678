//! The audit and the traffic: what operators did, and what came and went by the hour.
//!
//! What belongs here: that part of the contract. What doesn't: the words of a record
//! ([`AuditEntry`]), and the moments at which something is recorded or counted.

use std::collections::BTreeMap;

use crate::domain::{AuditEntry, Time};

use super::rows::{Changes, number};
use super::unit::use_case;
use super::{Store, StoreError};

/// Microseconds of an hour.
const HOUR: i64 = 3_600 * 1_000_000;

impl Store {
    /// Records an act of an operator.
    pub async fn record(&self, entry: AuditEntry) -> Result<(), StoreError> {
        use_case!(
            self.write("record an act"),
            [entry: AuditEntry] -> (),
            |unit| unit.write(Changes { audit: vec![entry.clone()], ..Changes::default() }).await
        )
    }

    /// Returns the newest records with their numbers, of those before one.
    pub async fn audit(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        use_case!(
            self.read("list the audit"),
            [before: Option<i64>, limit: usize] -> Vec<(i64, AuditEntry)>,
            |unit| unit.audit_before(before.unwrap_or(i64::MAX), number(*limit)).await
        )
    }

    /// Removes records before a time, the oldest first. Returns how many.
    pub async fn prune_audit(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        use_case!(
            self.write("prune the audit"),
            [before: Time, limit: usize] -> usize,
            |unit| {
                // Records have the order of their times, but for clocks that were set.
                let oldest = unit.oldest_audit(number(*limit)).await?.into_iter();
                let old = oldest.filter(|(_, at)| *at < before.micros());
                let removed_audit: Vec<i64> = old.map(|(id, _)| id).collect();
                let pruned = removed_audit.len();
                unit.write(Changes { removed_audit, ..Changes::default() }).await?;
                Ok(pruned)
            }
        )
    }

    /// Adds to the traffic of the hour of `now`, and forgets hours before `kept_since`.
    pub async fn add_traffic(
        &self,
        counts: Vec<(String, i64)>,
        now: Time,
        kept_since: Time,
    ) -> Result<(), StoreError> {
        use_case!(
            self.write("count its traffic"),
            [counts: Vec<(String, i64)>, now: Time, kept_since: Time] -> (),
            |unit| {
                let hour = now.micros().div_euclid(HOUR);
                let mut traffic = BTreeMap::new();
                for (what, n) in counts {
                    *traffic.entry((hour, what.clone())).or_default() += n;
                }
                let traffic_since = Some(kept_since.micros().div_euclid(HOUR));
                unit.write(Changes { traffic, traffic_since, ..Changes::default() }).await
            }
        )
    }

    /// Returns the traffic of the hours since a time, in their order.
    pub async fn traffic(&self, since: Time) -> Result<Vec<Traffic>, StoreError> {
        let sums = use_case!(
            self.read("show its traffic"),
            [since: Time] -> Vec<(i64, String, i64)>,
            |unit| unit.traffic_since(since.micros().div_euclid(HOUR)).await
        )?;
        let sum = |(hour, what, n): (i64, String, i64)| {
            let hour = Time::from_micros(hour.saturating_mul(HOUR));
            Traffic { hour, what, n }
        };
        Ok(sums.into_iter().map(sum).collect())
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
