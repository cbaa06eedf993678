//! Lanes: the calls for each person, in order.

use std::collections::BTreeSet;

use super::anonymous;
use super::draft::PendingCall;
use super::email_change;
use super::people::Resolved;
use super::plan::Mapper;
use super::profile;
use crate::domain::{Call, Identified, LanePlan, Person, PlannedCall, Time};

impl Mapper {
    /// Returns the lanes. An identify goes before each track, and alone if the profile of a known person
    /// differs from the last planned one.
    pub(super) fn lanes(
        &self,
        people: Resolved,
        subjects: &BTreeSet<usize>,
        due: Vec<PendingCall>,
        (as_of, received_at): (Time, Time),
        notices: &mut Vec<String>,
    ) -> Vec<LanePlan> {
        let (unsubscribed, joins) = (people.unsubscribed, people.new_joins);
        let mut tracks: Vec<Vec<PlannedCall>> = people.persons.iter().map(|_| Vec::new()).collect();
        for PendingCall { person, call } in due {
            tracks[person].push(call);
        }
        let mut lane = |(index, (mut person, tracks)): (usize, (Person, Vec<PlannedCall>))| {
            // Only a person at Customer.io has a profile.
            if person.key.identifier().is_none() {
                return LanePlan { person, calls: tracks };
            }
            let was_identified = person.identified.is_some();
            let alone = |call| PlannedCall { call, effect: None };
            let merge = email_change::merge(&mut person, as_of, received_at, notices).map(alone);
            let unsubscribe = Call::Unsubscribe { at: received_at };
            let attributes = profile::attributes(&person, &self.rules);
            let digest = profile::digest(&attributes);
            let differs = person.identified.as_ref().is_none_or(|last| last.digest != digest);
            let identify = || alone(Call::Identify { attributes: attributes.clone() });
            let mut calls: Vec<PlannedCall> = if !tracks.is_empty() {
                tracks.into_iter().flat_map(|track| [identify(), track]).collect()
            } else if differs && (person.identified.is_some() || subjects.contains(&index)) {
                vec![identify()]
            } else {
                Vec::new()
            };
            if !calls.is_empty() {
                person.identified = Some(Identified { digest });
            }
            // The present profile must be there before another is merged into it.
            if let Some(merge) = merge {
                if calls.is_empty() {
                    calls.push(identify());
                }
                calls.insert(1, merge);
            }
            if unsubscribed.contains(&index) && person.identified.is_some() {
                calls.push(alone(unsubscribe));
            }
            if person.identified.is_some() {
                // A person who wasn't at Customer.io before couldn't be joined.
                let joined: Vec<_> = anonymous::claims(&person)
                    .filter(|id| !was_identified || joins.contains(&(index, (*id).clone())))
                    .collect();
                calls.extend(
                    joined
                        .into_iter()
                        .map(|id| alone(Call::Join { anonymous_id: id.clone(), at: received_at })),
                );
            }
            LanePlan { person, calls }
        };
        people.persons.into_iter().zip(tracks).enumerate().map(&mut lane).collect()
    }
}
