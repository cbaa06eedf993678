//! Dead letters: listed, shown, put back, thrown away.
//!
//! What belongs here: what operators do with them. What doesn't: how a delivery dies (`settle`).
//! Putting back and throwing away go in pieces, each a transaction, so that nobody is kept waiting
//! by a hundred thousand of them; what a piece has done needn't be done again.

use tokio_postgres::Row;

use crate::domain::{Call, Class, DeliveryId, LaneId, Person, Planner, Time, WebhookId};
use crate::store::rows::{Changes, Counters};
use crate::store::unit::UnitBase;
use crate::store::work::{self, NewDelivery, append};
use crate::store::{DeadLetter, PastAttempt, record};

use super::deliveries::{COLUMNS, Waiting, duration};
use super::fault::Fault;
use super::tables::{self, meta::count};
use super::transaction::Transaction;
use super::value::number;

/// How many of them one transaction takes on.
pub(super) const PIECE: usize = 500;

fn letters(and: &str) -> String {
    format!(
        "SELECT {COLUMNS}, people.identifier, died_at, reason, field
         FROM dead_letters
         JOIN deliveries AS it ON it.id = dead_letters.delivery
         JOIN people ON people.id = it.lane
         WHERE {and}"
    )
}

/// See [`Store::dead_letters`](crate::store::Store::dead_letters).
pub(super) async fn list(
    transaction: &Transaction,
    before: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, Fault> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let sql = letters("dead_letters.delivery < $1 ORDER BY dead_letters.delivery DESC LIMIT $2");
    let rows = transaction.rows(&sql, &[&before, &number(limit)]).await?;
    rows.iter().map(letter).collect()
}

/// See [`Store::dead_letter`](crate::store::Store::dead_letter).
pub(super) async fn show(
    transaction: &Transaction,
    id: DeliveryId,
) -> Result<Option<(DeadLetter, Vec<PastAttempt>)>, Fault> {
    let row = transaction.row(&letters("dead_letters.delivery = $1"), &[&id.0]).await?;
    let Some(row) = row else { return Ok(None) };
    let sql = "SELECT at, took, http_status, outcome, reason FROM attempts
         WHERE delivery = $1 ORDER BY id";
    let rows = transaction.rows(sql, &[&id.0]).await?;
    let attempts = rows.iter().map(|row| {
        let status: Option<i32> = row.try_get(2)?;
        Ok::<_, Fault>(PastAttempt {
            at: Time::from_micros(row.try_get(0)?),
            took: duration(row.try_get(1)?),
            http_status: status.and_then(|status| u16::try_from(status).ok()),
            outcome: row.try_get(3)?,
            reason: row.try_get(4)?,
        })
    });
    Ok(Some((letter(&row)?, attempts.collect::<Result<_, _>>()?)))
}

fn letter(row: &Row) -> Result<DeadLetter, Fault> {
    let waiting = Waiting::of(row)?;
    let lane = waiting.lane;
    let mut delivery = waiting.read()?;
    // The clock of giving up is of no use any more.
    delivery.failing_since = None;
    Ok(DeadLetter {
        delivery,
        lane,
        identifier: record::identifier(row.try_get(9)?)?,
        died_at: Time::from_micros(row.try_get(10)?),
        reason: row.try_get(11)?,
        field: row.try_get(12)?,
    })
}

/// The next piece of all dead letters after one of them, oldest first.
pub(super) async fn after(
    transaction: &Transaction,
    last: DeliveryId,
) -> Result<Vec<DeliveryId>, Fault> {
    let sql = "SELECT delivery FROM dead_letters WHERE delivery > $1 ORDER BY delivery LIMIT $2";
    let rows = transaction.rows(sql, &[&last.0, &number(PIECE)]).await?;
    rows.iter().map(|row| Ok(DeliveryId(row.try_get(0)?))).collect()
}

/// A dead letter that was taken.
struct Taken {
    lane: LaneId,
    webhook: Option<WebhookId>,
    planned_at: Time,
    call: Call,
    class: Class,
    person: Person,
}

/// Ends those of `ids` that are dead letters, with their rows.
async fn take(transaction: &Transaction, ids: &[DeliveryId]) -> Result<Vec<Taken>, Fault> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    // In the order of the ids, so that a person's calls keep theirs.
    let sql =
        "SELECT delivery FROM dead_letters WHERE delivery = ANY ($1) ORDER BY delivery FOR UPDATE";
    let rows = transaction.rows(sql, &[&ids]).await?;
    let held: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let sql = format!(
        "SELECT {COLUMNS}, people.id, people.identifier, people.state
         FROM deliveries AS it JOIN people ON people.id = it.lane
         WHERE it.id = ANY ($1) ORDER BY it.id"
    );
    let mut taken = Vec::new();
    for row in transaction.rows(&sql, &[&held]).await? {
        let waiting = Waiting::of(&row)?;
        let lane = waiting.lane;
        let delivery = waiting.read()?;
        let person = record::person(row.try_get(9)?, row.try_get(10)?, row.try_get(11)?)?;
        taken.push(Taken {
            lane,
            webhook: delivery.webhook,
            planned_at: delivery.planned_at,
            call: delivery.call,
            // Whoever puts it back doesn't want it to wait behind a backfill.
            class: match work::class(row.try_get(8)?) {
                Class::Page => Class::Page,
                Class::Live | Class::History => Class::Live,
            },
            person,
        });
    }
    for sql in [
        "DELETE FROM dead_letters WHERE delivery = ANY ($1)",
        "DELETE FROM attempts WHERE delivery = ANY ($1)",
        "DELETE FROM deliveries WHERE id = ANY ($1)",
    ] {
        transaction.change(sql, &[&held]).await?;
    }
    count(transaction, Counters { dead: -number(held.len()), ..Counters::default() }).await?;
    Ok(taken)
}

/// Puts those of `ids` that are dead letters back at the end of their lanes. An identify carries the
/// present profile, so that it takes nothing back.
pub(super) async fn redeliver(
    transaction: &Transaction,
    planner: &dyn Planner,
    ids: &[DeliveryId],
    now: Time,
) -> Result<usize, Fault> {
    let mut taken = take(transaction, ids).await?;
    for Taken { call, person, .. } in &mut taken {
        if let Call::Identify { attributes } = call {
            *attributes = planner.profile(person);
        }
    }
    let due_at = transaction.by_lanes(now, now);
    let mut changes = Changes::default();
    let new =
        taken.iter().map(|Taken { lane, webhook, planned_at, call, class, .. }| NewDelivery {
            lane: *lane,
            webhook: *webhook,
            class: *class,
            call,
            planned_at: *planned_at,
            due_at,
        });
    append(&mut changes, new)?;
    tables::write(transaction, &changes).await?;
    Ok(taken.len())
}

/// Removes those of `ids` that are dead letters.
pub(super) async fn discard(transaction: &Transaction, ids: &[DeliveryId]) -> Result<usize, Fault> {
    Ok(take(transaction, ids).await?.len())
}
