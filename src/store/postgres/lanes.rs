//! Lanes: leasing them from the head, and when one is due.
//!
//! What belongs here: claiming, and what makes lanes due. What doesn't: taking calls in
//! (`deliveries`) and what comes of a lease (`settle`). Due times and ends of leases are by the
//! server's clock, which all relays share; what comes in and goes out is by the caller's.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures_util::try_join;

use crate::domain::{Class, Destination, Identifier, LaneId, Leased, Time};
use crate::store::head::{ClaimBudget, Head};
use crate::store::work::{PAGE, class, ranks};
use crate::store::{ClaimRequest, record};

use super::deliveries::{COLUMNS, Waiting, micros};
use super::fault::Fault;
use super::transaction::Transaction;
use super::value::number;

/// Calls that are read of a lane at first. Few lanes hold more, and of most only the first go.
const FEW: usize = 12;

/// Calls that are read of a lane whose run goes on behind the first.
const MANY: usize = 500;

/// A lane that may be leased, held until the commit.
struct Due {
    lane: i64,
    token: i64,
    class: Class,
}

/// See [`Store::claim`](crate::store::Store::claim).
pub(super) async fn claim(
    transaction: &Transaction,
    claim: &ClaimRequest,
) -> Result<Vec<Leased>, Fault> {
    let ahead = transaction.ahead_of(claim.now);
    let due = due_lanes(transaction, claim, claim.now.micros().saturating_add(ahead)).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let lanes: Vec<i64> = due.iter().map(|due| due.lane).collect();
    let (mut waiting, identifiers) =
        try_join!(waiting(transaction, &lanes, FEW), identifiers(transaction, &lanes))?;
    // They are all of the class page, or none is.
    let is_page = claim.lane.is_none() && due.iter().any(|due| due.class == Class::Page);
    let mut room = if is_page { claim.calls.min(claim.page) } else { claim.calls };
    let (mut leases, mut leased) = (Vec::new(), Leasing::default());
    let until = claim.until.micros().saturating_add(ahead);
    for Due { lane, token, class } in due {
        if room == 0 {
            break;
        }
        let first = waiting.remove(&lane).unwrap_or_default();
        let is_visitor = identifiers.get(&lane).is_some_and(|it| it.starts_with(record::VISITOR));
        let head = match choose(first, FEW, claim, (room, is_visitor)) {
            Some(head) => head,
            None => {
                let more = self::waiting(transaction, &[lane], MANY).await?.remove(&lane);
                let head = choose(more.unwrap_or_default(), usize::MAX, claim, (room, is_visitor));
                head.expect("a list without an end is chosen from")
            }
        };
        leased.add(lane, (!head.give.is_empty()).then_some(until));
        if head.give.is_empty() {
            continue;
        }
        room = room.saturating_sub(head.give.len());
        match read((lane, token + 1, class), identifiers.get(&lane), head) {
            Ok(lease) => leases.push(lease),
            // Were this an error, one row would stop all lanes. So the lane stays leased to
            // nobody, and is looked at again when the lease ends, perhaps by a newer version.
            Err(error) => tracing::error!(lane.id = lane, %error, "a lane can't be read"),
        }
    }
    leased.write(transaction).await?;
    Ok(leases)
}

async fn due_lanes(
    transaction: &Transaction,
    claim: &ClaimRequest,
    now: i64,
) -> Result<Vec<Due>, Fault> {
    let mut due = Vec::new();
    let mut add = |rows: Vec<tokio_postgres::Row>| -> Result<usize, Fault> {
        for row in rows {
            let (lane, token) = (row.try_get(0)?, row.try_get(1)?);
            due.push(Due { lane, token, class: class(row.try_get(2)?) });
        }
        Ok(due.len())
    };
    if let Some(lane) = claim.lane {
        let sql = "SELECT id, token, class FROM lanes
             WHERE id = $1 AND due_at IS NOT NULL AND (NOT leased OR due_at <= $2)
             FOR UPDATE SKIP LOCKED";
        add(transaction.rows(sql, &[&lane.0, &now]).await?)?;
        return Ok(due);
    }
    let mut found = 0;
    for &class in ranks(claim.way, claim.page > 0) {
        if class == PAGE && found > 0 {
            break;
        }
        let room = number(claim.calls - found);
        if room > 0 {
            let sql = "SELECT id, token, class FROM lanes WHERE class = $1 AND due_at <= $2
                 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED";
            found = add(transaction.rows(sql, &[&class, &now, &room]).await?)?;
        }
    }
    Ok(due)
}

async fn waiting(
    transaction: &Transaction,
    lanes: &[i64],
    limit: usize,
) -> Result<HashMap<i64, VecDeque<Waiting>>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM unnest($1::bigint[]) AS wanted (lane)
         CROSS JOIN LATERAL (
             SELECT * FROM deliveries WHERE deliveries.lane = wanted.lane AND state = 0
             ORDER BY seq LIMIT $2
         ) AS it"
    );
    let mut waiting: HashMap<i64, VecDeque<Waiting>> = HashMap::new();
    for row in transaction.rows(&sql, &[&lanes.to_vec(), &number(limit)]).await? {
        let call = Waiting::of(&row)?;
        waiting.entry(call.lane.0).or_default().push_back(call);
    }
    Ok(waiting)
}

