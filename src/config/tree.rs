//! Trees of settings: the layers, one over the other, and what stands at a path.
//!
//! A layer holds sections only, each value with its place; the rest has become problems. Merging must come
//! after this, because there `server = 5` would replace the whole section. What belongs here: paths, places
//! and names. What doesn't: the form of values, in `node`; variables, in `environment`.

use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use strsim::levenshtein;

use crate::config::problem::{Fault, Problems, type_of};

/// The place of keys that no layer sets.
pub(super) const BUILT_IN: &str = "built-in defaults";

/// The lists of tables, which only a file can hold.
pub(super) const TABLES: [&str; 2] = ["growsurf.campaigns", "mapping.tiers"];

/// The sections that one place sets.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) place: String,
    pub(super) sections: Map<String, Value>,
}

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
        Ok(self.sections.clone())
    }
}

impl Layer {
    /// Reads TOML text; a text that isn't TOML is one problem and an empty layer.
    pub(super) fn from_toml(text: &str, place: &str, problems: &mut Problems) -> Self {
        let read = File::from_str(text, FileFormat::Toml).collect();
        let sections = read.unwrap_or_else(|error| {
            problems.push(place, "", Fault::Toml(without_excerpt(&error)));
            Map::new()
        });
        let sections = sections.into_iter().map(|(name, value)| (name, placed(value.kind, place)));
        Self { place: place.to_owned(), sections: sections.collect() }
    }

    /// Leaves out what is no section.
    pub(super) fn check(&mut self, defaults: &Value, problems: &mut Problems) {
        let known = names(defaults);
        let mut found: Vec<String> = self.sections.keys().cloned().collect();
        found.sort_unstable();
        for name in found {
            let fault = if !known.contains(&name.as_str()) {
                Fault::Unknown { nearest: nearest("", &name, &known, defaults) }
            } else {
                let kind = &self.sections[&name].kind;
                if matches!(kind, ValueKind::Table(_)) {
                    continue;
                }
                Fault::Value { expected: "a table of keys".into(), given: type_of(kind).into() }
            };
            problems.push(&self.place, &name, fault);
            self.sections.remove(&name);
        }
    }
}

/// The layers in one tree, later ones over earlier ones, key by key; lists are replaced whole.
pub(super) fn merge<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Value {
    let layers = layers.into_iter().cloned().collect::<Vec<_>>();
    let merged = Config::builder().add_source(layers).build();
    merged.expect("a layer is a map in memory, so collecting it can't fail").cache
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

/// A value that remembers its place, with all that is in it.
fn placed(kind: ValueKind, place: &str) -> Value {
    let kind = match kind {
        ValueKind::Table(table) => {
            let placed = table.into_iter().map(|(name, value)| (name, placed(value.kind, place)));
            ValueKind::Table(placed.collect())
        }
        ValueKind::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| placed(item.kind, place)).collect())
        }
        scalar => scalar,
    };
    Value::new(Some(&place.to_owned()), kind)
}

/// The value at a path such as `growsurf.campaigns[0].id`. A name at its end may have dots in it.
pub(super) fn find<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    let ValueKind::Table(table) = &tree.kind else { return None };
    if let Some(value) = table.get(path) {
        return Some(value);
    }
    if let Some((name, rest)) = path.split_once('.') {
        return find(find(tree, name)?, rest);
    }
    let (name, index) = path.strip_suffix(']')?.rsplit_once('[')?;
    let ValueKind::Array(items) = &table.get(name)?.kind else { return None };
    items.get(index.parse::<usize>().ok()?)
}

/// The place of the value at a path, else of what it is missing in.
pub(super) fn place_at<'a>(tree: &'a Value, path: &str) -> &'a str {
    let outer = || path.rsplit_once('.').and_then(|(outer, _)| find(tree, outer));
    find(tree, path).or_else(outer).and_then(place_of).unwrap_or(BUILT_IN)
}

/// The place of a value, or of something in it: merged tables have none of their own.
pub(super) fn place_of(value: &Value) -> Option<&str> {
    value.origin().or_else(|| match &value.kind {
        ValueKind::Table(table) => table.values().filter_map(place_of).min(),
        _ => None,
    })
}

/// The names in a table, sorted.
pub(super) fn names(table: &Value) -> Vec<&str> {
    let ValueKind::Table(table) = &table.kind else { return Vec::new() };
    let mut names: Vec<&str> = table.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The known key that an unknown one was probably meant to be, as a dotted path.
///
/// `siblings` are the keys known where `name` was found, under the path `parent`. A near spelling
/// there wins; then the same name in another section, as in a file whose section header is missing.
pub(super) fn nearest(
    parent: &str,
    name: &str,
    siblings: &[&str],
    defaults: &Value,
) -> Option<String> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let near = siblings.iter().map(|key| (levenshtein(name, key), key));
    if let Some((_, key)) = near.filter(|(distance, _)| *distance <= limit).min() {
        return Some(join(parent, key));
    }
    // A part of a name, such as `secrets`, is no near spelling but says enough when it is long.
    if let Some(key) = siblings.iter().find(|key| name.len() > 3 && key.contains(name)) {
        return Some(join(parent, key));
    }
    let paths = names(defaults).into_iter().map(|section| join(section, name));
    paths.into_iter().find(|path| find(defaults, path).is_some())
}

/// A path and a name below it, with a dot between unless the path is the root.
pub(super) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::{Layer, find, merge, names, nearest};
    use crate::config::DEFAULTS;
    use crate::config::problem::Problems;

    #[test]
    fn names_the_nearest_key() {
        let defaults = merge([&Layer::from_toml(DEFAULTS, "built-in", &mut Problems::none())]);
        for (parent, name, expected) in [
            ("server", "lisen", Some("server.listen")),
            ("", "custmerio", Some("customerio")),
            ("", "site_id", Some("customerio.site_id")),
            ("server", "calls_per_second", Some("customerio.calls_per_second")),
            ("growsurf", "secrets", Some("growsurf.webhook_secrets")),
            ("server", "colour", None),
        ] {
            let table =
                if parent.is_empty() { &defaults } else { find(&defaults, parent).unwrap() };
            let nearest = nearest(parent, name, &names(table), &defaults);
            assert_eq!(nearest.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn finds_what_stands_at_a_path() {
        let text = "[a]\n\"b.c\" = 1\n[[a.d]]\ne = 2";
        let tree = merge([&Layer::from_toml(text, "file", &mut Problems::none())]);
        for (path, expected) in [("a.b.c", Some("1")), ("a.d[0].e", Some("2")), ("a.d[1]", None)] {
            assert_eq!(find(&tree, path).map(ToString::to_string).as_deref(), expected, "{path}");
        }
    }
}
