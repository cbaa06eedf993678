//! People of a notification: the record of each snapshot, found or made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::aggregates;
use super::feedback::shown;
use super::references;
use super::rules::{IdentifyBy, Rules};
use crate::domain::{
    AnonymousId, ErasureKey, EventId, Facts, Identifier, LaneKey, Notification, Participant,
    ParticipantIndex, ParticipantKey, Person, ReadKey, ReadSet, Scalar, Snapshot, Time,
};

/// The earliest believed time, in 2001.
const EARLIEST: Time = Time::from_seconds(1_000_000_000);

/// The most that a source's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest id at Customer.io, in bytes.
const ID_BYTES: usize = 150;

/// The people of a notification, after merging its facts.
#[derive(Default)]
pub struct Resolved {
    /// Each record once.
    pub persons: Vec<Person>,
    /// Indexes of people who unsubscribed by this notification.
    pub unsubscribed: BTreeSet<usize>,
    /// People to join with an anonymous id that they claimed.
    pub new_joins: BTreeSet<(usize, AnonymousId)>,
    /// The ledger's ids of the addresses that people left.
    pub left: Vec<EventId>,
    /// Notices about changes of address that can't be followed.
    pub notices: Vec<String>,
    slots: Vec<Result<Slot, Unresolved>>,
    pub(super) campaign: String,
}

/// The place of a participant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Index in [`Resolved::persons`].
    pub person: usize,
    /// Index among the person's participants.
    pub participant: usize,
}

/// Reason for a snapshot without a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unresolved {
    /// The settings ignore the address, and every event with this participant.
    Ignored(String),
    /// The person can't be identified.
    Unmapped(String),
}

impl Resolved {
    /// Finds or makes the person of every snapshot, and merges the facts.
    pub fn resolve(
        notification: &Notification,
        campaign: &str,
        received_at: Time,
        known: &ReadSet,
        rules: &Rules,
    ) -> Self {
        let mut people = Self { campaign: campaign.to_owned(), ..Self::default() };
        let mut places = BTreeMap::new();
        let mut slot = |snapshot: &Snapshot| {
            let slot = people.find(snapshot, campaign, known, rules, &mut places)?;
            let as_of = notification.as_of.unwrap_or(received_at);
            let as_of = if snapshot.is_subject { as_of } else { Time::default() };
            people.merge_facts(slot, snapshot, as_of, received_at);
            Ok(slot)
        };
        let mut slots: Vec<_> = notification.people.iter().map(&mut slot).collect();
        // A later snapshot with the same id may identify the participant.
        for (found, snapshot) in slots.iter_mut().zip(&notification.people) {
            if matches!(found, Err(Unresolved::Unmapped(_))) {
                *found = slot(snapshot);
            }
        }
        people.slots = slots;
        people.note_referrers(notification, received_at, known);
        people
    }

    /// Returns one person, without a notification.
    pub fn of(person: Person) -> Self {
        Self { persons: vec![person], ..Self::default() }
    }

    /// Returns the slot of a participant, or the reason for its absence.
    pub fn slot_of(&self, who: ParticipantIndex) -> Result<Slot, &Unresolved> {
        self.slot_at(who.0)
    }

    /// Returns the slot of the snapshot at an index, or the reason for its absence.
    pub(super) fn slot_at(&self, place: usize) -> Result<Slot, &Unresolved> {
        self.slots[place].as_ref().copied()
    }

    pub fn participant(&self, slot: Slot) -> &Participant {
        &self.persons[slot.person].participants[slot.participant]
    }

    pub fn participant_mut(&mut self, slot: Slot) -> &mut Participant {
        &mut self.persons[slot.person].participants[slot.participant]
    }

