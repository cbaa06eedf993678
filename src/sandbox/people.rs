//! The people of the workspace and their identifiers.
//!
//! Only keeps them consistent: an identifier has at most one owner. What a request may do to them
//! is decided in `identify` and `merge`.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::identifier::Identifier;

/// The first `cio_id`, as in Customer.io's examples.
const FIRST_KEY: u64 = 0xa300_0001;

/// One profile.
#[derive(Debug, Default, Serialize)]
pub(super) struct Person {
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
    pub(super) attributes: BTreeMap<String, Value>,
    pub(super) anonymous_ids: Vec<String>,
    /// Numbers of its events in the event log, ascending.
    #[serde(skip)]
    pub(super) events: VecDeque<u64>,
    /// Unix seconds of the newest attribute update.
    pub(super) newest_update: Option<i64>,
    /// The `cio_id`s of the people that were merged into this one.
    pub(super) merged_from: Vec<String>,
}

impl Person {
    /// Returns everything that names the person.
    pub(super) fn identifiers(&self, key: u64) -> Vec<Identifier> {
        let id = self.id.clone().map(Identifier::Id);
        let email = self.email.clone().map(Identifier::Email);
        id.into_iter().chain(email).chain([Identifier::CioId(cio_id(key))]).collect()
    }
}

/// All profiles, by a number that is also the `cio_id`.
#[derive(Debug)]
pub(super) struct People {
    persons: BTreeMap<u64, Person>,
    by_id: HashMap<String, u64>,
    by_email: HashMap<String, u64>,
    next_key: u64,
}

impl Default for People {
    fn default() -> Self {
        Self {
            persons: BTreeMap::new(),
            by_id: HashMap::new(),
            by_email: HashMap::new(),
            next_key: FIRST_KEY,
        }
    }
}

pub(super) fn cio_id(key: u64) -> String {
    format!("{key:08x}")
}

impl People {
    pub(super) fn find(&self, identifier: &Identifier) -> Option<u64> {
        match identifier {
            Identifier::Id(id) => self.by_id.get(id).copied(),
            Identifier::Email(email) => self.by_email.get(email).copied(),
            Identifier::CioId(text) => u64::from_str_radix(text, 16)
                .ok()
                .filter(|key| self.persons.contains_key(key) && cio_id(*key) == *text),
        }
    }

    pub(super) fn get(&self, key: u64) -> Option<&Person> {
        self.persons.get(&key)
    }

    /// Returns a person to change, but for the identifiers, which [`People::assign`] changes.
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut Person> {
        self.persons.get_mut(&key)
    }

    /// Adds a person without any identifier but the `cio_id`.
    pub(super) fn create(&mut self) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        self.persons.insert(key, Person::default());
        key
    }

    /// Gives a person an identifier in place of the one it has of that kind. The caller knows that
    /// nobody else has it.
    pub(super) fn assign(&mut self, key: u64, identifier: &Identifier) {
        let Some(person) = self.persons.get_mut(&key) else {
            return;
        };
        let (field, index, value) = match identifier {
            Identifier::Id(id) => (&mut person.id, &mut self.by_id, id),
            Identifier::Email(email) => (&mut person.email, &mut self.by_email, email),
            Identifier::CioId(_) => return,
        };
        if field.as_ref() == Some(value) {
            return;
        }
        if let Some(old) = field.replace(value.clone()) {
            index.remove(&old);
        }
        index.insert(value.clone(), key);
    }

    /// Takes a person out, so that its identifiers are free.
    pub(super) fn remove(&mut self, key: u64) -> Option<Person> {
        let person = self.persons.remove(&key)?;
        if let Some(id) = &person.id {
            self.by_id.remove(id);
        }
        if let Some(email) = &person.email {
            self.by_email.remove(email);
        }
        Some(person)
    }

    /// Returns all people, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Person)> {
        self.persons.iter().map(|(key, person)| (*key, person))
    }

    pub(super) fn len(&self) -> usize {
        self.persons.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_leads_to_its_owner_until_it_is_replaced() {
        let mut people = People::default();
        let key = people.create();
        let (old, new) = (Identifier::Id("1".to_owned()), Identifier::Id("2".to_owned()));
        people.assign(key, &old);
        assert_eq!(people.find(&old), Some(key));
        people.assign(key, &new);
        assert_eq!(people.find(&old), None);
        assert_eq!(people.find(&new), Some(key));
        assert_eq!(people.find(&Identifier::CioId("a3000001".to_owned())), Some(key));
        assert_eq!(people.find(&Identifier::CioId("A3000001".to_owned())), None);

        people.remove(key);
        assert_eq!(people.find(&new), None);
        assert_eq!(people.find(&Identifier::CioId("a3000001".to_owned())), None);
    }
}
