//! Erased people: a notification without them.
//!
//! What belongs here: distinguishing an erased participant from a new one of the same address. What doesn't: the
//! plan of what is left.
//!
//! An erased participant id stays erased. An erased address belongs to a new person if its participant joined
//! after the erasure. If the source has no time of joining, as the guide's shape, a later join shows it.
//! Until then, and in everything older, the address means the erased person.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::people::{participant, snapshot_keys};
use super::rules::Rules;
use crate::domain::{
    Email, ErasureKey, ErasureSubject, Event, Facts, Notification, ParticipantIndex,
    ParticipantKey, ReadKey, ReadSet, Scalar, Snapshot, Time, TimedEvent,
};

/// Returns the keys of the tombstones that [`leave_out`] reads.
pub fn keys(
    notification: &Notification,
    campaign: &str,
    read: &ReadSet,
    rules: &Rules,
) -> Vec<ReadKey> {
    if !read.has_tombstones() {
        return Vec::new();
    }
    let (received_at, known) = (Time::default(), read);
    let erasures = Erasures { notification, campaign, received_at, known, rules };
    erasures.tombstones().into_iter().map(ReadKey::Tombstone).collect()
}

/// Returns a notification without erased people, and who they are.
pub fn leave_out<'a>(
    notification: &'a Notification,
    campaign: &str,
    received_at: Time,
    known: &ReadSet,
    rules: &Rules,
) -> (Cow<'a, Notification>, ErasureSubject) {
    let mut erased = ErasureSubject::default();
    if !known.has_tombstones() {
        return (Cow::Borrowed(notification), erased);
    }
    let erasures = Erasures { notification, campaign, received_at, known, rules };
    let left_out: BTreeSet<usize> =
        (0..notification.people.len()).filter(|index| erasures.is_erased(*index)).collect();
    for index in &left_out {
        erased.add_snapshot(&notification.people[*index], campaign);
    }
    let mut people = Vec::with_capacity(notification.people.len());
    for (index, snapshot) in notification.people.iter().enumerate() {
        people.push(if left_out.contains(&index) {
            nobody(snapshot.field)
        } else {
            erasures.without_referrer(snapshot, &left_out, &mut erased)
        });
    }
    if erased.is_empty() {
        return (Cow::Borrowed(notification), erased);
    }
    let events = notification.events.iter().filter_map(|timed| without(timed, &left_out)).collect();
    (Cow::Owned(Notification { people, events, ..notification.clone() }), erased)
}

/// A notification, and what the store remembers.
struct Erasures<'a> {
    notification: &'a Notification,
    campaign: &'a str,
    received_at: Time,
    known: &'a ReadSet,
    rules: &'a Rules,
}

impl Erasures<'_> {
    /// Returns the keys of all tombstones of the notification's people and their referrers.
    fn tombstones(&self) -> BTreeSet<ErasureKey> {
        let keys = self.notification.people.iter().flat_map(|snapshot| {
            let own = [self.erasure_key(snapshot.id.as_deref()), address(&snapshot.email)];
            let (id, email) = snapshot.referrer();
            let email = email.map(ErasureKey::Address);
            own.into_iter().chain([self.erasure_key(id), email]).flatten()
        });
        keys.collect()
    }

    fn erasure_key(&self, id: Option<&str>) -> Option<ErasureKey> {
        Some(ErasureKey::Participant(ParticipantKey::new(self.campaign, id?)))
    }

    fn erased_at_of(&self, key: Option<ErasureKey>) -> Option<Time> {
        self.known.tombstone(&key?)
    }

    fn is_erased(&self, index: usize) -> bool {
        let snapshot = &self.notification.people[index];
        if self.erased_at_of(self.erasure_key(snapshot.id.as_deref())).is_some() {
            return true;
        }
        let Some(erased_at) = self.erased_at_of(address(&snapshot.email)) else { return false };
        let is_known = |key: ReadKey| self.known.person(&key).is_some();
        let by_id = snapshot.id.as_deref().map(|id| participant(self.campaign, id));
        if by_id.is_some_and(is_known) {
            // The store has nobody from before the erasure.
            return false;
        }
        if let Some(joined_at) = snapshot.joined_at {
            return joined_at <= erased_at;
        }
        let happened_at = self.notification.as_of.unwrap_or(self.received_at);
        let is_join = |timed: &TimedEvent| {
            let (Event::ParticipantJoined { participant: who, .. }
            | Event::CustomerAdded { customer: who }) = &timed.event
            else {
                return false;
            };
            who.0 == index
        };
        let is_new = self.notification.events.iter().any(is_join)
            || snapshot_keys(snapshot, self.campaign, self.rules).any(is_known);
        happened_at <= erased_at || !is_new
    }

    /// Returns a snapshot without an erased referrer.
    fn without_referrer(
        &self,
        snapshot: &Snapshot,
        left_out: &BTreeSet<usize>,
        erased: &mut ErasureSubject,
    ) -> Snapshot {
        let mut snapshot = snapshot.clone();
        let (id, email) = snapshot.referrer();
        let by_id = self.erased_at_of(self.erasure_key(id)).is_some();
        let stays = |email: &Email| {
            let mut people = self.notification.people.iter().enumerate();
            people.any(|(index, it)| !left_out.contains(&index) && it.email.as_ref() == Ok(email))
        };
        let by_email = email.as_ref().is_some_and(|email| {
            self.erased_at_of(Some(ErasureKey::Address(email.clone()))).is_some() && !stays(email)
        });
        if by_id || by_email {
            let mut referrer = Snapshot::with_id(snapshot.field, String::new());
            referrer.id = id.filter(|_| by_id).map(str::to_owned);
            referrer.email = email.ok_or_else(String::new);
            erased.add_snapshot(&referrer, self.campaign);
            snapshot.facts.remove(Facts::REFERRER_ID);
            snapshot.facts.remove(Facts::REFERRER_EMAIL);
            snapshot.facts.insert(Facts::IS_REFERRED.to_owned(), Scalar::Boolean(true));
        }
        snapshot
    }
}

fn address(email: &Result<Email, String>) -> Option<ErasureKey> {
    email.clone().ok().map(ErasureKey::Address)
}

/// Returns an empty snapshot, which keeps the index of an erased one.
fn nobody(field: &'static str) -> Snapshot {
    Snapshot { id: None, ..Snapshot::with_id(field, String::new()) }
}

/// Returns an event without erased people; `None` if it was theirs.
fn without(timed: &TimedEvent, left_out: &BTreeSet<usize>) -> Option<TimedEvent> {
    let is_left_out = |who: &ParticipantIndex| left_out.contains(&who.0);
    if is_left_out(&super::tracks::subject(&timed.event)) {
        return None;
    }
    let mut timed = timed.clone();
    match &mut timed.event {
        Event::FriendSignedUp { friend, .. } if is_left_out(friend) => return None,
        Event::ReferralConverted { referrer: other, .. }
        | Event::CommissionAdded { friend: other, .. }
        | Event::CommissionAdjusted { friend: other, .. } => {
            *other = other.filter(|it| !is_left_out(it))
        }
        _ => {}
    }
    Some(timed)
}
