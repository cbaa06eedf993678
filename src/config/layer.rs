//! One layer of settings from TOML text, checked against the schema before it is merged.
//!
//! A layer holds only known keys with values of the right type, each with its place; the rest has
//! become problems. Merging must come after this: the `config` crate would let `server = 5`
//! replace the whole section, and its own errors stop at the first. What the environment holds is
//! turned into a layer in `environment`.

use std::borrow::Cow;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use crate::config::key::{Key, Kind, ROOT, join, nearest};
use crate::config::problem::{Fault, Problems, quoted};
use crate::config::reader::as_text;
use crate::config::value::spoiled::{Strictness, mark};

/// The checked values of one place.
#[derive(Clone, Default)]
pub(super) struct Layer(pub(super) Map<String, Value>);

impl std::fmt::Debug for Layer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be secrets.
        out.write_str("Layer(..)")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    /// Reads TOML text; a text that isn't TOML is one problem and an empty layer.
    pub(super) fn from_toml(text: &str, place: &str, problems: &mut Problems) -> Self {
        match File::from_str(text, FileFormat::Toml).collect() {
            Ok(table) => Self(check_table(table, ROOT, "", place, problems)),
            Err(error) => {
                problems.push(place, "", Fault::Toml(without_excerpt(&error)));
                Self::default()
            }
        }
    }
}

/// The error's text without the line of the file it quotes, which may hold a secret.
fn without_excerpt(error: &ConfigError) -> String {
    let ConfigError::FileParse { cause, .. } = error else {
        return "unknown reason".to_owned();
    };
    let text = cause.to_string();
    let Some(position) = text.strip_prefix("TOML parse error at ") else {
        return text;
    };
    // The position, three lines of excerpt, then the message.
    let mut lines = position.lines();
    let position = lines.next().unwrap_or_default();
    let message: Vec<&str> = lines.skip(3).collect();
    format!("{position}: {}", message.join(" "))
}

fn check_table(
    table: Map<String, Value>,
    keys: &'static [Key],
    path: &str,
    place: &str,
    problems: &mut Problems,
) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> = table.into_iter().collect();
    // The map has no order; problems should have one.
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    let mut checked = Map::new();
    for (name, value) in entries {
        let path_of_key = join(path, &name);
        match Key::find(keys, &name) {
            Some(key) => {
                if let Some(kind) = check_value(value, &key.kind, &path_of_key, place, problems) {
                    checked.insert(name, at(place, kind));
                }
            }
            None => {
                // Inside a list of tables the path has an index, which a suggestion keeps.
                let nearest = nearest(path, &name, keys);
                problems.push(place, &path_of_key, Fault::Unknown { nearest });
            }
        }
    }
    checked
}

/// The value with its inner values at their place, or `None` and a problem.
fn check_value(
    value: Value,
    kind: &Kind,
    path: &str,
    place: &str,
    problems: &mut Problems,
) -> Option<ValueKind> {
    if let Some(mark) = kind.mark(&value.kind) {
        problems.push(place, path, Fault::Rule(mark.into_owned()));
        return None;
    }
    match (kind, value.kind) {
        // One is written as one, so that a single token needs no brackets.
        (Kind::Tokens, ValueKind::String(text)) => {
            let texts = (!text.is_empty()).then(|| Value::new(None, text));
            Some(ValueKind::Array(texts.into_iter().collect()))
        }
        (Kind::Text | Kind::Label | Kind::Secret | Kind::Size, found @ ValueKind::String(_))
        | (Kind::Flag, found @ ValueKind::Boolean(_))
        | (Kind::Whole, found @ ValueKind::I64(_)) => Some(found),
        (Kind::Size, ValueKind::I64(bytes)) => Some(ValueKind::String(bytes.to_string())),
        (Kind::List | Kind::Secrets | Kind::Tokens, ValueKind::Array(items))
            if items.iter().all(|item| matches!(item.kind, ValueKind::String(_))) =>
        {
            Some(ValueKind::Array(items))
        }
        (Kind::Table(keys), ValueKind::Table(table)) => {
            Some(ValueKind::Table(check_table(table, keys, path, place, problems)))
        }
        (Kind::Names, ValueKind::Table(table)) => {
            let mut names = Map::new();
            for (name, value) in table {
                let path = join(path, &name);
                if let Some(mark) = mark(&name, Strictness::Text) {
                    problems.push(place, &path, Fault::Rule(format!("the name {mark}")));
                    continue;
                }
                if let Some(kind) = check_value(value, &Kind::Label, &path, place, problems) {
                    names.insert(name, at(place, kind));
                }
            }
            Some(ValueKind::Table(names))
        }
        (Kind::Tables(keys), ValueKind::Array(items)) => {
            let mut tables = Vec::new();
            for (index, item) in items.into_iter().enumerate() {
                let path = format!("{path}[{index}]");
                let kind = check_value(item, &Kind::Table(keys), &path, place, problems);
                // An item that is no table stays as an empty one, so that indexes still fit.
                let kind = kind.unwrap_or_else(|| ValueKind::Table(Map::new()));
                tables.push(at(place, kind));
            }
            Some(ValueKind::Array(tables))
        }
        (kind, found) => {
            let expected = kind.expected().to_owned();
            let given = describe(&found, kind.is_hidden());
            problems.push(place, path, Fault::Value { expected, given });
            None
        }
    }
}

