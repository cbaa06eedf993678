//! Problems with the settings, and the list that reports all of them at once.
//!
//! A [`Problem`] says where (a file or a variable), which key, and what is wrong there. Nothing
//! here ever holds the value of a secret: those who make a problem pass `HIDDEN` or a type's
//! name instead. Rules of single keys belong to the sections.

use std::fmt;

use toml::Value;

use crate::config::environment::key_at;

/// The stand-in for a value that must stay hidden.
pub(super) const HIDDEN: &str = "a value that is not shown";

/// Characters of a wrong value that are shown; enough to recognise it, too few to flood a log.
const SHOWN_CHARS: usize = 80;

/// Everything that is wrong with the settings, one problem a line.
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", .list.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems {
    list: Vec<Problem>,
}

/// One thing that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, the environment variable or the built-in defaults.
    pub place: String,
    /// The dotted path of the key; empty if the whole place is meant.
    pub key: String,
    /// The fault and its fix.
    pub text: String,
    /// The key that was probably meant.
    meant: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key, text, .. } = self;
        if key.is_empty() {
            write!(out, "{place}: {text}")
        } else {
            write!(out, "{place}: {key}: {text}")
        }
    }
}

impl Problems {
    /// Returns the problems in the order they were found: by layer, then by section.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// Adds a problem, once.
    pub(super) fn push(&mut self, place: &str, key: &str, text: impl Into<String>) {
        self.add(place, key, text.into(), None);
    }

    /// Adds an unknown key, with the known key that was probably `meant`.
    pub(super) fn unknown(&mut self, place: &str, key: &str, meant: Option<String>) {
        let hint = |meant: &String| format!("; did you mean {}?", key_at(place, meant));
        let hint = meant.as_ref().map(hint).unwrap_or_default();
        self.add(place, key, format!("unknown key{hint}"), meant);
    }

    fn add(&mut self, place: &str, key: &str, text: String, meant: Option<String>) {
        let problem = Problem { place: place.to_owned(), key: key.to_owned(), text, meant };
        if !self.list.contains(&problem) {
            self.list.push(problem);
        }
    }

    /// True if a problem says why a key seems to be missing: it can't be read, or was misspelt.
    pub(super) fn explain(&self, key: &str) -> bool {
        self.touch(key) || self.list.iter().any(|problem| problem.meant.as_deref() == Some(key))
    }

    /// True if a problem names this key or something inside of it, or a whole place, which might
    /// have set the key.
    pub(super) fn touch(&self, key: &str) -> bool {
        self.list.iter().any(|problem| {
            let inside = problem.key.strip_prefix(key);
            problem.key.is_empty()
                || inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

/// Returns the text of a problem with a value.
pub(super) fn wrong(expected: &str, given: &str) -> String {
    format!("expected {expected}, got {given}")
}

/// Returns the type of a value that must stay hidden.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Table(_) => "a table",
        Value::Array(_) => "a list",
        Value::String(_) => "text",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date",
        Value::Integer(_) | Value::Float(_) => "a number",
    }
}

/// Returns a value as a problem shows it: quoted, escaped and cut.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?} and more", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Problems, quoted};

    #[test]
    fn shows_one_problem_a_line() {
        let mut problems = Problems::default();
        problems.push("a.toml", "", "not valid TOML: line 1, column 2");
        problems.unknown("RELAY__LOG__LEVL", "log.levl", Some("log.level".into()));
        assert_eq!(
            problems.to_string(),
            "a.toml: not valid TOML: line 1, column 2\n\
             RELAY__LOG__LEVL: log.levl: unknown key; did you mean RELAY__LOG__LEVEL?"
        );
    }

    #[test]
    fn touches_a_key_and_what_is_inside_of_it() {
        let mut problems = Problems::default();
        problems.push("x", "mapping.tiers[0].name", "blank");
        assert!(problems.touch("mapping.tiers"));
        assert!(problems.touch("mapping"));
        assert!(!problems.touch("mapping.tier"));
    }

    #[test]
    fn quotes_cut_and_escape() {
        assert_eq!(quoted("a\nb"), r#""a\nb""#);
        assert!(quoted(&"é".repeat(500)).len() < 200);
    }
}
