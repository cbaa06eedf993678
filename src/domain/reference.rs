//! References: the places that a call leaves for another participant's address or name.
//!
//! What belongs here: what a place shows, and what it becomes when the call is sent. What doesn't: which
//! calls refer to whom, which the plan decides, and reading the participants, which a store does.
//!
//! Another person's address and name are nowhere but in their own record. So a call shows them as they are
//! when it is sent, and erasing a person takes them out of everybody's calls.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Attributes, Call, Facts, Identifier, Participant, ParticipantKey, Person, Scalar,
    display_address, display_name, display_text,
};

/// A value that another participant has, in place of the value itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Reference {
    /// The participant: GrowSurf's id, or the key that effects name them by.
    #[serde(flatten)]
    pub of: ParticipantKey,
    /// The part of them that stands there.
    pub shows: Shown,
}

/// The part of another participant that a call shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Their address.
    Address,
    /// Their display name.
    Name,
    /// Their address, or else their participant id.
    Referrer,
}

/// The parts of a participant that others' calls may show.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Parts {
    address: Option<String>,
    name: Option<String>,
    id: String,
}

/// The participants that some calls refer to, as they are now.
#[derive(Clone, Default, Debug)]
pub struct References(HashMap<ParticipantKey, Parts>);

impl References {
    /// Adds the person that a key leads to.
    pub fn add(&mut self, key: ParticipantKey, person: &Person) {
        let Some(participant) = person.participant(&key) else { return };
        let fact = |name| participant.facts.get(name).and_then(|fact| fact.value.as_text());
        let own = match &person.identifier {
            Identifier::Email(email) => Some(email.as_str()),
            _ => None,
        };
        let address = fact(Facts::EMAIL).or(own).map(str::to_owned);
        let name = display_name([fact(Facts::FIRST_NAME), fact(Facts::LAST_NAME)]);
        let id = participant.growsurf_id.as_ref().unwrap_or(&key.participant).clone();
        self.0.insert(key, Parts { address, name, id });
    }

    /// Adds a participant of whom the store knows only the id.
    pub fn add_unknown(&mut self, key: ParticipantKey) {
        let id = key.participant.clone();
        self.0.insert(key, Parts { address: None, name: None, id });
    }

    /// Returns the participants that calls refer to, out of the people that a plan knows.
    pub fn among<'a>(
        calls: impl IntoIterator<Item = &'a Call>,
        people: impl Iterator<Item = &'a Person> + Clone,
    ) -> Self {
        let mut known = Self::default();
        for key in calls.into_iter().flat_map(Call::references) {
            let as_participant = people.clone().find(|it| it.keys().any(|own| own == *key));
            let addressee = Identifier::Participant(key.clone());
            let found =
                as_participant.or_else(|| people.clone().find(|it| it.identifier == addressee));
            match found {
                Some(person) => known.add(key.clone(), person),
                None => known.add_unknown(key.clone()),
            }
        }
        known
    }

    /// Returns the value that takes a reference's place; `None` if it may not be shown, or if nobody is
    /// known by the key.
    fn value(&self, reference: &Reference) -> Option<Scalar> {
        let Parts { address, name, id } = self.0.get(&reference.of)?;
        let shown = match (reference.shows, address) {
            (Shown::Name, _) => name.as_deref(),
            (Shown::Address | Shown::Referrer, Some(address)) => display_address(address),
            (Shown::Address, None) => None,
            (Shown::Referrer, None) => {
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

    /// Completes the call for its sending: puts in the address that the person has by now, and the values
    /// that it refers to. A value that nobody has is left out.
    pub fn complete(&mut self, identifier: &Identifier, known: &References) {
        let values = match self {
            Self::Identify { attributes } => {
                if let (Identifier::Email(email), Some(value)) =
                    (identifier, attributes.get_mut("email"))
                {
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
    use crate::domain::{Email, Time};

    fn key(id: &str) -> ParticipantKey {
        ParticipantKey { campaign: "c".to_owned(), participant: id.to_owned() }
    }

    fn fay() -> Identifier {
        Identifier::Email(Email::parse("fay@example.com").unwrap())
    }

    #[test]
    fn an_identify_has_the_address_that_the_person_has_now() {
        let attributes = Attributes::from([("email".to_owned(), "former@example.com".into())]);
        let planned = Call::Identify { attributes };
        let completed = |identifier: &Identifier| {
            let mut call = planned.clone();
            call.complete(identifier, &References::default());
            call
        };
        let Call::Identify { attributes } = completed(&fay()) else { panic!() };
        assert_eq!(attributes["email"], "fay@example.com".into());
        // Of a person known by an id, the address is an attribute like any other.
        assert_eq!(completed(&Identifier::Id("fay".to_owned())), planned);
    }

    #[test]
    fn a_reference_shows_what_is_known_and_harmless() {
        let shown = |facts: &[(&str, &str)], id: &str, shows: Shown| {
            let mut person = Person::new(Identifier::Id("1".to_owned()));
            let mut participant = Participant::new("c".to_owned(), id.to_owned(), None);
            for (name, value) in facts {
                participant.facts.learn(name, Scalar::from(*value), Time::default());
            }
            person.participants.push(participant);
            let mut known = References::default();
            known.add(key(id), &person);
            known.value(&Reference { of: key(id), shows })
        };
        let rae = [(Facts::EMAIL, "rae@example.com"), (Facts::FIRST_NAME, "Rae\n")];
        for (facts, id, shows, expected) in [
            (&rae[..], "p1", Shown::Address, Some("rae@example.com")),
            (&rae, "p1", Shown::Referrer, Some("rae@example.com")),
            (&rae, "p1", Shown::Name, Some("Rae")),
            (&[], "p1", Shown::Address, None),
            (&[], "p1", Shown::Referrer, Some("p1")),
            (&[], "evil.example/x", Shown::Referrer, None),
            (&[], "~0a", Shown::Referrer, None),
            (&[(Facts::EMAIL, "{{x}}@example.com")], "p1", Shown::Referrer, None),
            (&[(Facts::FIRST_NAME, "https://evil.example")], "p1", Shown::Name, None),
        ] {
            assert_eq!(shown(facts, id, shows), expected.map(Scalar::from), "{facts:?} {id}");
        }
        let unknown = References::default();
        assert_eq!(unknown.value(&Reference { of: key("p1"), shows: Shown::Referrer }), None);
    }
}