    /// Returns a participant as stored before the notification.
    pub fn before<'a>(&self, slot: Slot, known: &'a ReadSet) -> Option<&'a Participant> {
        let id = self.persons[slot.person].id?;
        let person = known.people().find(|it| it.id == Some(id))?;
        person.participants.get(slot.participant)
    }

    /// Drops GrowSurf's reports that the relay's counts have reached, and joins that were seen late.
    pub fn settle_counts(&mut self) {
        for participant in self.persons.iter_mut().flat_map(|it| &mut it.participants) {
            let Participant { completeness, friends, last_referral, .. } = participant;
            completeness.counted(*friends, *last_referral);
            if let Some(joined) = participant.joined {
                participant.completeness.joined(joined);
            }
            participant.activity.settle(participant.joined);
        }
    }

    /// Returns the key of a participant's reported referrer.
    pub fn referrer_key(&self, slot: Slot) -> Option<ReadKey> {
        let friend = self.participant(slot);
        let id = friend.facts.text(Facts::REFERRER_ID)?;
        Some(participant(&friend.campaign, id))
    }

    /// Returns the slot of a participant's referrer, if that person is known.
    pub fn referrer_of(&mut self, slot: Slot, read: &ReadSet) -> Option<Slot> {
        let index = read.person(&self.referrer_key(slot)?)?;
        let campaign = self.participant(slot).campaign.clone();
        let person = self.place_known(index, read);
        let in_campaign = |participant: &Participant| participant.campaign == campaign;
        let participant = self.persons[person].participants.iter().position(in_campaign);
        participant.map(|participant| Slot { person, participant })
    }

    fn find(
        &mut self,
        snapshot: &Snapshot,
        campaign: &str,
        known: &ReadSet,
        rules: &Rules,
        places: &mut BTreeMap<String, usize>,
    ) -> Result<Slot, Unresolved> {
        if let Ok(email) = &snapshot.email
            && rules.ignores(email)
        {
            let reason = format!("{}.email matches growsurf.ignore_emails", snapshot.field);
            return Err(Unresolved::Ignored(reason));
        }
        let stored = |key: &ReadKey| known.person(key);
        let by_id = snapshot.id.as_deref().and_then(|id| stored(&participant(campaign, id)));
        let placed_before = || places.get(snapshot.id.as_ref()?).copied();
        // A known participant stays the same person: neither a new id in the metadata, which a browser
        // can write, nor a new address changes that.
        let person = match by_id.map(|index| self.place_known(index, known)).or_else(placed_before)
        {
            Some(person) => person,
            None => {
                let identifier = identify(snapshot, rules).map_err(Unresolved::Unmapped)?;
                self.place(identifier.into(), known)
            }
        };
        if let Some(id) = &snapshot.id {
            places.insert(id.clone(), person);
        }
        let participant = self.find_participant(person, snapshot, campaign, known);
        Ok(Slot { person, participant })
    }

    /// Returns the index of a stored person's record.
    pub(super) fn place_known(&mut self, index: usize, known: &ReadSet) -> usize {
        let person = known.person_at(index);
        let placed = self.persons.iter().position(|placed| placed.id == person.id);
        placed.unwrap_or_else(|| {
            self.persons.push(person.clone());
            self.persons.len() - 1
        })
    }

    /// Returns the index of a lane's record: stored, made before, or new.
    pub(super) fn place(&mut self, key: LaneKey, read: &ReadSet) -> usize {
        if let Some(index) = read.person(&ReadKey::Lane(key.clone())) {
            return self.place_known(index, read);
        }
        let placed = self.persons.iter().position(|person| person.key == key);
        placed.unwrap_or_else(|| {
            self.persons.push(Person::new(key));
            self.persons.len() - 1
        })
    }

    fn find_participant(
        &mut self,
        person: usize,
        snapshot: &Snapshot,
        campaign: &str,
        known: &ReadSet,
    ) -> usize {
        let Person { key: lane, participants, .. } = &mut self.persons[person];
        let here = |participant: &Participant| participant.campaign == campaign;
        let found = match &snapshot.id {
            Some(id) => participants
                .iter()
                .position(|p| here(p) && p.growsurf_id.as_ref() == Some(id))
                // The guide's shape reported them first, without an id.
                .or_else(|| participants.iter().position(|p| here(p) && p.growsurf_id.is_none())),
            None => participants.iter().position(here),
        };
        let index = found.unwrap_or_else(|| {
            let key = snapshot.id.clone();
            let key = key.unwrap_or_else(|| hashed(known, campaign, lane));
            participants.push(Participant::new(campaign.to_owned(), key, None));
            participants.len() - 1
        });
        if participants[index].growsurf_id.is_none() {
            participants[index].growsurf_id.clone_from(&snapshot.id);
        }
        index
    }

    fn merge_facts(&mut self, slot: Slot, snapshot: &Snapshot, as_of: Time, received_at: Time) {
        let participant = &mut self.persons[slot.person].participants[slot.participant];
        let own = snapshot
            .facts
            .iter()
            .filter(|(name, _)| !references::REFERRER.contains(&name.as_str()));
        for (name, value) in own {
            let before = participant.facts.value(name);
            let is_flag = name == Facts::UNSUBSCRIBED;
            let was_subscribed = is_flag && before == Some(&Scalar::Boolean(false));
            let is_echo =
                is_flag && shown(participant, *value == Scalar::Boolean(true), &snapshot.metadata);
            let is_new = participant.facts.merge(name, value.clone(), as_of);
            if is_new && was_subscribed && !is_echo {
                self.unsubscribed.insert(slot.person);
            }
        }
        if let Some(joined) = snapshot.joined_at.filter(|at| is_sane(*at, received_at)) {
            let joined = participant.joined.map_or(joined, |known| known.min(joined));
            participant.joined = Some(joined);
        }
        for (key, value) in &snapshot.metadata {
            let name = format!("{}{key}", Facts::METADATA);
            participant.facts.merge(&name, value.clone(), as_of);
        }
        participant.shares = participant.shares.max(snapshot.share_total);
        let reported = aggregates::friends(snapshot);
        if snapshot.is_subject && reported > participant.friends {
            participant.completeness.reported(reported, as_of);
        }
    }
}

