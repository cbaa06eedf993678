//! Rules that values break though each can be read, with their places.

use crate::config::problem::Problems;
use crate::config::tree::Tree;

/// The findings of the sections' rules.
pub(super) struct Check<'a> {
    pub(super) tree: &'a Tree,
    pub(super) problems: &'a mut Problems,
    pub(super) warnings: Vec<String>,
}

impl Check<'_> {
    /// Reports that the value of a key breaks a rule.
    pub(super) fn broken(&mut self, key: &str, rule: impl Into<String>) {
        self.problems.push(self.tree.place_at(key), key, rule);
    }

    /// Reports that the value of the first key breaks a rule about all of them, unless one has a problem of its
    /// own.
    pub(super) fn rule(&mut self, keys: &[&str], is_broken: bool, rule: impl Into<String>) {
        if is_broken && self.sound(keys) {
            self.broken(keys[0], rule);
        }
    }

    /// Notes what is allowed but probably not meant.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// True if none of the keys has a problem, so that a rule about them together makes sense.
    pub(super) fn sound(&self, keys: &[&str]) -> bool {
        !keys.iter().any(|key| self.problems.touch(key))
    }
}
