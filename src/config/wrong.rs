//! The error of a value that can't be read, and its place.
//!
//! Serde would repeat the value, which may be a secret; here only what was expected is kept. What belongs
//! here: the error between a type and the reading of it. What doesn't: the sentences for users, in `problem`.

use std::fmt;

use serde::de;

use crate::config::problem::Fault;
use crate::config::tree::join;

/// The error of a value that can't be read.
#[derive(Debug)]
pub(super) struct Wrong {
    /// A text that begins with "expected" is followed by the value; any other stands alone.
    text: String,
    /// True if it is wrong whatever the value means.
    pub(super) is_of_form: bool,
    /// The key that is missing.
    missing: Option<&'static str>,
    /// The value's place, once its reader has added it.
    pub(super) found: Option<Box<Found>>,
}

/// The value that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: String,
    /// Its file or variable.
    pub(super) place: String,
    /// The value as it may be shown.
    pub(super) shown: String,
    /// True if it is a text of a file, which TOML could hold a number or a flag instead of.
    pub(super) is_text: bool,
}

impl Wrong {
    pub(super) fn form(expected: impl fmt::Display) -> Self {
        Self::spoiled(format!("expected {expected}"))
    }

    pub(super) fn spoiled(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_of_form: true, missing: None, found: None }
    }

    /// Says where it was, unless that is known more precisely.
    pub(super) fn within(mut self, found: impl FnOnce() -> Found) -> Self {
        self.found.get_or_insert_with(|| Box::new(found()));
        self
    }

    /// True if there is no value at all.
    pub(super) fn is_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Returns the path of what can't be read.
    pub(super) fn path(&self, found: &Found) -> String {
        self.missing.map_or_else(|| found.path.clone(), |name| join(&found.path, name))
    }

    /// Returns the path of the key, and what is wrong with it.
    pub(super) fn into_fault(self, Found { path, shown, is_text, .. }: &Found) -> (String, Fault) {
        if let Some(name) = self.missing {
            return (join(path, name), Fault::Rule(self.text));
        }
        // An item of a list has no name of its own.
        let list = path.strip_suffix(']').and_then(|path| path.rsplit_once('['));
        let key = list.map_or(path.as_str(), |(list, _)| list).to_owned();
        let Some(expected) = self.text.strip_prefix("expected ") else {
            return (key, Fault::Rule(self.text));
        };
        let is_other_type = *is_text && self.is_of_form;
        let given = if is_other_type { format!("the text {shown}") } else { shown.clone() };
        (key, Fault::Value { expected: expected.to_owned(), given })
    }
}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self { is_of_form: false, ..Self::spoiled(text.to_string()) }
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::form(expected)
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        let quoted: Vec<String> = variants.iter().map(|word| format!("{word:?}")).collect();
        Self::custom(format_args!("expected {}", quoted.join(" or ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::custom("is missing") }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Wrong {}
