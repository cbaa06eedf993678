//! The tables `meta` and `counters`, and the size of all tables.

use std::collections::BTreeMap;

use crate::store::AvailabilityClock;
use crate::store::meta;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{boxed, rows, text};
use crate::store::rows::{Changes, Counters, micros};
use crate::store::unit::MetaRows;

use super::Writes;

/// Over how many rows a kept number is spread.
const SLOTS: i32 = 16;

impl MetaRows for Transaction {
    async fn values(&mut self, keys: &[String]) -> Result<Vec<Option<String>>, Fault> {
        let sql = "SELECT key, value FROM meta WHERE key = ANY ($1)";
        let kept: Vec<(String, String)> = self.read(sql, &[&keys.to_vec()]).await?;
        let mut kept: BTreeMap<String, String> = kept.into_iter().collect();
        Ok(keys.iter().map(|key| kept.remove(key)).collect())
    }

    async fn hold_value(&mut self, key: &str) -> Result<Option<String>, Fault> {
        // The lock is there before the row is, so that two don't both make the first one.
        let lock = "SELECT pg_advisory_xact_lock(hashtext('meta' || current_schema() || $1))";
        self.rows(lock, &[&key]).await?;
        recall(self, key).await
    }

    async fn numbers(&mut self) -> Result<(Counters, Option<i64>), Fault> {
        // One statement, so that all numbers are of one moment.
        let sql = "SELECT
                 COALESCE(SUM(value) FILTER (WHERE name = 'pending'), 0)::bigint,
                 COALESCE(SUM(value) FILTER (WHERE name = 'dead'), 0)::bigint,
                 COALESCE(SUM(value) FILTER (WHERE name = 'parked'), 0)::bigint,
                 (SELECT MIN(planned_at) FROM deliveries WHERE state = 0)
             FROM counters";
        let Some(row) = self.rows(sql, &[]).await?.pop() else { return Ok(Default::default()) };
        let (pending, dead, parked) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok((Counters { pending, dead, parked, ..Counters::default() }, row.try_get(3)?))
    }

    async fn counters(&mut self) -> Result<Counters, Fault> {
        let sql = "SELECT name, SUM(value)::bigint FROM counters GROUP BY name";
        let kept: Vec<(String, i64)> = self.read(sql, &[]).await?;
        Ok(Counters::of(kept))
    }

    async fn bytes(&mut self) -> Result<i64, Fault> {
        let sql = "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
             WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'";
        Ok(self.read(sql, &[]).await?.pop().unwrap_or(0))
    }
}

/// Returns the value of a key, if there is one.
pub async fn recall(transaction: &Transaction, key: &str) -> Result<Option<String>, Fault> {
    Ok(transaction.read("SELECT value FROM meta WHERE key = $1", &[&key]).await?.pop())
}

/// Writes single values, or forgets them.
///
/// Every relay has a reading of the accepting clock; the one that goes ahead is remembered. Its row is held until the
/// commit, so it isn't touched for less than a second.
pub fn write<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    for (key, value) in &changes.values {
        let sql = "INSERT INTO meta (key, value) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        match value {
            Some(value) => writes.add(sql, vec![boxed(&**key), boxed(text(value))]),
            None => writes.add("DELETE FROM meta WHERE key = $1", vec![boxed(&**key)]),
        }
    }
    let Some(AvailabilityClock { destination, reading }) = changes.accepting else { return };
    let sql = "INSERT INTO meta (key, value)
         SELECT $1, $2::bigint::text WHERE NOT EXISTS (
             SELECT 1 FROM meta WHERE key = $1 AND value::bigint > $2::bigint - 1000000
         )
         ON CONFLICT (key) DO UPDATE
         SET value = GREATEST(meta.value::bigint, excluded.value::bigint)::text";
    writes.add(sql, vec![boxed(meta::accepting(destination)), boxed(micros(reading))]);
}

/// Adds to the kept numbers. Their rows are held until the commit, so each connection has rows of its
/// own, as far as there are enough.
pub fn count<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let numbers = Counters::NAMES.into_iter().zip(changes.counters.values());
    let changed: Vec<(&str, i64)> = numbers.filter(|(_, change)| *change != 0).collect();
    let sql = "INSERT INTO counters (name, slot, value)
         SELECT name, pg_backend_pid() % $3, change
         FROM unnest($1, $2) AS it (name, change)
         ON CONFLICT (name, slot) DO UPDATE SET value = counters.value + excluded.value";
    let mut values = rows!(changed, it => it.0, it.1);
    values.push(boxed(SLOTS));
    writes.add(sql, values);
}
