//! Company on Postgres: a row a relay, and a row a job.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::{Labelled, Time};
use crate::store::rows::{duration, micros};
use crate::store::{ExclusiveJob, HEARTBEAT_TTL, Outage, PeerStatus, StoreError};

use super::PostgresStore;
use super::fault::Fault;
use super::retry::transact;
use super::transaction::Transaction;
use super::value::text;

impl PostgresStore {
    pub(in crate::store) async fn heartbeat(
        &self,
        told: &PeerStatus,
        now: Time,
    ) -> Result<Vec<PeerStatus>, StoreError> {
        transact!(self.open()?, "tell other relays", |it| confer(&it, told, now))
    }

    pub(in crate::store) async fn leave(&self, relay: Uuid) -> Result<(), StoreError> {
        transact!(self.open()?, "leave other relays", |it| leave(&it, relay))
    }

    pub(in crate::store) async fn take_job(
        &self,
        job: ExclusiveJob,
        relay: Uuid,
        lasts: Duration,
        now: Time,
    ) -> Result<bool, StoreError> {
        transact!(self.open()?, "take a job", |it| take_job(&it, job, relay, lasts, now))
    }
}

async fn confer(
    transaction: &Transaction,
    told: &PeerStatus,
    now: Time,
) -> Result<Vec<PeerStatus>, Fault> {
    let now = now.micros().saturating_add(transaction.ahead_of(now));
    let rest = told.rest.as_ref();
    let kind = rest.map(|rest| rest.kind.label());
    let number = rest.map(|rest| rest.number);
    let until = rest.map(|rest| now.saturating_add(micros(rest.remaining)));
    let reason = rest.map(|rest| text(&rest.reason));
    let sql = "INSERT INTO relays (id, seen_at, recoveries, rest, number, until, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at,
             recoveries = excluded.recoveries, rest = excluded.rest, number = excluded.number, until = excluded.until, reason = excluded.reason";
    transaction
        .change(sql, &[&told.relay, &now, &told.recoveries, &kind, &number, &until, &reason])
        .await?;
    let dead = now.saturating_sub(micros(HEARTBEAT_TTL));
    // Others may do the same at the same time; whoever comes second leaves it.
    let sql = "DELETE FROM relays WHERE id IN (
             SELECT id FROM relays WHERE seen_at < $1 FOR UPDATE SKIP LOCKED)";
    transaction.change(sql, &[&dead]).await?;
    let sql = "SELECT id, rest, number, until, reason, recoveries FROM relays
         WHERE id <> $1 AND seen_at >= $2 ORDER BY id";
    let rows = transaction.rows(sql, &[&told.relay, &dead]).await?;
    rows.iter()
        .map(|row| {
            let word: Option<String> = row.try_get(1)?;
            // A kind that only a newer version knows isn't heard.
            let kind = word.and_then(|word| word.parse().ok());
            let number: Option<i64> = row.try_get(2)?;
            let until: Option<i64> = row.try_get(3)?;
            let reason: Option<String> = row.try_get(4)?;
            let rest = kind.map(|kind| Outage {
                kind,
                number: number.unwrap_or(0),
                remaining: duration(until.unwrap_or(now).saturating_sub(now)),
                reason: reason.unwrap_or_default(),
            });
            Ok(PeerStatus { relay: row.try_get(0)?, recoveries: row.try_get(5)?, rest })
        })
        .collect()
}

async fn leave(transaction: &Transaction, relay: Uuid) -> Result<(), Fault> {
    transaction.change("DELETE FROM relays WHERE id = $1", &[&relay]).await?;
    transaction.change("DELETE FROM jobs WHERE relay = $1", &[&relay]).await?;
    Ok(())
}

async fn take_job(
    transaction: &Transaction,
    job: ExclusiveJob,
    relay: Uuid,
    lasts: Duration,
    now: Time,
) -> Result<bool, Fault> {
    let now = now.micros().saturating_add(transaction.ahead_of(now));
    let until = now.saturating_add(micros(lasts));
    let sql = "INSERT INTO jobs (name, relay, until) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET relay = excluded.relay, until = excluded.until
         WHERE jobs.relay = excluded.relay OR jobs.until <= $4";
    Ok(transaction.change(sql, &[&job.label(), &relay, &until, &now]).await? == 1)
}
