//! A store of people and effects in memory, to apply plans to.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use crate::domain::{
    Call, ErasureKey, EventId, LanePlan, Notification, Participant, Person, PersonId, Plan,
    PlannedCall, ReadKey, ReadSet, References, Time, plan,
};
use crate::mapping::profile::attributes;
use crate::mapping::{Mapper, Rules};

/// The records that a store would keep of plans.
pub struct Memory {
    mapper: Mapper,
    pub people: Vec<Person>,
    pub effects: BTreeSet<EventId>,
    pub tombstones: BTreeMap<ErasureKey, Time>,
}

impl Memory {
    pub fn new(rules: Rules) -> Self {
        Self {
            mapper: Mapper::new(rules),
            people: Vec::new(),
            effects: BTreeSet::new(),
            tombstones: BTreeMap::new(),
        }
    }

    /// Returns the rules that it plans by.
    pub fn rules(&self) -> &Rules {
        &self.mapper.rules
    }

    /// Plans the notification as they come in and applies the plan.
    pub fn take_in(
        &mut self,
        notification: &Notification,
        received_at: Time,
    ) -> Result<Plan, String> {
        self.replay(notification, received_at, received_at)
    }

    /// Plans notification that came in before, and applies the plan.
    pub fn replay(
        &mut self,
        notification: &Notification,
        received_at: Time,
        now: Time,
    ) -> Result<Plan, String> {
        let read = ReadSet::new([7; 32], now, !self.tombstones.is_empty());
        let get = |read: &mut ReadSet, keys: Vec<ReadKey>| {
            keys.into_iter().for_each(|key| self.answer(key, read));
            Ok::<_, Infallible>(())
        };
        let mut plan = plan(&self.mapper, notification, received_at, read, get).unwrap()?;
        for id in &plan.ledger_only {
            assert!(self.effects.insert(*id), "a reward is counted once, ever");
        }
        for lane in &plan.lanes {
            for planned in &lane.calls {
                if let Call::Track { event_id, .. } = &planned.call {
                    assert!(self.effects.insert(*event_id), "an effect is planned once, ever");
                }
            }
            let mut person = lane.person.clone();
            match person.id {
                Some(PersonId(id)) => self.people[usize::try_from(id).unwrap()] = person,
                None => {
                    person.id = Some(PersonId(i64::try_from(self.people.len()).unwrap()));
                    self.people.push(person);
                }
            }
        }
        self.complete(&mut plan);
        Ok(plan)
    }

    /// Puts into the calls what they refer to, as when they are sent.
    fn complete(&self, plan: &mut Plan) {
        for LanePlan { person, calls } in &mut plan.lanes {
            for PlannedCall { call, .. } in calls {
                let known = References::among([&*call], self.people.iter());
                call.complete(&person.key, &known);
            }
        }
    }

    /// Returns the essence: everybody's profile, and the effects.
    pub fn shown(&self, rules: &Rules) -> (Vec<(String, String)>, Vec<String>) {
        let profile = |person: &Person| {
            let attributes = attributes(person, rules);
            let attributes = serde_json::to_string(&attributes).unwrap();
            (person.key.value().to_owned(), attributes)
        };
        let mut people: Vec<(String, String)> = self.people.iter().map(profile).collect();
        people.sort();
        (people, self.effects.iter().map(ToString::to_string).collect())
    }

    fn answer(&self, lookup: ReadKey, known: &mut ReadSet) {
        let person = match &lookup {
            ReadKey::Effect(id) => return known.add_effect(*id, self.effects.contains(id)),
            ReadKey::Tombstone(trace) => {
                return known.add_tombstone(trace.clone(), self.tombstones.get(trace).copied());
            }
            ReadKey::Lane(key) => self.people.iter().find(|person| person.key == *key),
            ReadKey::Participant(key) => {
                self.people.iter().find(|person| person.keys().any(|own| own == *key))
            }
            ReadKey::Link(link) => self.people.iter().find(|person| {
                person.participants.iter().flat_map(Participant::links).any(|own| own == *link)
            }),
        };
        known.add_person(lookup, person.cloned().map(Arc::new));
    }
}
