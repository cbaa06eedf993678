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
mod effects;
mod erase;
mod finding;
mod head;
mod lanes;
mod letters;
mod meta;
mod naming;
mod planned;
mod preview;
mod pruning;
mod references;
mod settle;

pub(super) use accept::{Accept, Item, Origin};
pub(super) use audit::{AddTraffic, ListAudit, PruneAudit, ReadTraffic, Record};
pub(super) use claim::Claim;
pub(super) use effects::{FindEffect, PruneMessages};
pub(super) use erase::{cancel_pending, erase, find_subject};
pub(super) use finding::{
    FindPeople, ListCampaigns, ListEntries, ListMentions, ListParticipants, ListWaiting, Measure,
    ReadLanes, ReadPerson, ReadWebhook, ShowWebhook,
};
pub(super) use lanes::{HasPending, NextDue, Raise, ReleaseLanes, ReleaseWait, ShiftDueTimes};
pub(super) use letters::{ListLetters, RedeliverNoting, ShowLetter, discard, redeliver};
pub(super) use meta::{
    OpenSecrets, ReadStats, ReadValues, Remember, Secrets, UpdateValue, ValueChange,
};
pub(super) use preview::Preview;
pub(super) use pruning::{ReadInbox, discard_parked, prune};
pub(super) use settle::SettleLeases;