impl Kind {
    /// What a file must hold for this kind, for problems.
    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Text | Self::Label | Self::Secret => "text in quotes",
            Self::Flag => "true or false",
            Self::Whole => "a whole number",
            Self::Size => "a size such as \"8MiB\"",
            Self::List | Self::Secrets => "a list of texts such as [\"a\", \"b\"]",
            Self::Tokens => "text in quotes, or a list of texts such as [\"a\", \"b\"]",
            Self::Table(_) | Self::Names => "a table of keys",
            Self::Tables(_) => "tables under [[...]]",
        }
    }

    /// Whether values of this kind, or something inside of them, must not be shown.
    pub(super) fn is_hidden(&self) -> bool {
        matches!(
            self,
            Self::Secret
                | Self::Secrets
                | Self::Tokens
                | Self::Table(_)
                | Self::Tables(_)
                | Self::Names
        )
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::List | Self::Secrets)
    }

    /// Returns what spoils a text of this kind, or one of its texts.
    pub(super) fn mark(&self, value: &ValueKind) -> Option<Cow<'static, str>> {
        let strictness = match self {
            Self::Secret | Self::Secrets | Self::Tokens => Strictness::Secret,
            Self::Label => Strictness::Text,
            _ => Strictness::Plain,
        };
        match value {
            // A variable with a list may end with a comma.
            ValueKind::String(text) if self.is_list() => mark(text, Strictness::Text),
            ValueKind::String(text) => mark(text, strictness),
            ValueKind::Array(items) => {
                let texts = items.iter().filter_map(as_text);
                texts.filter_map(|text| mark(text, strictness)).next()
            }
            _ => None,
        }
    }
}

fn describe(found: &ValueKind, hidden: bool) -> String {
    match found {
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::String(_) if hidden => "text".to_owned(),
        ValueKind::String(text) => format!("the text {}", quoted(text)),
        ValueKind::Boolean(_) if hidden => "a boolean".to_owned(),
        ValueKind::Nil => "nothing".to_owned(),
        _ if hidden => "a number".to_owned(),
        other => other.to_string(),
    }
}

/// A value that remembers its place.
pub(super) fn at(place: &str, kind: impl Into<ValueKind>) -> Value {
    Value::new(Some(&place.to_owned()), kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::Layer;
    use crate::config::problem::Problems;

    fn problems_of(text: &str) -> String {
        let mut problems = Problems::none();
        Layer::from_toml(text, "relay.toml", &mut problems);
        problems.to_string()
    }

    #[test]
    fn wrong_types_name_key_place_and_both_types() {
        for (text, expected) in [
            ("server = 5", "relay.toml: server: expected a table of keys, got a number"),
            (
                "[server]\nlisten = 8080",
                "relay.toml: server.listen: expected text in quotes, got 8080",
            ),
            (
                "[growsurf]\nallow_unsigned = \"no\"",
                "relay.toml: growsurf.allow_unsigned: expected true or false, got the text \"no\"",
            ),
            (
                "[admin]\ntoken = 4711",
                "relay.toml: admin.token: expected text in quotes, or a list of texts such as \
                 [\"a\", \"b\"], got a number",
            ),
            (
                "[growsurf]\nwebhook_secrets = \"hush\"",
                "relay.toml: growsurf.webhook_secrets: expected a list of texts such as \
                 [\"a\", \"b\"], got text",
            ),
            (
                "[[growsurf.campaigns]]\nidd = \"a\"",
                "relay.toml: growsurf.campaigns[0].idd: unknown key; \
                 did you mean growsurf.campaigns[0].id?",
            ),
            (
                "[mapping.metadata]\nplan = 1",
                "relay.toml: mapping.metadata.plan: expected text in quotes, got 1",
            ),
        ] {
            assert_eq!(problems_of(text), expected, "{text}");
        }
    }

    #[test]
    fn broken_toml_is_one_problem_with_a_position_and_no_excerpt() {
        for (text, position) in [
            ("[admin]\ntoken = \"hush", "line 2, column "),
            ("[admin]\ntoken = hush", "line 2, column "),
            ("[admin]\ntoken = \"a\"\ntoken = \"hush\"", "line 3, column 1: duplicate key"),
            ("hush hush", "line 1, column "),
        ] {
            let shown = problems_of(text);
            let start = format!("relay.toml: not valid TOML: {position}");
            assert!(shown.starts_with(&start), "{shown}");
            assert!(!shown.contains("hush"), "{shown}");
            assert_eq!(shown.lines().count(), 1, "{shown}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_panics(text in any::<String>(), lines in "[a-z\\[\\]=\"\n0-9. -]{0,60}") {
            problems_of(&text);
            problems_of(&lines);
        }

        #[test]
        fn no_broken_line_is_quoted(tail in "[\\[\\]=\"'{}#, \\\\0-9.-]{0,12}") {
            let shown = problems_of(&format!("[admin]\ntoken = \"hush{tail}"));
            assert!(!shown.contains("hush"), "{shown}");
        }
    }
}
