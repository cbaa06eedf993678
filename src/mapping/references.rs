//! References to people in others' calls and records.
//!
//! What belongs here: the key of a referrer, and the records of people whom Customer.io doesn't know. What
//! doesn't: a reference's value when a call is sent (`domain`).
//!
//! An address and a name are in the person's own record alone, so erasing it is enough. A participant who
//! can't be identified, or who is known by address alone, has no person. Then the record of their lane at
//! GrowSurf holds them.

use std::collections::BTreeSet;

use super::people::{Resolved, Slot, Unresolved, identify, keyed_hash, participant};
use super::rules::Rules;
use super::tracks;
use crate::domain::{
    Email, Facts, LaneKey, Link, Notification, Participant, ParticipantKey, ReadKey, ReadSet,
    Scalar, Snapshot, Time,
};

/// Facts of a snapshot that name the referrer.
pub const REFERRER: [&str; 2] = [Facts::REFERRER_ID, Facts::REFERRER_EMAIL];

/// Facts that others' calls may show.
const SHOWN: [&str; 3] = [Facts::EMAIL, Facts::FIRST_NAME, Facts::LAST_NAME];

/// Returns the keys of everyone whom snapshots refer to, or who can't be identified.
pub fn keys(people: &[Snapshot], campaign: &str, read: &ReadSet, rules: &Rules) -> Vec<ReadKey> {
    let mut keys = Vec::new();
    let identified = people.iter().filter(|it| identify(it, rules).is_ok());
    let ids: BTreeSet<&str> = identified.filter_map(|it| it.id.as_deref()).collect();
    for snapshot in people {
        if let Some(key) = contact_key(snapshot, campaign)
            && identify(snapshot, rules).is_err()
        {
            keys.push(growsurf_lane(key));
        }
        match snapshot.referrer() {
            (Some(id), _) if !ids.contains(id) => {
                keys.push(participant(campaign, id));
                keys.push(ReadKey::Link(link(campaign, id)));
            }
            (None, Some(email)) => {
                keys.push(growsurf_lane(hashed(&email, campaign, read)));
                keys.push(ReadKey::Lane(email.into()));
            }
            _ => {}
        }
    }
    keys
}

impl Resolved {
    /// Notes participants' referrers, and keeps records of people who can't be identified.
    pub(super) fn note_referrers(
        &mut self,
        notification: &Notification,
        received_at: Time,
        read: &ReadSet,
    ) {
        let as_of = notification.as_of.unwrap_or(received_at);
        for (index, snapshot) in notification.people.iter().enumerate() {
            let as_of = if snapshot.is_subject { as_of } else { Time::default() };
            let slot = match self.slot_at(index) {
                Ok(slot) => slot,
                Err(Unresolved::Ignored(_)) => continue,
                Err(Unresolved::Unmapped(_)) => {
                    self.keep_contact(snapshot, as_of, read);
                    continue;
                }
            };
            let (id, email) = snapshot.referrer();
            let key = match (id, email) {
                (Some(id), _) => self.referrer_by_id(id, notification, read),
                (None, Some(email)) => self.referrer_by_address(&email, notification, as_of, read),
                (None, None) => continue,
            };
            let facts = &mut self.participant_mut(slot).facts;
            facts.merge(Facts::REFERRER_ID, Scalar::from(key), as_of);
        }
    }

    /// Returns the key of the referrer with an id or a link's code.
    fn referrer_by_id(&mut self, id: &str, notification: &Notification, read: &ReadSet) -> String {
        let mut snapshots = notification.people.iter();
        let reported = snapshots.position(|it| it.id.as_deref() == Some(id));
        if let Some(slot) = reported.and_then(|index| self.slot_at(index).ok()) {
            return self.refer_to(slot);
        }
        let link = link(&self.campaign, id);
        let is_it = |it: &Participant| {
            it.campaign == link.campaign
                && (it.growsurf_id.as_deref() == Some(id) || it.links().any(|own| own == link))
        };
        let keys = [participant(&self.campaign, id), ReadKey::Link(link.clone())];
        let known = keys.iter().find_map(|key| self.known(key, read, is_it));
        known.map_or_else(|| id.to_owned(), |slot| self.refer_to(slot))
    }

