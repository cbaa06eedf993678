//! Merge: the secondary's attributes fill the primary's gaps, its recent events move, it is gone.
//!
//! The rules are those of "Merge duplicate people" in the Track API's specification. A merge that
//! can't be done is a 200 that does nothing.

use super::{
    activity::Kind,
    identifier::Identifier,
    people::{self, Person},
    workspace::{Receipt, Workspace},
};

/// The greatest age of an event that a merge carries over.
const CARRIED_SECONDS: i64 = 30 * 24 * 60 * 60;

impl Workspace {
    pub(super) fn merge(&mut self, receipt: Receipt, primary: &Identifier, secondary: &Identifier) {
        if self.is_ignored(receipt, primary) || self.is_ignored(receipt, secondary) {
            return;
        }
        let Some(into) = self.people.find(primary) else {
            let detail = format!("no primary; the secondary is {secondary}");
            self.record(receipt, Kind::MergeWithoutPrimary, Some(primary), detail);
            return;
        };
        let from = self.people.find(secondary).filter(|from| *from != into);
        let Some((from, person)) = from.and_then(|key| Some((key, self.people.remove(key)?)))
        else {
            let detail = format!("no secondary apart from the primary: {secondary}");
            self.record(receipt, Kind::MergeWithoutSecondary, Some(primary), detail);
            return;
        };

        for identifier in person.identifiers(from) {
            self.merged.insert(identifier, people::cio_id(into));
        }
        self.move_events(receipt, primary, into, &person);
        for anonymous_id in &person.anonymous_ids {
            if let Some(anonymous) = self.anonymous.get_mut(anonymous_id) {
                anonymous.give(into);
            }
        }
        self.fill_gaps(into, from, person);

        let detail = format!("{secondary} was merged into it");
        self.record(receipt, Kind::Merged, Some(primary), detail);
    }

    fn move_events(&mut self, receipt: Receipt, primary: &Identifier, into: u64, person: &Person) {
        let oldest = receipt.seconds() - CARRIED_SECONDS;
        let (mut moved, mut left) = (Vec::new(), 0);
        for seq in &person.events {
            let recent =
                self.events.records.get(*seq).is_some_and(|event| event.timestamp >= oldest);
            if recent {
                self.events.give(*seq, Some(into));
                moved.push(*seq);
            } else {
                self.events.give(*seq, None);
                left += 1;
            }
        }

        if let Some(primary) = self.people.get_mut(into) {
            primary.events.extend(moved);
            primary.events.make_contiguous().sort_unstable();
        }
        if left > 0 {
            let detail = format!("{left} events are older than 30 days");
            self.record(receipt, Kind::MergeLeftEventsBehind, Some(primary), detail);
        }
    }

    fn fill_gaps(&mut self, into: u64, from: u64, secondary: Person) {
        let Some(primary) = self.people.get_mut(into) else {
            return;
        };
        for (name, value) in secondary.attributes {
            primary.attributes.entry(name).or_insert(value);
        }
        primary.anonymous_ids.extend(secondary.anonymous_ids);
        primary.merged_from.extend(secondary.merged_from);
        primary.merged_from.push(people::cio_id(from));

        // Identifiers are attributes, too.
        let id = secondary.id.filter(|_| primary.id.is_none());
        let email = secondary.email.filter(|_| primary.email.is_none());
        if let Some(id) = id {
            self.people.assign(into, &Identifier::Id(id));
        }
        if let Some(email) = email {
            self.people.assign(into, &Identifier::Email(email));
        }
    }
}
