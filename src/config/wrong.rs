//! Why a value can't be read, as serde tells it, and where it stands.
//!
//! Serde would repeat the value, which may be a secret; here only what was expected is kept. What belongs
//! here: the error between a type and the reading of it. What doesn't: what a user is told, in `problem`.

use std::fmt;

use serde::de;

use crate::config::problem::Fault;

/// Why a value can't be read.
#[derive(Debug)]
pub(super) struct Wrong {
    cause: Cause,
    /// Where, once whoever read the value has said so.
    pub(super) found: Option<Found>,
}

#[derive(Debug)]
enum Cause {
    /// It isn't what the type is written as.
    Form(String),
    /// An editor spoiled it.
    Spoiled(String),
    /// It makes no sense.
    Sense(String),
    /// A key of a table is missing.
    Missing(&'static str),
}

/// The value that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its path.
    pub(super) path: String,
    /// Its file or variable.
    pub(super) place: String,
    /// How it may be shown.
    pub(super) shown: String,
    /// True if it is a text of a file, which TOML could hold a number or a flag instead of.
    pub(super) is_text: bool,
}

impl Wrong {
    pub(super) fn form(expected: impl Into<String>) -> Self {
        Self { cause: Cause::Form(expected.into()), found: None }
    }

    pub(super) fn spoiled(rule: impl Into<String>) -> Self {
        Self { cause: Cause::Spoiled(rule.into()), found: None }
    }

    /// Says where it was, unless that is known more precisely.
    pub(super) fn within(mut self, found: impl FnOnce() -> Found) -> Self {
        self.found.get_or_insert_with(found);
        self
    }

    /// True if it is wrong whatever the value means.
    pub(super) fn is_of_form(&self) -> bool {
        matches!(self.cause, Cause::Form(_) | Cause::Spoiled(_))
    }

    /// Returns the path of the key, and what is wrong with it.
    pub(super) fn into_fault(self, Found { path, shown, is_text, .. }: &Found) -> (String, Fault) {
        // An item of a list has no name of its own.
        let key = if path.ends_with(']') { path.rsplit_once('[').map(|it| it.0) } else { None };
        let key = key.unwrap_or(path).to_owned();
        let given = shown.clone();
        match self.cause {
            Cause::Form(expected) => {
                let given = if *is_text { format!("the text {given}") } else { given };
                (key, Fault::Value { expected, given })
            }
            Cause::Sense(text) => match text.strip_prefix("expected ") {
                Some(expected) => (key, Fault::Value { expected: expected.to_owned(), given }),
                None => (key, Fault::Rule(text)),
            },
            Cause::Spoiled(rule) => (key, Fault::Rule(rule)),
            Cause::Missing(name) => (format!("{path}.{name}"), Fault::Rule("is missing".into())),
        }
    }
}

impl de::Error for Wrong {
    /// A text that begins with "expected" is followed by the value; any other stands alone.
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self { cause: Cause::Sense(text.to_string()), found: None }
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::form(expected.to_string())
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        let quoted: Vec<String> = variants.iter().map(|word| format!("{word:?}")).collect();
        Self::custom(format_args!("expected {}", quoted.join(" or ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { cause: Cause::Missing(field), found: None }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.cause)
    }
}

impl std::error::Error for Wrong {}