    /// Returns the slot of a participant of a key's person.
    fn known(
        &mut self,
        key: &ReadKey,
        read: &ReadSet,
        is_it: impl Fn(&Participant) -> bool,
    ) -> Option<Slot> {
        let index = read.contains(key).then(|| read.person(key))??;
        let participant = read.person_at(index).participants.iter().position(is_it)?;
        Some(Slot { person: self.place_known(index, read), participant })
    }

    /// Returns the key of the referrer with an address.
    fn referrer_by_address(
        &mut self,
        email: &Email,
        notification: &Notification,
        as_of: Time,
        read: &ReadSet,
    ) -> String {
        let mut snapshots = notification.people.iter();
        let reported = snapshots.position(|it| it.email.as_ref() == Ok(email));
        if let Some(slot) = reported.and_then(|index| self.slot_at(index).ok()) {
            return self.refer_to(slot);
        }
        let identifier = ReadKey::Lane(email.clone().into());
        let campaign = self.campaign.clone();
        let known = self.known(&identifier, read, |it| it.campaign == campaign);
        if let Some(slot) = known {
            return self.refer_to(slot);
        }
        let key = hashed(email, &self.campaign, read);
        let mut reported = Snapshot::with_id("", key.participant.clone());
        reported.facts.insert(Facts::EMAIL.to_owned(), Scalar::from(email.as_str()));
        self.keep_contact(&reported, as_of, read);
        key.participant
    }

    /// Marks a participant as referred to, and returns the key.
    pub(super) fn refer_to(&mut self, slot: Slot) -> String {
        let participant = self.participant_mut(slot);
        participant.is_referred_to |= participant.key.starts_with(Participant::HASHED);
        participant.key.clone()
    }

    /// Marks the friends in the events as referred to.
    pub(super) fn refer_to_friends(&mut self, notification: &Notification) {
        let others = notification.events.iter().filter_map(|timed| tracks::other(&timed.event));
        for slot in others.filter_map(|who| self.slot_of(who).ok()).collect::<Vec<_>>() {
            self.refer_to(slot);
        }
    }

    /// Keeps the address and name of a participant without a person.
    fn keep_contact(&mut self, snapshot: &Snapshot, as_of: Time, read: &ReadSet) {
        let Some(key) = contact_key(snapshot, &self.campaign) else { return };
        let place = self.place(key.clone().into(), read);
        let participants = &mut self.persons[place].participants;
        if participants.is_empty() {
            participants.push(Participant::new(key.campaign, key.participant, None));
        }
        for name in SHOWN {
            if let Some(value) = snapshot.facts.get(name) {
                participants[0].facts.merge(name, value.clone(), as_of);
            }
        }
    }
}

/// Returns the key of the record for a participant who can't be identified, if there is anything to keep.
fn contact_key(snapshot: &Snapshot, campaign: &str) -> Option<ParticipantKey> {
    let says_anything = SHOWN.iter().any(|name| snapshot.facts.contains_key(*name));
    let id = snapshot.id.as_ref().filter(|_| says_anything)?;
    Some(ParticipantKey::new(campaign, id))
}

/// Returns the key of a participant known by address alone.
fn hashed(email: &Email, campaign: &str, read: &ReadSet) -> ParticipantKey {
    ParticipantKey::new(campaign, &keyed_hash(read, campaign, email.as_str(), None))
}

fn growsurf_lane(key: ParticipantKey) -> ReadKey {
    ReadKey::Lane(LaneKey::Participant(key))
}

fn link(campaign: &str, code: &str) -> Link {
    Link { campaign: campaign.to_owned(), code: code.to_owned() }
}
