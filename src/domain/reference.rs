//! References: placeholders in calls for another participant's address or name.
//!
//! What belongs here: the placeholders and their values. What doesn't: the choice of references (`mapping`),
//! and reading the participants (`store`).
//!
//! A person's address and name are in their own record alone. A call gets them when it is sent, so an erased
//! person is in nobody's calls.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Attributes, Call, Email, Facts, LaneKey, Participant, ParticipantKey, Person, Scalar,
    display_address, display_name, display_text,
};

/// A placeholder for another participant's value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Reference {
    /// The participant, by GrowSurf's id or by the key in effect keys.
    #[serde(flatten)]
    pub of: ParticipantKey,
    /// The value.
    pub shows: ReferredValue,
}

/// The value of another participant in a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferredValue {
    Address,
    /// The display name.
    Name,
    /// The address, or else the participant id.
    Referrer,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Parts {
    address: Option<String>,
    name: Option<String>,
    id: String,
}

/// Present values of the participants that calls refer to.
#[derive(Clone, Default, Debug)]
pub struct References(HashMap<ParticipantKey, Parts>);

impl References {
    pub fn add(&mut self, key: ParticipantKey, person: &Person) {
        let Some(participant) = person.participant(&key) else { return };
        let fact = |name| participant.facts.text(name);
        let own = person.key.email().map(Email::as_str);
        let address = fact(Facts::EMAIL).or(own).map(str::to_owned);
        let name = display_name([fact(Facts::FIRST_NAME), fact(Facts::LAST_NAME)]);
        let id = participant.growsurf_id.as_ref().unwrap_or(&key.participant).clone();
        self.0.insert(key, Parts { address, name, id });
    }

    /// Adds a participant without a record.
    pub fn add_unknown(&mut self, key: ParticipantKey) {
        let id = key.participant.clone();
        self.0.insert(key, Parts { address: None, name: None, id });
    }

    /// Returns the values for calls, from the people of a plan.
    pub fn among<'a>(
        calls: impl IntoIterator<Item = &'a Call>,
        people: impl Iterator<Item = &'a Person> + Clone,
    ) -> Self {
        let mut known = Self::default();
        for key in calls.into_iter().flat_map(Call::references) {
            let as_participant = people.clone().find(|it| it.keys().any(|own| own == *key));
            let addressee = LaneKey::Participant(key.clone());
            let found = as_participant.or_else(|| people.clone().find(|it| it.key == addressee));
            match found {
                Some(person) => known.add(key.clone(), person),
                None => known.add_unknown(key.clone()),
            }
        }
        known
    }

    /// Returns the value for a placeholder; `None` if it is unknown or may not be shown.
    fn value(&self, reference: &Reference) -> Option<Scalar> {
        let Parts { address, name, id } = self.0.get(&reference.of)?;
        let shown = match (reference.shows, address) {
            (ReferredValue::Name, _) => name.as_deref(),
            (ReferredValue::Address | ReferredValue::Referrer, Some(address)) => {
                display_address(address)
            }
            (ReferredValue::Address, None) => None,
            (ReferredValue::Referrer, None) => {
                let is_shown = !id.starts_with(Participant::HASHED)
                    && display_text(id).is_some_and(|shown| shown == *id);
                is_shown.then_some(id.as_str())
            }
        };
        shown.map(Scalar::from)
    }
}

impl Call {
    /// Returns the participants that the call refers to.
    pub fn references(&self) -> impl Iterator<Item = &ParticipantKey> {
        let values = match self {
            Self::Identify { attributes: values } | Self::Track { data: values, .. } => {
                Some(values)
            }
            _ => None,
        };
        values.into_iter().flat_map(Attributes::values).filter_map(|value| match value {
            Scalar::Reference(reference) => Some(&reference.of),
            _ => None,
        })
    }

    /// Completes the call for sending: fills in the person's present address and the placeholders. Unknown
    /// values are omitted.
    pub fn complete(&mut self, lane: &LaneKey, known: &References) {
        let values = match self {
            Self::Identify { attributes } => {
                if let (Some(email), Some(value)) = (lane.email(), attributes.get_mut("email")) {
                    *value = Scalar::from(email.as_str());
                }
                attributes
            }
            Self::Track { data, .. } => data,
            _ => return,
        };
        values.retain(|_, value| {
            let Scalar::Reference(reference) = value else { return true };
            let found = known.value(reference);
            let is_known = found.is_some();
            if let Some(found) = found {
                *value = found;
            }
            is_known
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Identifier, Time};

    fn key(id: &str) -> ParticipantKey {
        ParticipantKey::new("c", id)
    }

    fn fay() -> LaneKey {
        Email::parse("fay@example.com").unwrap().into()
    }

    #[test]
    fn an_identify_has_the_address_that_the_person_has_now() {
        let attributes = Attributes::from([("email".to_owned(), "former@example.com".into())]);
        let planned = Call::Identify { attributes };
        let completed = |lane: &LaneKey| {
            let mut call = planned.clone();
            call.complete(lane, &References::default());
            call
        };
        let Call::Identify { attributes } = completed(&fay()) else { panic!() };
        assert_eq!(attributes["email"], "fay@example.com".into());
        // Of a person known by an id, the address is an attribute like any other.
        assert_eq!(completed(&Identifier::Id("fay".to_owned()).into()), planned);
    }

    #[test]
    fn a_reference_shows_what_is_known_and_harmless() {
        let shown = |facts: &[(&str, &str)], id: &str, shows: ReferredValue| {
            let mut person = Person::new(Identifier::Id("1".to_owned()));
            let mut participant = Participant::new("c".to_owned(), id.to_owned(), None);
            for (name, value) in facts {
                participant.facts.merge(name, Scalar::from(*value), Time::default());
            }
            person.participants.push(participant);
            let mut known = References::default();
            known.add(key(id), &person);
            known.value(&Reference { of: key(id), shows })
        };
        let rae = [(Facts::EMAIL, "rae@example.com"), (Facts::FIRST_NAME, "Rae\n")];
        for (facts, id, shows, expected) in [
            (&rae[..], "p1", ReferredValue::Address, Some("rae@example.com")),
            (&rae, "p1", ReferredValue::Referrer, Some("rae@example.com")),
            (&rae, "p1", ReferredValue::Name, Some("Rae")),
            (&[], "p1", ReferredValue::Address, None),
            (&[], "p1", ReferredValue::Referrer, Some("p1")),
            (&[], "evil.example/x", ReferredValue::Referrer, None),
            (&[], "~0a", ReferredValue::Referrer, None),
            (&[(Facts::EMAIL, "{{x}}@example.com")], "p1", ReferredValue::Referrer, None),
            (&[(Facts::FIRST_NAME, "https://evil.example")], "p1", ReferredValue::Name, None),
        ] {
            assert_eq!(shown(facts, id, shows), expected.map(Scalar::from), "{facts:?} {id}");
        }
        let unknown = References::default();
        assert_eq!(
            unknown.value(&Reference { of: key("p1"), shows: ReferredValue::Referrer }),
            None
        );
    }
}
