//! The tables `audit` and `traffic`.

use rusqlite::{Connection, params};

use crate::domain::AuditEntry;
use crate::store::rows::Changes;
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::AuditRows;

use super::{change, read};

impl AuditRows for SqliteUnit<'_> {
    async fn audit_before(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<(i64, AuditEntry)>, Fault> {
        let sql = "SELECT id, at, name, role, origin, act, subject, outcome FROM audit
             WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
        read(self.connection, sql, [before, limit])
    }

    async fn oldest_audit(&mut self, limit: i64) -> Result<Vec<(i64, i64)>, Fault> {
        let sql = "SELECT id, at FROM audit WHERE id > 0 ORDER BY id LIMIT ?1";
        read(self.connection, sql, [limit])
    }

    async fn traffic_since(&mut self, hour: i64) -> Result<Vec<(i64, String, i64)>, Fault> {
        let sql = "SELECT hour, what, n FROM traffic WHERE hour >= ?1 ORDER BY hour, what";
        read(self.connection, sql, [hour])
    }
}

/// Writes records of acts, and adds to the traffic.
pub fn write(connection: &Connection, changes: &Changes) -> Result<(), Fault> {
    for AuditEntry { at, name, role, origin, act, subject, outcome } in &changes.audit {
        let sql = "INSERT INTO audit (at, name, role, origin, act, subject, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let at = at.micros();
        change(connection, sql, params![at, name, role, origin, act, subject, outcome])?;
    }
    for id in &changes.removed_audit {
        change(connection, "DELETE FROM audit WHERE id = ?1", [id])?;
    }
    if let Some(hour) = changes.traffic_since {
        change(connection, "DELETE FROM traffic WHERE hour < ?1", [hour])?;
    }
    for ((hour, what), n) in &changes.traffic {
        let sql = "INSERT INTO traffic (hour, what, n) VALUES (?1, ?2, ?3)
             ON CONFLICT (hour, what) DO UPDATE SET n = n + excluded.n";
        change(connection, sql, params![hour, what, n])?;
    }
    Ok(())
}
