//! The tables `meta`, `counters` and `notes`.

use std::collections::BTreeMap;

use crate::store::AvailabilityClock;
use crate::store::meta::Meta;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::text;
use crate::store::rows::{Changes, Counters, micros};
use crate::store::unit::MetaRows;

/// Over how many rows a kept number is spread.
const SLOTS: i32 = 16;

impl MetaRows for Transaction {
    async fn metas(&mut self, which: &[Meta]) -> Result<Vec<Option<String>>, Fault> {
        let keys: Vec<&str> = which.iter().map(|meta| meta.key()).collect();
        let rows = self.rows("SELECT key, value FROM meta WHERE key = ANY ($1)", &[&keys]).await?;
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        for row in rows {
            kept.insert(row.try_get(0)?, row.try_get(1)?);
        }
        Ok(keys.into_iter().map(|key| kept.remove(key)).collect())
    }

    async fn hold_meta(&mut self, which: Meta) -> Result<Option<String>, Fault> {
        // The lock is there before the row is, so that two don't both make the first one.
        let lock = "SELECT pg_advisory_xact_lock(hashtext('meta' || current_schema() || $1))";
        self.rows(lock, &[&which.key()]).await?;
        recall(self, which).await
    }

    async fn numbers(&mut self) -> Result<(Counters, Option<i64>), Fault> {
        // One statement, so that all numbers are of one moment.
        let sql = "SELECT
                 COALESCE(SUM(value) FILTER (WHERE name = 'pending'), 0)::bigint,
                 COALESCE(SUM(value) FILTER (WHERE name = 'dead'), 0)::bigint,
                 COALESCE(SUM(value) FILTER (WHERE name = 'parked'), 0)::bigint,
                 (SELECT MIN(planned_at) FROM deliveries WHERE state = 0)
             FROM counters";
        let Some(row) = self.row(sql, &[]).await? else { return Ok(Default::default()) };
        let (pending, dead, parked) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok((Counters { pending, dead, parked }, row.try_get(3)?))
    }

    async fn note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.value("SELECT value FROM notes WHERE name = $1", &[&name]).await
    }

    async fn hold_note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        let lock = "SELECT pg_advisory_xact_lock(hashtext('note' || current_schema() || $1))";
        self.rows(lock, &[&name]).await?;
        self.value("SELECT value FROM notes WHERE name = $1 FOR UPDATE", &[&name]).await
    }
}

/// Returns the value remembered, if there is one.
pub(in crate::store::postgres) async fn recall(
    transaction: &Transaction,
    meta: Meta,
) -> Result<Option<String>, Fault> {
    transaction.value("SELECT value FROM meta WHERE key = $1", &[&meta.key()]).await
}

/// Remembers a value in place of the one before, or forgets it.
pub(in crate::store::postgres) async fn remember(
    transaction: &Transaction,
    meta: Meta,
    value: Option<&str>,
) -> Result<(), Fault> {
    let insert = "INSERT INTO meta (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let changed = match value {
        Some(value) => transaction.change(insert, &[&meta.key(), &text(value)]).await,
        None => transaction.change("DELETE FROM meta WHERE key = $1", &[&meta.key()]).await,
    };
    changed.map(drop)
}

/// Writes single values, or forgets them, and notes.
pub(super) async fn write(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    for (meta, value) in &changes.metas {
        remember(transaction, *meta, value.as_deref()).await?;
    }
    let sql = "INSERT INTO notes (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    for (name, value) in &changes.notes {
        transaction.change(sql, &[name, &text(value)]).await?;
    }
    Ok(())
}

/// Remembers the accepting clock, which every relay has a reading of: the one that goes ahead. Its
/// row is held until the commit, so it isn't touched for less than a second.
pub(super) async fn remember_accepting(
    transaction: &Transaction,
    accepting: Option<AvailabilityClock>,
) -> Result<(), Fault> {
    let Some(accepting) = accepting else { return Ok(()) };
    let sql = "INSERT INTO meta (key, value)
         SELECT $1, $2::bigint::text WHERE NOT EXISTS (
             SELECT 1 FROM meta WHERE key = $1 AND value::bigint > $2::bigint - 1000000
         )
         ON CONFLICT (key) DO UPDATE
         SET value = GREATEST(meta.value::bigint, excluded.value::bigint)::text";
    let key = Meta::Accepting(accepting.way).key();
    transaction.change(sql, &[&key, &micros(accepting.reading)]).await.map(drop)
}

/// Adds to the kept numbers. Their rows are held until the commit, so each connection has rows of its
/// own, as far as there are enough.
pub(in crate::store::postgres) async fn count(
    transaction: &Transaction,
    Counters { pending, dead, parked }: Counters,
) -> Result<(), Fault> {
    let changes = [("dead", dead), ("parked", parked), ("pending", pending)];
    let changed = changes.into_iter().filter(|(_, change)| *change != 0);
    let (names, values): (Vec<&str>, Vec<i64>) = changed.unzip();
    let sql = "INSERT INTO counters (name, slot, value)
         SELECT name, pg_backend_pid() % $3, change
         FROM unnest($1, $2) AS it (name, change)
         ON CONFLICT (name, slot) DO UPDATE SET value = counters.value + excluded.value";
    transaction.write(sql, &[&names, &values, &SLOTS]).await
}
