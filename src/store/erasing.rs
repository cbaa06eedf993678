//! Erasing a person: the values of that part of the contract.
//!
//! What belongs here: the values, and how each backend overwrites. What doesn't: the steps (`work::erase`), and erasing
//! at the destination, which the use case does between them.

use std::collections::BTreeMap;

use crate::domain::{ErasureSubject, LaneKey, PersonId, Time};

use super::engine::Backend;
use super::rows::{DEAD, DELIVERED};
use super::{Store, StoreError};

impl Store {
    /// Overwrites what erased rows leave behind; true if it could.
    pub(super) async fn overwrite_erased(&self) -> Result<bool, StoreError> {
        match &*self.backend {
            Backend::File(file) => file.overwrite_erased().await,
            Backend::Server(server) => Ok(server.vacuum().await),
            #[cfg(test)]
            Backend::Memory(_) => Ok(true),
        }
    }
}

/// A person who is to be erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErasureTarget {
    /// The person's records, and the lane key of each; empty if the store has none.
    pub people: BTreeMap<PersonId, LaneKey>,
    /// All that names the person.
    pub subject: ErasureSubject,
}

/// The effect of cancelling a person's calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CancelResult {
    /// The rows that were removed.
    pub erased: Erased,
    /// The end of the lease of calls that are under way, if any are.
    pub under_way: Option<Time>,
}

/// The number of rows that were erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Erased {
    /// Records of the person.
    pub people: u64,
    /// Participants that the person was.
    pub participants: u64,
    /// Pending calls to the person.
    pub pending: u64,
    /// Delivered calls to the person that were kept.
    pub delivered: u64,
    /// Dead letters of the person.
    pub dead: u64,
    /// Attempts to deliver to the person.
    pub attempts: u64,
    /// Webhooks that named the person, whose bodies were removed.
    pub bodies: u64,
    /// Calls to others that named the person, and don't any more.
    pub calls_of_others: u64,
    /// Records of others that named the person, and don't any more.
    pub people_of_others: u64,
    /// Parked webhooks whose bodies can't be decoded and may name the person. They end with
    /// `store.keep_parked`.
    pub unreadable: u64,
    /// Tombstones of the person.
    pub tombstones: u64,
    /// True if the log beside the file, which holds older states, was emptied as well.
    pub log_emptied: bool,
}

impl Erased {
    /// Counts the deliveries of a removed row but for its dead letters. `has_identify` is true if there is an
    /// identify that isn't one, `call_is_gone` if the row's own call is one or was put back.
    pub(super) fn count_row(&mut self, state: i16, has_identify: bool, call_is_gone: bool) {
        match state {
            DELIVERED => self.delivered += 1 + u64::from(has_identify),
            DEAD => self.delivered += u64::from(!call_is_gone),
            _ => self.pending += 1 + u64::from(has_identify),
        }
    }

    /// Returns the sum.
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
