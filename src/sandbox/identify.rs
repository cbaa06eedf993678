//! Identify: who is meant, whether the update counts, and what it changes.
//!
//! The rules are those of "Add or update a customer" in the Track API's specification. All of its
//! failures are answered 200 and written to the activity; they change nothing.

use serde_json::Value;

use super::{
    activity::Kind,
    answer::Problem,
    identifier::Identifier,
    limits,
    operation::Identify,
    people::Person,
    workspace::{Receipt, Workspace},
};

/// The reason why an identify changes nothing.
type Refusal = (Kind, String);

impl Workspace {
    /// Updates or adds a person.
    ///
    /// # Errors
    ///
    /// Fails if the person would have more attributes than are allowed.
    pub(super) fn identify(&mut self, receipt: Receipt, identify: Identify) -> Result<(), Problem> {
        let named = [
            identify.id.clone().map(Identifier::Id),
            identify.email.clone().map(Identifier::Email),
        ];
        let named: Vec<Identifier> = named.into_iter().flatten().collect();

        let everything = || std::iter::once(&identify.target).chain(&named);
        if everything().any(|identifier| self.is_ignored(receipt, identifier)) {
            return Ok(());
        }

        let key = match self.whom(&identify, &named) {
            Ok(key) => key,
            Err((kind, detail)) => {
                self.record(receipt, kind, Some(&identify.target), detail);
                return Ok(());
            }
        };

        let person = key.and_then(|key| self.people.get(key));
        let newest = person.and_then(|person| person.newest_update);
        if let (Some(time), Some(newest)) = (identify.timestamp, newest)
            && time < newest
        {
            let detail = format!("the update of {time} is older than that of {newest}");
            self.record(receipt, Kind::DroppedOlderUpdate, Some(&identify.target), detail);
            return Ok(());
        }
        check_number(person, &identify)?;

        let key = key.unwrap_or_else(|| self.people.create());
        for identifier in everything() {
            self.people.assign(key, identifier);
        }
        if let Some(person) = self.people.get_mut(key) {
            let time = identify.timestamp.unwrap_or_else(|| receipt.seconds());
            person.newest_update = newest.max(Some(time));
            for (name, value) in identify.attributes {
                if removes(&value) {
                    person.attributes.remove(&name);
                } else {
                    person.attributes.insert(name, value);
                }
            }
        }
        if let Some(anonymous_id) = identify.anonymous_id {
            self.join(receipt, key, &anonymous_id);
        }
        Ok(())
    }

    /// Returns the person to update, or none if one is to be created.
    fn whom(&self, identify: &Identify, named: &[Identifier]) -> Result<Option<u64>, Refusal> {
        let failure = |detail: String| (Kind::AttributeUpdateFailure, detail);
        let owner = self.people.find(&identify.target);

        if let Identifier::CioId(_) = identify.target {
            let Some(key) = owner else {
                let detail = "no person has this cio_id".to_owned();
                return Err((Kind::DroppedUnknownCioId, detail));
            };
            // By its cio_id a person can be given any identifier that nobody else has.
            return match named.iter().find(|name| self.is_anothers(key, name)) {
                Some(taken) => Err(failure(format!("{} belongs to another person", taken.kind()))),
                None => Ok(Some(key)),
            };
        }

        let owners: Vec<u64> =
            named.iter().filter_map(|name| self.people.find(name)).chain(owner).collect();
        let Some(&key) = owners.first() else {
            if identify.only_update {
                let detail = "_update is true and nobody has these identifiers".to_owned();
                return Err((Kind::FailedAttributeChange, detail));
            }
            return match named.iter().find(|name| is_rival(&identify.target, name)) {
                Some(rival) => Err(failure(format!("two values for {}", rival.kind()))),
                None => Ok(None),
            };
        };
        if owners.iter().any(|other| *other != key) {
            let detail = "the identifiers belong to different people".to_owned();
            return Err(failure(detail));
        }

        // The identifier in the path is assigned, even over another one; those in the body only
        // where the person has none.
        let person = self.people.get(key);
        let changed = named.iter().find(|name| {
            let current = person.and_then(|person| current(person, name));
            current.is_some_and(|current| current != name.value())
                || is_rival(&identify.target, name)
        });
        match changed {
            Some(name) => {
                Err(failure(format!("{} is set already and changes only by cio_id", name.kind())))
            }
            None => Ok(Some(key)),
        }
    }

    fn is_anothers(&self, key: u64, identifier: &Identifier) -> bool {
        self.people.find(identifier).is_some_and(|owner| owner != key)
    }
}

/// Returns true if both are of one kind, but differ.
fn is_rival(target: &Identifier, name: &Identifier) -> bool {
    target.kind() == name.kind() && target != name
}

fn current<'a>(person: &'a Person, like: &Identifier) -> Option<&'a str> {
    match like {
        Identifier::Id(_) => person.id.as_deref(),
        Identifier::Email(_) => person.email.as_deref(),
        Identifier::CioId(_) => None,
    }
}

/// Returns true if a value removes its attribute.
fn removes(value: &Value) -> bool {
    value.is_null() || value == ""
}

fn check_number(person: Option<&Person>, identify: &Identify) -> Result<(), Problem> {
    let Some(person) = person else {
        return Ok(());
    };
    let has = |name: &String| person.attributes.contains_key(name);
    let (mut added, mut removed) = (0, 0);
    for (name, value) in &identify.attributes {
        match (removes(value), has(name)) {
            (true, true) => removed += 1,
            (false, false) => added += 1,
            _ => {}
        }
    }

    if person.attributes.len() + added - removed > limits::ATTRIBUTES {
        let message = format!("a person cannot have more than {} attributes", limits::ATTRIBUTES);
        return Err(Problem::invalid("attributes", message));
    }
    Ok(())
}
