//! Use cases: each written once, over the unit of work.
//!
//! What belongs here and below: the rules of the contract, as work in one transaction. What doesn't: SQL
//! and engines, which are in the backends.

mod accept;
mod append;
mod batch;
mod classes;
mod effects;
mod lanes;
mod meta;
mod notes;
mod participants;
mod planned;
mod preview;
mod pruning;

pub(super) use accept::{Accept, Item, Origin};
pub(super) use append::{NewDelivery, append};
pub(super) use classes::{PAGE, class, ranks};
pub(super) use effects::{FindEffect, PruneMessages};
pub(super) use lanes::{HasPending, Raise};
pub(super) use meta::{OpenSecret, ReadDestinations, ReadPruned, ReadStats, Remember};
pub(super) use notes::{ReadNote, UpdateNote};
pub(super) use participants::ListParticipants;
pub(super) use preview::{FindPerson, Preview, TombstoneCheck};
pub(super) use pruning::{ReadInbox, prune};
