//! Forgetting a person: the part of the contract by which somebody is erased, and its values.
//!
//! What belongs here: what the store erases and in which steps. What doesn't: erasing them at the
//! destination, which the use case does between the steps.

use std::collections::BTreeMap;

use crate::domain::{Email, ErasureSubject, Identifier, PersonId, Time};

use super::engine::Backend;
use super::rows::{DEAD, DELIVERED};
use super::work::{cancel_pending, erase, find_subject};
use super::{Store, StoreError};

/// Erases a person from the store, so that nothing brings them back.
///
/// The steps are [`find_subject`](Self::find_subject), [`cancel_pending`](Self::cancel_pending) until nothing is under way, and
/// [`erase`](Self::erase). Each can be repeated, and so can all of them: until the last one has
/// ended the person is found by the same address.
impl Store {
    /// Who has this address or had it, and every trace of them. It looks through all people.
    pub async fn find_subject(&self, email: &Email) -> Result<ErasureTarget, StoreError> {
        find_subject(self, email).await
    }

    /// Removes the calls to them that wait, and their dead letters. Goes in pieces. Calls that are
    /// under way, all that their lease carries, stay so, and its settlement changes nothing else.
    pub async fn cancel_pending(
        &self,
        target: &ErasureTarget,
        now: Time,
    ) -> Result<CancelResult, StoreError> {
        cancel_pending(self, target, now).await
    }

    /// Erases them: their record, lane, calls and attempts; their part of every webhook; and what
    /// others' records and calls tell of them. The hashes of effects and webhooks stay.
    ///
    /// From then on a tombstone, a keyed hash with the time, stops whatever tells of them again:
    /// their participant ids for ever, their addresses for whoever joined before. It leads to
    /// nothing and is kept without them.
    ///
    /// Goes in pieces; the one that takes the person sets the tombstones. What is erased is
    /// overwritten, and doesn't stay behind in unused parts of the storage.
    pub async fn erase(&self, target: &ErasureTarget, now: Time) -> Result<Erased, StoreError> {
        erase(self, target, now).await
    }

    /// Overwrites what erased rows leave behind; true if it could.
    pub(super) async fn overwrite_erased(&self) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::File(file) => file.overwrite_erased().await,
            Backend::Server(server) => Ok(server.vacuum().await),
            #[cfg(test)]
            Backend::Memory(_) => Ok(true),
        }
    }
}

/// Somebody who is to be forgotten, as the store knows them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErasureTarget {
    /// Who they are in the store, and how Customer.io knows them; empty if the store has nobody.
    pub people: BTreeMap<PersonId, Identifier>,
    /// What names them.
    pub forgotten: ErasureSubject,
}

/// What became of the calls to somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CancelResult {
    /// What was removed.
    pub erased: Erased,
    /// When the lease of calls that are under way ends, if any are.
    pub under_way: Option<Time>,
}

/// How much was erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Erased {
    /// Records of the person.
    pub people: u64,
    /// Participants that the person was.
    pub participants: u64,
    /// Calls to the person that were waiting.
    pub pending: u64,
    /// Calls to the person that were delivered and are kept; a store needn't keep all of them.
    pub delivered: u64,
    /// Dead letters of the person.
    pub dead: u64,
    /// Attempts to deliver to the person.
    pub attempts: u64,
    /// Webhooks that named the person, whose bodies were removed.
    pub bodies: u64,
    /// Calls to others that lost what named the person.
    pub calls_of_others: u64,
    /// Records of others that lost what named the person.
    pub people_of_others: u64,
    /// Parked webhooks whose bodies can't be decoded, so that it is unknown if they tell of the
    /// person. They stay, and end with `store.keep_parked`.
    pub unreadable: u64,
    /// Tombstones that the store has of the person now.
    pub tombstones: u64,
    /// Whether the log beside the file, which holds older states, was emptied as well.
    pub log_emptied: bool,
}

impl Erased {
    /// Counts the deliveries of a row that was removed; its dead letters are counted by themselves. `has_identify` is true
    /// if there is one that isn't a dead letter, `call_is_gone` if the row's own call is one or was put back.
    pub(super) fn count_row(&mut self, state: i16, has_identify: bool, call_is_gone: bool) {
        match state {
            DELIVERED => self.delivered += 1 + u64::from(has_identify),
            DEAD => self.delivered += u64::from(!call_is_gone),
            _ => self.pending += 1 + u64::from(has_identify),
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            people: self.people + other.people,
            participants: self.participants + other.participants,
            pending: self.pending + other.pending,
            delivered: self.delivered + other.delivered,
            dead: self.dead + other.dead,
            attempts: self.attempts + other.attempts,
            bodies: self.bodies + other.bodies,
            calls_of_others: self.calls_of_others + other.calls_of_others,
            people_of_others: self.people_of_others + other.people_of_others,
            unreadable: self.unreadable + other.unreadable,
            tombstones: self.tombstones + other.tombstones,
            log_emptied: self.log_emptied || other.log_emptied,
        }
    }
}