async fn identifiers(
    transaction: &Transaction,
    lanes: &[i64],
) -> Result<HashMap<i64, String>, Fault> {
    let sql = "SELECT id, identifier FROM people WHERE id = ANY ($1)";
    let rows = transaction.rows(sql, &[&lanes.to_vec()]).await?;
    rows.into_iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// What goes of these calls, of which so many were asked for; `None` if that depends on more.
fn choose(
    mut calls: VecDeque<Waiting>,
    asked: usize,
    claim: &ClaimRequest,
    (calls_at_most, is_visitor): (usize, bool),
) -> Option<Head<Waiting>> {
    let there_may_be_more = calls.len() == asked;
    let mut ended = false;
    let next = || -> Result<_, std::convert::Infallible> {
        let call = calls.pop_front();
        ended |= call.is_none();
        Ok(call)
    };
    let ClaimRequest { in_turn, old_before, .. } = *claim;
    let room = ClaimBudget { calls: calls_at_most, in_turn, old_before, is_visitor };
    let Ok(head) = Head::choose(room, next);
    (!ended || !there_may_be_more).then_some(head)
}

fn read(
    (lane, token, class): (i64, i64, Class),
    identifier: Option<&String>,
    head: Head<Waiting>,
) -> Result<Leased, crate::store::StoreError> {
    let column = identifier.map(String::as_str).unwrap_or_default();
    let identifier: Identifier = record::identifier(column)?;
    let Head { give, in_turn, superseded } = head;
    let deliveries = give.into_iter().map(Waiting::read).collect::<Result<_, _>>()?;
    Ok(Leased { lane: LaneId(lane), token, class, identifier, deliveries, in_turn, superseded })
}

/// What becomes of lanes that were looked at.
#[derive(Default)]
struct Leasing {
    lanes: Vec<i64>,
    until: Vec<Option<i64>>,
}

impl Leasing {
    /// It is leased until a time; or it turned out to be empty.
    fn add(&mut self, lane: i64, until: Option<i64>) {
        self.lanes.push(lane);
        self.until.push(until);
    }

    async fn write(&self, transaction: &Transaction) -> Result<(), Fault> {
        let sql = "UPDATE lanes
             SET token = token + 1, leased = it.until IS NOT NULL, due_at = it.until,
                 class = CASE WHEN it.until IS NULL THEN GREATEST(class, 2) ELSE class END
             FROM unnest($1::bigint[], $2::bigint[]) AS it (id, until) WHERE lanes.id = it.id";
        transaction.change(sql, &[&self.lanes, &self.until]).await?;
        Ok(())
    }
}

/// See [`Store::next_due`](crate::store::Store::next_due).
pub(super) async fn next_due(
    transaction: &Transaction,
    way: Destination,
    page: bool,
    now: Time,
) -> Result<Option<Time>, Fault> {
    // One look into each part of the index; a minimum over several would read all of it.
    let sql = "SELECT MIN(due_at) FROM unnest($1::smallint[]) AS own (class)
         CROSS JOIN LATERAL (
             SELECT MIN(due_at) AS due_at FROM lanes
             WHERE lanes.class = own.class AND due_at IS NOT NULL
         ) AS it";
    let row = transaction.row(sql, &[&ranks(way, page).to_vec()]).await?;
    let due: Option<i64> = row.map(|row| row.try_get(0)).transpose()?.flatten();
    let ahead = transaction.ahead_of(now);
    Ok(due.map(|due| Time::from_micros(due.saturating_sub(ahead))))
}

/// Makes every leased lane due; the caller knows that nobody delivers.
pub(super) async fn release_all(transaction: &Transaction, now: Time) -> Result<usize, Fault> {
    let now = now.micros().saturating_add(transaction.ahead_of(now));
    let sql = "UPDATE lanes SET leased = false, due_at = $1 WHERE leased AND due_at IS NOT NULL";
    let released = transaction.change(sql, &[&now]).await?;
    Ok(usize::try_from(released).unwrap_or(usize::MAX))
}

/// Moves what waits along with a caller's clock that was set back. Where the server's clock rules
/// there is nothing to move.
pub(super) async fn set_back(
    transaction: &Transaction,
    way: Destination,
    by: Duration,
    now: Time,
) -> Result<(), Fault> {
    if transaction.is_ruled_by_server() {
        return Ok(());
    }
    let sql = "UPDATE lanes SET due_at = GREATEST(due_at - $1, $2)
         WHERE due_at > $2 AND NOT leased AND class = ANY ($3)";
    transaction.change(sql, &[&micros(by), &now.micros(), &ranks(way, true).to_vec()]).await?;
    Ok(())
}
