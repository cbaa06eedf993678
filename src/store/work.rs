//! Use cases: each written once, over the unit of work.
//!
//! What belongs here and below: the rules of the contract, as work in one transaction. What doesn't: SQL
//! and engines, which are in the backends.

mod accept;
mod append;
mod audit;
mod batch;
mod claim;
mod classes;
mod cluster;
mod effects;
mod erase;
mod finding;
mod head;
mod lanes;
mod letters;
mod meta;
mod naming;
mod participants;
mod planned;
mod preview;
mod pruning;
mod references;
mod settle;

pub(super) use accept::{Accept, Item, Origin};
pub(super) use audit::{AddTraffic, ListAudit, PruneAudit, ReadTraffic, Record};
pub(super) use claim::Claim;
pub(super) use cluster::{HasRelays, Heartbeat, Leave, TakeJob};
pub(super) use effects::{FindEffect, PruneMessages};
pub(super) use erase::{cancel_pending, erase, find_subject};
pub(super) use finding::{
    FindNewest, FindPeople, ListCalls, ListCampaigns, ListMentions, ListParked, ListRecent,
    ListWaiting, Measure, ReadLanes, ReadPerson, ReadWebhook, ShowWebhook,
};
pub(super) use lanes::{HasPending, NextDue, Raise, ReleaseLanes, ReleaseWait, ShiftDueTimes};
pub(super) use letters::{ListLetters, RedeliverNoting, ShowLetter, discard, redeliver};
pub(super) use meta::{
    OpenSecret, ReadDestinations, ReadNote, ReadPruned, ReadStats, Remember, UpdateNote,
};
pub(super) use participants::ListParticipants;
pub(super) use preview::{FindPerson, Preview, TombstoneCheck};
pub(super) use pruning::{ReadInbox, discard_parked, prune};
pub(super) use settle::SettleLeases;
