//! A store in memory for one webhook at a time: answers what a planner asks, and keeps its plans.

use std::collections::BTreeSet;

use referral_relay::domain::{
    Call, EventId, Lookup, Notification, Participant, Person, PersonId, Plan, PlanError, Planner,
    ReadSet, Time,
};

/// People and effects.
#[derive(Default)]
pub struct Memory {
    people: Vec<Person>,
    effects: BTreeSet<EventId>,
}

impl Memory {
    /// Plans the news and keeps what the plan says.
    ///
    /// # Errors
    /// Why nothing of the news can be planned.
    pub fn take_in(
        &mut self,
        planner: &dyn Planner,
        news: &Notification,
        received_at: Time,
    ) -> Result<Plan, String> {
        let mut known = ReadSet::new([7; 32], received_at);
        for _ in 0..6 {
            let planned = planner.plan(news, received_at, &known);
            assert_eq!(planned, planner.plan(news, received_at, &known), "a plan is a function");
            match planned {
                Ok(plan) => {
                    self.keep(&plan);
                    return Ok(plan);
                }
                Err(PlanError::Unmappable(reason)) => return Err(reason),
                Err(PlanError::MissingReads(lookups)) => {
                    assert!(!lookups.is_empty(), "a need names what it needs");
                    lookups.into_iter().for_each(|lookup| self.answer(lookup, &mut known));
                }
            }
        }
        panic!("the planner asks for ever");
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

    fn answer(&self, lookup: Lookup, known: &mut ReadSet) {
        let person = match &lookup {
            Lookup::Effect(id) => return known.add_effect(*id, self.effects.contains(id)),
            Lookup::Tombstone(trace) => return known.add_tombstone(trace.clone(), None),
            Lookup::Link(link) => self.people.iter().find(|person| {
                person.participants.iter().flat_map(Participant::links).any(|own| own == *link)
            }),
            Lookup::Identifier(identifier) => {
                self.people.iter().find(|person| person.identifier == *identifier)
            }
            Lookup::Participant(key) => self.people.iter().find(|person| {
                person.participants.iter().any(|participant| {
                    participant.campaign == key.campaign
                        && participant.growsurf_id.as_ref() == Some(&key.participant)
                })
            }),
        };
        known.add_person(lookup, person.cloned());
    }
}
