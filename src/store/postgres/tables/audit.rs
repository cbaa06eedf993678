//! The tables `audit` and `traffic`.

use crate::domain::AuditEntry;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{boxed, rows};
use crate::store::rows::Changes;
use crate::store::unit::AuditRows;

use super::Writes;

impl AuditRows for Transaction {
    async fn audit_before(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<(i64, AuditEntry)>, Fault> {
        let sql = "SELECT id, at, name, role, origin, act, subject, outcome FROM audit
             WHERE id < $1 ORDER BY id DESC LIMIT $2";
        self.read(sql, &[&before, &limit]).await
    }

    async fn oldest_audit(&mut self, limit: i64) -> Result<Vec<(i64, i64)>, Fault> {
        self.read("SELECT id, at FROM audit ORDER BY id LIMIT $1", &[&limit]).await
    }

    async fn traffic_since(&mut self, hour: i64) -> Result<Vec<(i64, String, i64)>, Fault> {
        let sql = "SELECT hour, what, n FROM traffic WHERE hour >= $1 ORDER BY hour, what";
        self.read(sql, &[&hour]).await
    }
}

/// Writes records of acts, and adds to the traffic.
pub fn write<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "INSERT INTO audit (at, name, role, origin, act, subject, outcome)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)";
    let entries = rows!(changes.audit, it => it.at.micros(), &*it.name, &*it.role, &*it.origin,
        &*it.act, &*it.subject, &*it.outcome);
    writes.add(sql, entries);
    let removed = changes.removed_audit.clone();
    writes.add("DELETE FROM audit WHERE id = ANY ($1)", vec![boxed(removed)]);
    if let Some(hour) = changes.traffic_since {
        writes.add("DELETE FROM traffic WHERE hour < $1", vec![boxed(hour)]);
    }
    let sql = "INSERT INTO traffic (hour, what, n) SELECT * FROM unnest($1, $2, $3)
         ON CONFLICT (hour, what) DO UPDATE SET n = traffic.n + excluded.n";
    writes.add(sql, rows!(changes.traffic, it => it.0.0, &*it.0.1, *it.1));
}
