//! The unit of work: what a use case needs of one transaction of a backend.
//!
//! What belongs here and below: bulk reads by key, a trait for each group of tables, and their guarantees. What
//! doesn't: rules (`work`), rows (`rows`), and SQL, which is in the backends.
//!
//! A read that *holds* a row keeps other transactions from changing it until this one ends. SQLite has one
//! writer at a time, so every read in a writing transaction holds there. Postgres reads what is committed
//! at each statement, so a use case decides only by rows that it holds. It holds them in one order
//! everywhere: webhooks, people, then lanes, each by number. So no two transactions wait for each other.
//!
//! A unit on SQLite never waits: its futures are ready at once, and [`at_once`] gives their result to the
//! thread that polls them.

mod reads;

use std::sync::Arc;

use futures_util::FutureExt;

use crate::domain::Time;

use super::StoreError;
use super::rows::Changes;

pub use reads::{
    AuditRows, CallRows, Deliveries, Entries, FoundRecords, Hash, HeldLane, Hold, InboxRows, Kept,
    LaneRows, Letters, MetaRows, PeopleRows, PlanKeys,
};

/// One transaction of a backend, whole: the base and the reads of every group of tables.
pub trait Unit: AuditRows + CallRows + InboxRows + LaneRows + MetaRows + PeopleRows {}

impl<T: AuditRows + CallRows + InboxRows + LaneRows + MetaRows + PeopleRows> Unit for T {}

/// The base of a unit of work.
#[trait_variant::make(Send)]
pub trait UnitBase {
    /// The backend's error.
    type Fault: UnitFault;

    /// Writes changes. Postgres sends all statements at once and then waits for them.
    ///
    /// # Errors
    /// A conflict if another transaction wrote one of the rows first.
    async fn write(&mut self, changes: Changes) -> Result<(), Self::Fault>;

    /// Undoes everything that this unit has written.
    async fn undo(&mut self) -> Result<(), Self::Fault>;

    /// Returns how far the clock of lanes is ahead of the caller's, in microseconds. Relays that share a
    /// Postgres server share its clock.
    fn clock_skew(&self, now: Time) -> i64;

    /// True if the clock of lanes isn't the caller's, so that setting that one back moves no lane.
    fn has_own_clock(&self) -> bool;

    /// Returns a time of the caller's by the clock of lanes, where `now` is the present one.
    fn by_lanes(&self, time: Time, now: Time) -> i64 {
        time.micros().saturating_add(self.clock_skew(now))
    }
}

/// An error of a backend, as far as use cases read it.
pub trait UnitFault: From<StoreError> + std::fmt::Display + Send {
    /// Returns the error of work that another transaction was in the way of, before it has written anything.
    /// It is done again.
    fn conflict() -> Self;
}

/// A use case: work in one transaction. It may run again from the beginning, if another transaction was in
/// its way or shared a commit that failed.
#[trait_variant::make(Send)]
pub trait Work: Sync + 'static {
    /// The result of the transaction, once it is committed.
    type Output: Send + 'static;

    /// Does the work.
    ///
    /// # Errors
    /// The errors of the unit. Then nothing of the transaction is kept.
    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Self::Output, U::Fault>;
}

/// Does a short use case with some values, of these types: `use_case!(self.read("doing"), [name: Type] -> Output, |unit|
/// work)`.
macro_rules! use_case {
    ($store:ident.$way:ident($doing:expr), [$($value:ident: $kind:ty),*] -> $output:ty, |$unit:ident| $work:expr) => {{
        struct UseCase { $($value: $kind),* }
        impl $crate::store::unit::Work for UseCase {
            type Output = $output;

            async fn run<U: $crate::store::unit::Unit>(
                &self,
                $unit: &mut U,
            ) -> Result<$output, U::Fault> {
                let Self { $($value),* } = self;
                $work
            }
        }
        $store.$way($doing, UseCase { $($value),* }).await
    }};
}

pub(super) use use_case;

impl<W: Work> Work for Arc<W> {
    type Output = W::Output;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<W::Output, U::Fault> {
        (**self).run(unit).await
    }
}

/// Returns the result of work on a unit that never waits.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("this unit never waits")
}
