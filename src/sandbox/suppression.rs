//! Delete, suppress and unsuppress: the ways a person goes by request.
//!
//! A deleted person's identifiers may be used again. A suppressed one is deleted too, and
//! everything that names it is ignored with a 200 until it is unsuppressed.

use super::{
    activity::Kind,
    identifier::Identifier,
    workspace::{Receipt, Workspace},
};

impl Workspace {
    pub(super) fn delete(&mut self, receipt: Receipt, target: &Identifier) {
        if self.is_ignored(receipt, target) {
            return;
        }
        let detail = match self.remove_person(target) {
            Some(_) => "deleted",
            None => "nobody has this identifier",
        };
        self.record(receipt, Kind::Deleted, Some(target), detail);
    }

    /// Suppresses the identifier and all others of its owner.
    pub(super) fn suppress(&mut self, receipt: Receipt, target: &Identifier) {
        if self.is_ignored(receipt, target) {
            return;
        }

        let mut together = self.remove_person(target).unwrap_or_default();
        if !together.contains(target) {
            together.push(target.clone());
        }
        for identifier in &together {
            self.suppressed.insert(identifier.clone(), together.clone());
        }
        self.record(receipt, Kind::Suppressed, Some(target), "suppressed");
    }

    /// Ends the suppression of the identifier and of those that were suppressed with it.
    pub(super) fn unsuppress(&mut self, receipt: Receipt, target: &Identifier) {
        let detail = match self.suppressed.remove(target) {
            Some(together) => {
                for identifier in together {
                    self.suppressed.remove(&identifier);
                }
                "unsuppressed"
            }
            None => "was not suppressed",
        };
        self.record(receipt, Kind::Unsuppressed, Some(target), detail);
    }

    /// Returns true if the identifier is suppressed, and records that.
    pub(super) fn is_ignored(&mut self, receipt: Receipt, identifier: &Identifier) -> bool {
        let ignored = self.suppressed.contains_key(identifier);
        if ignored {
            let detail = "the identifier is suppressed";
            self.record(receipt, Kind::IgnoredSuppressed, Some(identifier), detail);
        }
        ignored
    }

    /// Takes the person out and returns its identifiers. Its events stay in the log, as nobody's.
    fn remove_person(&mut self, target: &Identifier) -> Option<Vec<Identifier>> {
        let key = self.people.find(target)?;
        let person = self.people.remove(key)?;
        for seq in &person.events {
            self.events.give(*seq, None);
        }
        Some(person.identifiers(key))
    }
}
