//! The audit: records written, listed and pruned. The traffic: added to, and read.

use std::collections::BTreeMap;

use crate::domain::{AuditEntry, Time};
use crate::store::Traffic;
use crate::store::rows::{Changes, number};
use crate::store::unit::{Unit, Work};

/// Microseconds of an hour.
const HOUR: i64 = 3_600 * 1_000_000;

/// See [`Store::record`](crate::store::Store::record).
pub(in crate::store) struct Record(pub(in crate::store) AuditEntry);

impl Work for Record {
    type Output = ();

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<(), U::Fault> {
        unit.write(Changes { audit: vec![self.0.clone()], ..Changes::default() }).await
    }
}

/// See [`Store::audit`](crate::store::Store::audit).
pub(in crate::store) struct ListAudit {
    pub(in crate::store) before: Option<i64>,
    pub(in crate::store) limit: usize,
}

impl Work for ListAudit {
    type Output = Vec<(i64, AuditEntry)>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Self::Output, U::Fault> {
        unit.audit_before(self.before.unwrap_or(i64::MAX), number(self.limit)).await
    }
}

/// See [`Store::prune_audit`](crate::store::Store::prune_audit).
pub(in crate::store) struct PruneAudit {
    pub(in crate::store) before: Time,
    pub(in crate::store) limit: usize,
}

impl Work for PruneAudit {
    type Output = usize;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<usize, U::Fault> {
        // Records have the order of their times, but for clocks that were set.
        let oldest = unit.oldest_audit(number(self.limit)).await?.into_iter();
        let old = oldest.filter(|(_, at)| *at < self.before.micros());
        let removed_audit: Vec<i64> = old.map(|(id, _)| id).collect();
        let pruned = removed_audit.len();
        unit.write(Changes { removed_audit, ..Changes::default() }).await?;
        Ok(pruned)
    }
}

/// See [`Store::add_traffic`](crate::store::Store::add_traffic).
pub(in crate::store) struct AddTraffic {
    pub(in crate::store) counts: Vec<(String, i64)>,
    pub(in crate::store) now: Time,
    pub(in crate::store) kept_since: Time,
}

impl Work for AddTraffic {
    type Output = ();

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<(), U::Fault> {
        let hour = self.now.micros().div_euclid(HOUR);
        let mut traffic = BTreeMap::new();
        for (what, n) in &self.counts {
            *traffic.entry((hour, what.clone())).or_default() += n;
        }
        let traffic_since = Some(self.kept_since.micros().div_euclid(HOUR));
        unit.write(Changes { traffic, traffic_since, ..Changes::default() }).await
    }
}

/// See [`Store::traffic`](crate::store::Store::traffic).
pub(in crate::store) struct ReadTraffic(pub(in crate::store) Time);

impl Work for ReadTraffic {
    type Output = Vec<Traffic>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<Traffic>, U::Fault> {
        let rows = unit.traffic_since(self.0.micros().div_euclid(HOUR)).await?.into_iter();
        let sum = |(hour, what, n): (i64, String, i64)| Traffic {
            hour: Time::from_micros(hour.saturating_mul(HOUR)),
            what,
            n,
        };
        Ok(rows.map(sum).collect())
    }
}
