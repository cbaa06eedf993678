//! Use cases: each written once, over the unit of work.
//!
//! What belongs here and below: the rules of the contract, as work in one transaction. What doesn't: SQL
//! and engines, which are in the backends.

mod append;
mod classes;
mod lanes;
mod meta;
mod notes;

pub(super) use append::{NewDelivery, append};
pub(super) use classes::{PAGE, class, ranks};
pub(super) use lanes::{HasPending, Raise};
pub(super) use meta::{OpenSecret, ReadDestinations, ReadPruned, ReadStats, Remember};
pub(super) use notes::{ReadNote, UpdateNote};
