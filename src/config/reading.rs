//! Sections, read from a tree of settings into structs, which are the schema.
//!
//! What can't be read is replaced by the default and read again, so that every problem is found. What belongs
//! here: which problems count, and what is noted on the way. What doesn't: single values, in `node`, and
//! what they mean, which their types and sections know.

use std::cell::RefCell;
use std::collections::BTreeSet;

use config::Value;
use serde::de::DeserializeOwned;

use crate::config::growsurf::CAMPAIGN_DEFAULTS;
use crate::config::node::Node;
use crate::config::problem::{Fault, Problems};
use crate::config::sources::Sources;
use crate::config::tree::{BUILT_IN, TABLES, find, join, nearest, place_of};
use crate::config::wrong::Wrong;

/// One setting, its value and the place that set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// The dotted path of the key.
    pub key: String,
    /// The value as it was written; "set" or "not set" for a secret.
    pub value: String,
    /// The file, the environment variable or the built-in defaults.
    pub place: String,
}

impl EffectiveSetting {
    /// True if neither a file nor a variable sets it.
    pub fn is_built_in(&self) -> bool {
        self.place == BUILT_IN
    }
}

/// A tree that sections are read from.
pub(super) struct Reading<'a> {
    pub(super) tree: &'a Value,
    pub(super) defaults: &'a Value,
    pub(super) sources: &'a Sources,
    /// The place of the one layer that the tree has beside the defaults. Then unknown keys and values of the
    /// wrong form are problems, and else those without sense.
    pub(super) layer: Option<&'a str>,
    problems: RefCell<&'a mut Problems>,
    summary: RefCell<Vec<EffectiveSetting>>,
    /// The paths whose values can't be read.
    given_up: RefCell<BTreeSet<String>>,
}

/// Returns the default of a key that a campaign may leave out.
pub(super) fn default_in_campaign(path: &str) -> Option<&'static Value> {
    let (_, name) = path.strip_prefix(TABLES[0])?.split_once("].")?;
    find(&CAMPAIGN_DEFAULTS, name)
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        (tree, defaults): (&'a Value, &'a Value),
        sources: &'a Sources,
        layer: Option<&'a str>,
        problems: &'a mut Problems,
    ) -> Self {
        let (summary, given_up) = (RefCell::default(), RefCell::default());
        Self { tree, defaults, sources, layer, problems: problems.into(), summary, given_up }
    }

    /// Reads a section, with the default in the place of what is wrong.
    pub(super) fn section<T: DeserializeOwned>(&self, name: &str) -> T {
        let shown_before = self.summary.borrow().len();
        loop {
            let node = self.node(name.to_owned(), find(self.tree, name));
            let node = node.expect("the built-in defaults have every section");
            let wrong = match T::deserialize(node.clone()) {
                Ok(section) => return section,
                Err(wrong) => wrong.within(|| node.found()),
            };
            self.summary.borrow_mut().truncate(shown_before);
            self.give_up(wrong, name);
        }
    }

    /// Every key, its value and its place, in the order of reading; no secret is shown.
    pub(super) fn into_summary(self) -> Vec<EffectiveSetting> {
        self.summary.into_inner()
    }

    fn give_up(&self, wrong: Wrong, section: &str) {
        let found = wrong.found.clone().expect("a section says where it is wrong");
        let given_up = wrong.path(&found);
        if wrong.is_of_form == self.layer.is_some() {
            let place = found.place.clone();
            let is_missing = wrong.is_missing();
            let (key, fault) = wrong.into_fault(&found);
            let mut problems = self.problems.borrow_mut();
            if !(is_missing && problems.explain(&key)) {
                problems.push(&place, &key, fault);
            }
        }
        // What is wrong for good is given up as a whole.
        if !self.given_up.borrow_mut().insert(given_up) {
            let is_new = self.given_up.borrow_mut().insert(section.to_owned());
            assert!(is_new, "the built-in [{section}] can't be read");
        }
    }

    /// Returns the value at a path as it is read; `None` if it is given up and has no default.
    pub(super) fn node<'r>(&'r self, path: String, value: Option<&Value>) -> Option<Node<'r, 'a>> {
        let is_given_up = self.given_up.borrow().contains(&path);
        let value = if is_given_up { self.default_at(&path) } else { value }?.clone();
        Some(Node::new(self, path, value))
    }

    /// Returns the default at a path. The items of a list of tables have that of the first one.
    fn default_at(&self, path: &str) -> Option<&'a Value> {
        let of_first = |list: &str| {
            let (_, name) = path.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
            find(find(self.defaults, &format!("{list}[0]"))?, name.strip_prefix('.')?)
        };
        find(self.defaults, path)
            .or_else(|| TABLES.into_iter().find_map(of_first))
            .or_else(|| default_in_campaign(path))
    }

    /// Notes a value for the summary.
    pub(super) fn note(&self, setting: EffectiveSetting) {
        let mut summary = self.summary.borrow_mut();
        // Two parts of a section may take the same key.
        if self.layer.is_none() && !summary.contains(&setting) {
            summary.push(setting);
        }
    }

    /// Reports a key below a path that is none of the `known` ones.
    pub(super) fn unknown(&self, (parent, name): (&str, &str), value: &Value, known: &[&str]) {
        let Some(layer) = self.layer else { return };
        let place = place_of(value).unwrap_or(layer);
        let nearest = nearest(parent, name, known, self.defaults);
        self.problems.borrow_mut().push(place, &join(parent, name), Fault::Unknown { nearest });
    }
}
