//! Changes of address: a person whose address changed at GrowSurf keeps one profile.
//!
//! What belongs here: the new address, and the plan of the profiles' merge. What doesn't: the request, and
//! people with an id, who keep it.
//!
//! Customer.io answers 200 and does nothing if the primary profile isn't there yet, even if it was identified
//! a moment before (<https://docs.customer.io/integrations/api/track/>, "Merge duplicate people"). The Track
//! API doesn't say if a merge was done. So it is planned a few times, with pauses; repeating it changes
//! nothing.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::people::Resolved;
use super::rules::{IdentifyBy, Rules};
use crate::domain::{
    Call, Email, EventId, Facts, FormerProfile, Identifier, LaneKey, Participant, Person, ReadKey,
    ReadSet, Time,
};

/// The number of planned merges.
const TIMES: u32 = 3;

/// The least time between two merges.
const APART: Duration = Duration::from_secs(10 * 60);

impl Resolved {
    /// Returns the keys that [`Resolved::follow_addresses`] reads.
    pub(super) fn address_changes(&self, read: &ReadSet) -> Vec<ReadKey> {
        let mut keys = Vec::new();
        for person in &self.persons {
            if let Some(FormerProfile { from, times: 1.., .. }) = &person.moved {
                keys.push(ReadKey::Lane(from.clone().into()));
            }
            if let Some((to, _)) = moved_to(person) {
                let left = [left_id(read, to.as_str()), left_id(read, person.key.value())];
                keys.extend(left.map(ReadKey::Effect));
                keys.push(ReadKey::Lane(to.into()));
            }
        }
        keys
    }

    /// Gives people the newest address of their participants, and notes the former one for the ledger.
    ///
    /// Nobody gets an address that someone else has left: until the profiles are merged, the old one would be
    /// taken for theirs.
    pub(super) fn follow_addresses(&mut self, known: &ReadSet, rules: &Rules) {
        if rules.identify_by != IdentifyBy::Email {
            return;
        }
        for place in 0..self.persons.len() {
            self.drop_stale_merges(place, known);
            let Some((to, participant)) = moved_to(&self.persons[place]) else { continue };
            let before = address_before(&self.persons[place], known, &participant);
            let is_new = before != Some(to.as_str());
            let was_left = known.is_recorded(left_id(known, to.as_str()));
            let to = Identifier::Email(to);
            let key = LaneKey::Person(to.clone());
            let theirs = known.person(&ReadKey::Lane(key.clone()));
            let by_now = |person: &Person| person.key == key;
            let problem = if theirs.is_some() || self.persons.iter().any(by_now) {
                Some("to one that another person has already; their profiles aren't merged")
            } else if was_left && !self.persons[place].former.contains(&to) {
                Some("to one that another person had before; their profile stays")
            } else if !is_everywhere(&self.persons[place], &to) {
                Some("and the same person's in another campaign didn't; their profile stays")
            } else {
                None
            };
            if let Some(problem) = problem {
                if is_new {
                    let notice =
                        format!("the address of participant {participant} changed {problem}");
                    self.notices.push(notice);
                }
                continue;
            }
            let person = &mut self.persons[place];
            let LaneKey::Person(from) = std::mem::replace(&mut person.key, key) else { continue };
            let left = left_id(known, from.value());
            if !known.is_recorded(left) {
                self.left.push(left);
            }
            if !person.former.contains(&from) {
                person.former.push(from.clone());
            }
            // A person who was never sent has no profile to merge.
            if person.identified.is_some() {
                person.moved = Some(FormerProfile { from, at: Time::default(), times: 0 });
            }
        }
    }

    /// Drops the merge of a profile that belongs to another person by now.
    fn drop_stale_merges(&mut self, place: usize, read: &ReadSet) {
        let person = &mut self.persons[place];
        let Some(FormerProfile { from, times: 1.., .. }) = &person.moved else { return };
        if read.person(&ReadKey::Lane(from.clone().into())).is_some() {
            person.moved = None;
        }
    }
}

/// Returns the ledger's id of a left address: a keyed hash.
fn left_id(known: &ReadSet, address: &str) -> EventId {
    let key = Hmac::<Sha256>::new_from_slice(&known.hash_key);
    let mut mac = key.expect("HMAC takes a key of any length");
    mac.update(b"left:");
    mac.update(address.as_bytes());
    let digest = mac.finalize().into_bytes();
    EventId(digest[..16].try_into().expect("sixteen bytes"))
}

/// Returns the merge that is due, and counts it. It needs something that was true some time after the last
/// one, so a replay plans none.
pub fn merge(
    person: &mut Person,
    as_of: Time,
    received_at: Time,
    notices: &mut Vec<String>,
) -> Option<Call> {
    let moved = person.moved.as_mut()?;
    if moved.times > 0 && as_of.min(received_at) < moved.at.plus(APART) {
        return None;
    }
    let call = Call::Merge { from: moved.from.clone(), at: received_at };
    moved.times += 1;
    moved.at = received_at;
    if moved.times == TIMES {
        person.moved = None;
        let named = person.participants.iter().find_map(|it| it.growsurf_id.clone());
        let named = named.unwrap_or_default();
        notices.push(format!(
            "participant {named}'s profile under the former address was merged into the new one \
             {TIMES} times; Customer.io doesn't say whether it is done; see its activity log"
        ));
    }
    Some(call)
}

/// Returns the person's newest address and its participant, if it isn't the present one.
fn moved_to(person: &Person) -> Option<(Email, String)> {
    let present = person.key.email()?;
    let addresses = person.participants.iter().filter_map(|participant| {
        let fact = participant.facts.get(Facts::EMAIL)?;
        let email = participant.facts.email()?;
        Some((fact.as_of, email, participant.growsurf_id.clone()?))
    });
    let (_, email, participant) = addresses.max()?;
    (email != *present).then_some((email, participant))
}

/// Returns a participant's address before the notification.
fn address_before<'a>(person: &Person, known: &'a ReadSet, participant: &str) -> Option<&'a str> {
    let before = known.people().find(|it| it.id == person.id)?;
    let is = |it: &&Participant| it.growsurf_id.as_deref() == Some(participant);
    before.participants.iter().find(is)?.facts.text(Facts::EMAIL)
}

/// True if every participant of the person has this address or none.
fn is_everywhere(person: &Person, to: &Identifier) -> bool {
    person.participants.iter().all(|participant| {
        participant.facts.text(Facts::EMAIL).is_none_or(|address| address == to.value())
    })
}
