//! Classes: how urgent calls and lanes are.
//!
//! What belongs here: the numbers that columns hold, and what changes a lane's class other than new
//! calls. What doesn't: the order in which lanes are leased (`lanes`).

use crate::domain::{Call, Class, Destination, Identifier};
use crate::store::record;

use super::deliveries::NewCall;
use super::fault::Fault;
use super::transaction::Transaction;
use super::value::text;

/// The number of the class page.
pub(super) const PAGE: i16 = 2;

/// Calls that one raise reaches at most.
const RAISED: i64 = 1_000;

/// Returns the number of calls that lead a way and have a class; less is more urgent.
pub(super) fn rank(way: Destination, class: Class) -> i16 {
    match (way, class) {
        (Destination::CustomerIo, Class::Live) => 0,
        (Destination::CustomerIo, Class::History) => 1,
        (Destination::CustomerIo, Class::Page) => PAGE,
        (Destination::GrowSurf, _) => 3,
    }
}

/// Returns the class of a number. Lanes to GrowSurf have only one.
pub(super) fn class(rank: i16) -> Class {
    match rank {
        1 => Class::History,
        PAGE => Class::Page,
        _ => Class::Live,
    }
}

/// Returns the numbers of the lanes that lead a way, in the order they are served.
pub(super) fn ranks(way: Destination, page: bool) -> &'static [i16] {
    match (way, page) {
        (Destination::CustomerIo, true) => &[0, 1, PAGE],
        (Destination::CustomerIo, false) => &[0, 1],
        (Destination::GrowSurf, _) => &[3],
    }
}

/// Returns the SQL of the class that a lane has after some of its calls went: that of its most urgent
/// pending call. Only a lane that is more urgent than those of pages can have fallen.
pub(super) fn fallen() -> &'static str {
    "CASE
         WHEN lanes.class >= 2 OR EXISTS (
             SELECT 1 FROM deliveries
             WHERE lane = lanes.id AND state = 0 AND deliveries.class = lanes.class
         ) THEN lanes.class
         WHEN lanes.class = 0 AND EXISTS (
             SELECT 1 FROM deliveries WHERE lane = lanes.id AND state = 0 AND deliveries.class = 1
         ) THEN 1
         ELSE 2 END"
}

/// The visitors that some new calls join with people, and the class of each join.
#[derive(Default)]
pub(super) struct Joins {
    visitors: Vec<String>,
    classes: Vec<i16>,
}

impl Joins {
    /// Finds the joins among new calls.
    pub(super) fn of(calls: &[NewCall<'_>]) -> Self {
        let mut joins = Self::default();
        for new in calls {
            if let Call::Join { anonymous_id, .. } = new.call {
                joins.add(&Identifier::Anonymous(anonymous_id.clone()), new.class);
            }
        }
        joins
    }

    /// Adds a visitor.
    pub(super) fn add(&mut self, visitor: &Identifier, class: Class) {
        self.visitors.push(text(&record::column(visitor)));
        self.classes.push(rank(Destination::CustomerIo, class));
    }

    /// Holds the visitors' lanes and others until the commit, in their order, so that no two
    /// transactions wait for each other.
    pub(super) async fn hold(
        &self,
        transaction: &Transaction,
        others: impl Iterator<Item = i64>,
    ) -> Result<(), Fault> {
        if self.visitors.is_empty() {
            return Ok(());
        }
        let others: Vec<i64> = others.collect();
        let sql = "SELECT id FROM lanes WHERE id = ANY ($1)
                 OR id IN (SELECT id FROM people WHERE identifier = ANY ($2))
             ORDER BY id FOR UPDATE";
        transaction.rows(sql, &[&others, &self.visitors]).await?;
        Ok(())
    }

    /// Makes the visitors' pending calls as urgent as the joins that wait for them. The lanes are held.
    pub(super) async fn raise(&self, transaction: &Transaction) -> Result<(), Fault> {
        if self.visitors.is_empty() {
            return Ok(());
        }
        let sql = "WITH own AS (
                 SELECT lanes.id, MIN(it.class) AS class
                 FROM unnest($1::text[], $2::smallint[]) AS it (identifier, class)
                 JOIN people ON people.identifier = it.identifier
                 JOIN lanes ON lanes.id = people.id
                 WHERE due_at IS NOT NULL AND lanes.class > it.class AND lanes.class < 3
                 GROUP BY lanes.id
             ), lane AS (
                 UPDATE lanes SET class = own.class FROM own WHERE lanes.id = own.id
             )
             UPDATE deliveries SET class = own.class
             FROM own CROSS JOIN LATERAL (
                 SELECT id FROM deliveries AS it
                 WHERE it.lane = own.id AND state = 0 AND it.class > own.class
                 ORDER BY seq LIMIT $3
             ) AS waiting
             WHERE deliveries.id = waiting.id";
        transaction.change(sql, &[&self.visitors, &self.classes, &RAISED]).await?;
        Ok(())
    }
}

/// See [`Fetching::raise`](crate::store::Fetching::raise).
pub(super) async fn raise(
    transaction: &Transaction,
    identifier: &Identifier,
    class: Class,
) -> Result<(), Fault> {
    let mut joins = Joins::default();
    joins.add(identifier, class);
    joins.hold(transaction, std::iter::empty()).await?;
    joins.raise(transaction).await
}
