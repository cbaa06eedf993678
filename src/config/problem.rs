//! Problems with the settings, and the list that reports all of them at once.
//!
//! A [`Problem`] says where (a file or a variable), which key, and what is wrong there. Nothing
//! here ever holds the value of a secret: those who make a problem pass `HIDDEN` or a type's
//! name instead. Rules of single keys belong to the sections.

use std::fmt;

use config::ValueKind;

/// The stand-in for a value that must stay hidden.
pub(super) const HIDDEN: &str = "a value that is not shown";

/// Characters of a wrong value that are shown; enough to recognise it, too few to flood a log.
const SHOWN_CHARS: usize = 80;

/// Everything that is wrong with the settings, one problem a line.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.list))]
pub struct Problems {
    list: Vec<Problem>,
}

/// One thing that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub struct Problem {
    /// The file, the environment variable or the built-in defaults.
    pub place: String,
    /// The dotted path of the key; empty if the whole place is meant.
    pub key: String,
    #[source]
    pub fault: Fault,
}

/// The faults of a key or a place.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No setting has this name.
    #[error("unknown key{}", hint(.nearest))]
    Unknown {
        /// The known key that was probably meant, spelled as it would be at that place.
        nearest: Option<String>,
    },
    /// The value has the wrong type or lies outside of what is allowed.
    #[error("expected {expected}, got {given}")]
    Value {
        /// The right form.
        expected: String,
        /// The value that was found, or a stand-in for a secret.
        given: String,
    },
    /// The value breaks a rule, alone or together with other keys.
    #[error("{0}")]
    Rule(String),
    /// A file that was named can't be read.
    #[error("can't read {path}: {source}")]
    Unreadable {
        /// The path as it was given.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file is not TOML; the text names line and column but quotes nothing of the file.
    #[error("not valid TOML: {0}")]
    Toml(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(out, "{}: {}", self.place, self.fault)
        } else {
            write!(out, "{}: {}: {}", self.place, self.key, self.fault)
        }
    }
}

impl Problems {
    pub(super) fn none() -> Self {
        Self { list: Vec::new() }
    }

    /// The problems in the order they were found: by layer, then by section.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a problem, once.
    pub(super) fn push(&mut self, place: &str, key: &str, fault: Fault) {
        let problem = Problem { place: place.to_owned(), key: key.to_owned(), fault };
        let shown = problem.to_string();
        if !self.list.iter().any(|known| known.to_string() == shown) {
            self.list.push(problem);
        }
    }

    /// True if a problem says why a key seems to be missing: it can't be read, or was misspelt.
    pub(super) fn explain(&self, key: &str) -> bool {
        let is_hint = |fault: &Fault| match fault {
            Fault::Unknown { nearest } => nearest.as_deref() == Some(key),
            _ => false,
        };
        self.touch(key) || self.list.iter().any(|problem| is_hint(&problem.fault))
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

/// The type of a value that must stay hidden.
pub(super) fn type_of(value: &ValueKind) -> &'static str {
    match value {
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        ValueKind::String(_) => "text",
        ValueKind::Boolean(_) => "a boolean",
        ValueKind::Nil => "nothing",
        _ => "a number",
    }
}

/// A value as a problem shows it: quoted, escaped and cut.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?} and more", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

fn lines(list: &[Problem]) -> String {
    let lines: Vec<String> = list.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Fault, Problems, quoted};

    #[test]
    fn shows_one_problem_a_line() {
        let mut problems = Problems::none();
        problems.push("a.toml", "", Fault::Toml("line 1, column 2".into()));
        problems.push(
            "RELAY__LOG__LEVL",
            "log.levl",
            Fault::Unknown { nearest: Some("RELAY__LOG__LEVEL".into()) },
        );
        assert_eq!(
            problems.to_string(),
            "a.toml: not valid TOML: line 1, column 2\n\
             RELAY__LOG__LEVL: log.levl: unknown key; did you mean RELAY__LOG__LEVEL?"
        );
    }

    #[test]
    fn touches_a_key_and_what_is_inside_of_it() {
        let mut problems = Problems::none();
        problems.push("x", "mapping.tiers[0].name", Fault::Rule("blank".into()));
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
