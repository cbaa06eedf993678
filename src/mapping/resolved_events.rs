//! Events with a known subject, and the referrals in them.

use super::aggregates;
use super::people::{Resolved, Slot, Unresolved};
use super::profile;
use super::rules::Rules;
use super::tracks;
use crate::domain::{Event, Facts, Notification, ReadKey, ReadSet, Scalar, Time, TimedEvent};

/// An event with the slot of its subject.
pub struct ResolvedEvent {
    pub timed: TimedEvent,
    pub slot: Slot,
}

/// A friend and their referrer.
pub struct Referral {
    pub friend: Slot,
    pub referrer: Slot,
}

/// Returns the events that count, and the reasons for unmapped ones.
pub fn resolve_events(
    notification: &Notification,
    people: &Resolved,
    campaign: &str,
    rules: &Rules,
) -> (Vec<ResolvedEvent>, Vec<String>) {
    let mut events = Vec::new();
    let mut unmapped = Vec::new();
    for timed in &notification.events {
        let counts = match &timed.event {
            Event::ReferralConverted { .. } => {
                notification.is_from_server || !rules.conversions_from_server.contains(campaign)
            }
            Event::ShareReported { is_from_page, .. } => {
                !is_from_page || rules.shares_from_page.contains(campaign)
            }
            _ => true,
        };
        if !counts || is_self_referral(&timed.event, people) {
            continue;
        }
        let other = tracks::other(&timed.event).map(|who| people.slot_of(who));
        match (people.slot_of(tracks::subject(&timed.event)), other) {
            (_, Some(Err(Unresolved::Ignored(reason))))
            | (Err(Unresolved::Ignored(reason) | Unresolved::Unmapped(reason)), _) => {
                unmapped.push(reason.clone());
            }
            (Ok(slot), _) => {
                let shares = aggregates::shares(timed, people.participant(slot));
                events.extend(shares.map(|timed| ResolvedEvent { timed, slot }));
                events.push(ResolvedEvent { timed: timed.clone(), slot });
            }
        }
    }
    (events, unmapped)
}

/// True if the referrer is the friend. A source's reader finds most such events; the others need stored ids
/// and codes.
fn is_self_referral(event: &Event, people: &Resolved) -> bool {
    let (Event::FriendSignedUp { referrer, friend }
    | Event::ReferralConverted { referrer: Some(referrer), friend, .. }) = event
    else {
        return false;
    };
    let Ok(friend) = people.slot_of(*friend) else { return false };
    match people.slot_of(*referrer) {
        Ok(referrer) => referrer.person == friend.person,
        Err(_) => {
            let of_person = &people.persons[friend.person].participants;
            profile::is_self_referred(people.participant(friend), of_person)
        }
    }
}

impl Resolved {
    /// Returns the keys of unnamed referrers of converted friends.
    pub fn referrers(&self, notification: &Notification) -> Vec<ReadKey> {
        let unnamed = notification.events.iter().filter_map(|timed| match &timed.event {
            Event::ReferralConverted { friend, referrer, .. } => {
                let is_named = referrer.is_some_and(|who| self.slot_of(who).is_ok());
                self.slot_of(*friend).ok().filter(|_| !is_named)
            }
            _ => None,
        });
        unnamed.filter_map(|slot| self.referrer_key(slot)).collect()
    }

    /// Returns the referrals in the events, and notes the referrer of friends without one.
    pub fn link_referrers(
        &mut self,
        events: &[ResolvedEvent],
        as_of: Time,
        read: &ReadSet,
    ) -> Vec<Referral> {
        let mut referrals = Vec::new();
        for ResolvedEvent { timed, slot } in events {
            let (friend, referrer) = match &timed.event {
                Event::FriendSignedUp { friend, .. } => (self.slot_of(*friend).ok(), Some(*slot)),
                Event::ReferralConverted { referrer, .. } => {
                    let named = referrer.and_then(|who| self.slot_of(who).ok());
                    let found = named.or_else(|| self.referrer_of(*slot, read));
                    (Some(*slot), found.filter(|found| found.person != slot.person))
                }
                _ => (None, None),
            };
            if let (Some(friend), Some(referrer)) = (friend, referrer) {
                if self.participant(friend).facts.get(Facts::REFERRER_ID).is_none() {
                    let key = Scalar::from(self.refer_to(referrer));
                    self.participant_mut(friend).facts.merge(Facts::REFERRER_ID, key, as_of);
                }
                referrals.push(Referral { friend, referrer });
            }
        }
        referrals
    }
}