/// True if a time is neither before GrowSurf existed nor in the future. A source that uses another unit isn't
/// believed.
pub(super) fn is_sane(at: Time, received_at: Time) -> bool {
    at >= EARLIEST && at <= received_at.plus(AHEAD)
}

/// Returns the keys of everyone in a notification.
pub fn keys(
    notification: &Notification,
    campaign: &str,
    read: &ReadSet,
    rules: &Rules,
) -> Vec<ReadKey> {
    let people = &notification.people;
    let keys = people.iter().flat_map(|it| snapshot_keys(it, campaign, rules));
    keys.chain(references::keys(people, campaign, read, rules)).collect()
}

/// Returns the keys of a snapshot's person.
pub fn snapshot_keys(
    snapshot: &Snapshot,
    campaign: &str,
    rules: &Rules,
) -> impl Iterator<Item = ReadKey> {
    let by_id = snapshot.id.as_deref().map(|id| participant(campaign, id));
    by_id.into_iter().chain(identify(snapshot, rules).ok().map(|it| ReadKey::Lane(it.into())))
}

/// Returns the key of a participant's person.
pub fn participant(campaign: &str, id: &str) -> ReadKey {
    ReadKey::Participant(ParticipantKey::new(campaign, id))
}

/// Returns the key of a snapshot's person.
///
/// # Errors
/// The reason, naming the missing field.
pub fn identify(snapshot: &Snapshot, rules: &Rules) -> Result<Identifier, String> {
    match &rules.identify_by {
        IdentifyBy::Email => snapshot.email.clone().map(Identifier::Email),
        IdentifyBy::Metadata(key) => {
            let field = format!("{}.metadata.{key}", snapshot.field);
            let id = match snapshot.metadata.get(key) {
                Some(Scalar::Text(text)) => text.trim().to_owned(),
                Some(Scalar::Integer(integer)) => integer.to_string(),
                Some(_) => return Err(format!("{field} is neither text nor a whole number")),
                None => return Err(format!("{field} is missing")),
            };
            if id.is_empty() {
                Err(format!("{field} is empty"))
            } else if id.len() > ID_BYTES {
                Err(format!("{field} is longer than {ID_BYTES} bytes"))
            } else {
                Ok(Identifier::Id(id))
            }
        }
    }
}

/// Returns the name in effect keys of a participant without an id: a keyed hash, which can't be traced to an
/// address.
pub(super) fn hashed(known: &ReadSet, campaign: &str, lane: &LaneKey) -> String {
    // A participant who joins after an erasure of the address is another person.
    let erased_at =
        lane.email().and_then(|email| known.tombstone(&ErasureKey::Address(email.clone())));
    keyed_hash(known, campaign, lane.value(), erased_at)
}

/// Returns a participant's name that is a keyed hash of a value.
pub(super) fn keyed_hash(
    known: &ReadSet,
    campaign: &str,
    value: &str,
    erased_at: Option<Time>,
) -> String {
    let key = Hmac::<Sha256>::new_from_slice(&known.hash_key);
    let mut mac = key.expect("HMAC takes a key of any length");
    for part in [campaign, value] {
        mac.update(&u64::try_from(part.len()).expect("a length").to_be_bytes());
        mac.update(part.as_bytes());
    }
    if let Some(erased_at) = erased_at {
        mac.update(&erased_at.micros().to_be_bytes());
    }
    format!("{}{}", Participant::HASHED, hex::encode(&mac.finalize().into_bytes()[..12]))
}
