//! A store in memory for one webhook at a time: answers what a planner asks, and keeps its plans.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use referral_relay::domain::{
    Call, EventId, Notification, Participant, Person, PersonId, Plan, Planner, ReadKey, ReadSet,
    Time, plan,
};

/// People and effects.
#[derive(Default)]
pub struct Memory {
    people: Vec<Person>,
    effects: BTreeSet<EventId>,
}

impl Memory {
    /// Plans the notification and keeps what the plan says.
    ///
    /// # Errors
    /// Why nothing of the notification can be planned.
    pub fn take_in(
        &mut self,
        planner: &dyn Planner,
        notification: &Notification,
        received_at: Time,
    ) -> Result<Plan, String> {
        let planned = || {
            let read = ReadSet::new([7; 32], received_at, false);
            let get = |read: &mut ReadSet, keys: Vec<ReadKey>| {
                keys.into_iter().for_each(|key| self.answer(key, read));
                Ok::<_, Infallible>(())
            };
            plan(planner, notification, received_at, read, get)
                .unwrap_or_else(|never| match never {})
        };
        let plan = planned();
        assert_eq!(plan, planned(), "a plan is a function");
        let plan = plan?;
        self.keep(&plan);
        Ok(plan)
    }

    fn keep(&mut self, plan: &Plan) {
        for id in &plan.ledger_only {
            assert!(self.effects.insert(*id), "what is counted is counted once, ever");
        }
        for lane in &plan.lanes {
            for planned in &lane.calls {
                if let Call::Track { event_id, .. } = &planned.call {
                    assert!(self.effects.insert(*event_id), "an effect is planned once, ever");
                }
            }
            let mut person = lane.person.clone();
            match person.id.and_then(|id| usize::try_from(id.0).ok()) {
                Some(place) => self.people[place] = person,
                None => {
                    person.id = i64::try_from(self.people.len()).ok().map(PersonId);
                    self.people.push(person);
                }
            }
        }
    }

    fn answer(&self, lookup: ReadKey, known: &mut ReadSet) {
        let person = match &lookup {
            ReadKey::Effect(id) => return known.add_effect(*id, self.effects.contains(id)),
            ReadKey::Tombstone(trace) => return known.add_tombstone(trace.clone(), None),
            ReadKey::Link(link) => self.people.iter().find(|person| {
                person.participants.iter().flat_map(Participant::links).any(|own| own == *link)
            }),
            ReadKey::Lane(key) => self.people.iter().find(|person| person.key == *key),
            ReadKey::Participant(key) => {
                self.people.iter().find(|person| person.keys().any(|own| own == *key))
            }
        };
        known.add_person(lookup, person.cloned().map(Arc::new));
    }
}
