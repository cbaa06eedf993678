//! The values of settings by their paths: the layers, one over the other, and the keys that there are.
//!
//! What belongs here: paths, places, names, and TOML's types. What doesn't: what an option's type makes of a
//! value, in `node`; the names of variables, in `environment`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use config::{Config, ConfigError, File, FileFormat};
use serde::Serialize;
use strsim::levenshtein;
use toml::{Table, Value};

use crate::config::DEFAULTS;
use crate::config::environment::{is_file_variable, variable_of};
use crate::config::problem::{HIDDEN, Problems, quoted, type_of, wrong};
use crate::options::masked::Masked;
use crate::options::spoiled::{Strictness, mark};

/// The place of keys that no layer sets.
pub(super) const BUILT_IN: &str = "built-in defaults";

/// The keys of a campaign, of which the id has no default.
const CAMPAIGN: &str = "[[growsurf.campaigns]]\nid = \"\"\nwebhook_secrets = []\n\
    conversions_from = \"auto\"\napi_key = \"\"\nshares_from = \"sync\"\nattribute_prefix = \"\"\n\
    page_key = \"\"\n";

/// The keys without a default in a list of tables.
const REQUIRED: [&str; 3] = ["id", "name", "at_least"];

/// The keys that there are, with their defaults; each table of a list has those of the first one.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    Value::Table(read(&format!("{DEFAULTS}{CAMPAIGN}")).expect("the defaults are TOML"))
});

/// The schema of a value whose name the user chooses.
static CHOSEN: Value = Value::String(String::new());

/// The file or variable of a value.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    /// The character between items, where a text stands for a list, a number or a flag as well; TOML has
    /// types for them.
    pub(super) separator: Option<char>,
}

/// One value and its place. A list of tables, and a table whose names the user chooses, have one for
/// themselves as well.
struct Leaf {
    path: String,
    value: Value,
    place: String,
}

/// One setting, its value and the place that set it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// The values that hold, in the order of the built-in file.
pub(super) struct Tree {
    leaves: Vec<Leaf>,
}

impl Tree {
    /// Returns the built-in defaults.
    pub(super) fn built_in() -> Self {
        let mut tree = Self { leaves: Vec::new() };
        tree.add_toml(DEFAULTS, BUILT_IN, &mut Problems::default());
        tree.set("growsurf.campaigns", Value::Array(Vec::new()), BUILT_IN);
        tree
    }

    /// Adds what a TOML text sets; a text that isn't TOML is one problem.
    pub(super) fn add_toml(&mut self, text: &str, name: &str, problems: &mut Problems) {
        let place = Place { name, separator: None };
        match read(text) {
            Ok(table) => self.add(("", Value::Table(table)), &SCHEMA, place, problems),
            Err(error) => {
                let text = format!("not valid TOML: {}", without_excerpt(&error));
                problems.push(name, "", text);
            }
        }
    }

    /// Adds the text of a variable for the key at a path.
    pub(super) fn add_text(
        &mut self,
        path: &str,
        text: String,
        place: Place<'_>,
        problems: &mut Problems,
    ) {
        let nest = |inner, name: &str| Table::from_iter([(name.to_owned(), inner)]).into();
        let nested = path.rsplit('.').fold(Value::String(text), nest);
        self.add(("", nested), &SCHEMA, place, problems);
    }

    /// Adds a value and all in it; what isn't known, or has the wrong type, is a problem and left out.
    fn add(
        &mut self,
        (path, value): (&str, Value),
        schema: &Value,
        place: Place<'_>,
        problems: &mut Problems,
    ) {
        match (schema, value) {
            (Value::Table(keys), Value::Table(table)) => {
                if keys.is_empty() {
                    self.set(path, Table::new().into(), place.name);
                }
                for (name, value) in table {
                    let below = join(path, &name);
                    let spoiled = keys.is_empty().then(|| mark(&name, Strictness::Text)).flatten();
                    let chosen = Some(&CHOSEN).filter(|_| keys.is_empty() && !name.is_empty());
                    match (spoiled, keys.get(&name).or(chosen)) {
                        (Some(rule), _) => {
                            problems.push(place.name, &below, format!("the name {rule}"));
                        }
                        (None, Some(schema)) => self.add((&below, value), schema, place, problems),
                        (None, None) => {
                            problems.unknown(place.name, &below, nearest(path, &name, keys));
                        }
                    }
                }
            }
            (Value::Array(known), Value::Array(tables))
                if is_tables(schema) && tables.iter().all(Value::is_table) =>
            {
                // A list is replaced whole.
                self.leaves.retain(|leaf| !leaf.path.starts_with(&format!("{path}[")));
                self.set(path, Value::Array(tables.clone()), place.name);
                for (index, table) in tables.into_iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    for (name, default) in known[0].as_table().into_iter().flatten() {
                        if !REQUIRED.contains(&name.as_str()) || table.get(name).is_some() {
                            self.set(&join(&path, name), default.clone(), BUILT_IN);
                        }
                    }
                    self.add((&path, table), &known[0], place, problems);
                }
            }
            (_, value) if schema.is_table() || is_tables(schema) => {
                let variable = variable_of(path);
                let text = match (place.separator, schema.is_table()) {
                    (Some(_), true) => {
                        format!("a table; set its keys one by one as {variable}__KEY")
                    }
                    (Some(_), false) => format!("only a file can hold [[{path}]]"),
                    // It may be a secret that belongs into the table.
                    (None, true) => wrong("a table of keys", type_of(&value)),
                    (None, false) => wrong("tables under [[...]]", type_of(&value)),
                };
                problems.push(place.name, path, text);
            }
            (_, Value::Table(table)) => {
                for name in table.keys() {
                    problems.unknown(place.name, &join(path, name), Some(path.to_owned()));
                }
            }
            (schema, value) => {
                let text = place.separator.zip(value.as_str());
                let parsed = text.and_then(|(separator, text)| parsed(schema, text, separator));
                let value = parsed.unwrap_or(value);
                match type_fault(schema, &value, place) {
                    None => self.set(path, value, place.name),
                    Some(text) => problems.push(place.name, path, text),
                }
            }
        }
    }

    fn set(&mut self, path: &str, value: Value, place: &str) {
        let leaf = Leaf { path: path.to_owned(), value, place: place.to_owned() };
        let section = |path: &str| path.split_once('.').map(|(section, _)| section.to_owned());
        let is_beside = |other: &Leaf| section(&other.path) == section(path);
        if let Some(known) = self.leaves.iter_mut().find(|it| it.path == path) {
            *known = leaf;
        } else {
            let last = self.leaves.iter().rposition(is_beside);
            self.leaves.insert(last.map_or(self.leaves.len(), |last| last + 1), leaf);
        }
    }

    /// Puts the default in the place of a value that can't be read. An item of a list, and what has no
    /// default, is left out.
    pub(super) fn reset(&mut self, path: &str) {
        let item = path.strip_suffix(']').and_then(|path| path.rsplit_once('['));
        let list = item.and_then(|(list, index)| {
            let leaf = self.leaves.iter_mut().find(|leaf| leaf.path == list)?;
            Some((leaf.value.as_array_mut()?, index.parse::<usize>().ok()?))
        });
        let default = default_of(path);
        if let Some((items, index)) = list {
            items.remove(index);
        } else if let Some(default) = default {
            assert!(self.get(path) != Some(default), "the built-in {path} can't be read");
            self.set(path, default.clone(), BUILT_IN);
        } else {
            self.leaves.retain(|leaf| leaf.path != path);
        }
    }

    /// Returns every key, its value and its place; none of the `secrets` is shown.
    pub(super) fn summary(&self, secrets: &BTreeSet<String>) -> Vec<EffectiveSetting> {
        let keys = self.leaves.iter().filter(|leaf| {
            default_of(&leaf.path).is_none_or(|schema| !schema.is_table() && !is_tables(schema))
        });
        let shown = keys.map(|Leaf { path, value, place }| {
            let shown = plain(value);
            let value = match (secrets.contains(path), shown.is_empty()) {
                (false, _) => shown,
                (true, true) => "not set".to_owned(),
                (true, false) => "set".to_owned(),
            };
            EffectiveSetting { key: path.clone(), value, place: place.clone() }
        });
        shown.collect()
    }

    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        self.leaves.iter().find(|leaf| leaf.path == path).map(|leaf| &leaf.value)
    }

    /// Returns the names and paths of what stands below a path.
    pub(super) fn below<'t>(&'t self, path: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
        let start = join(path, "");
        let below = self.leaves.iter();
        below.filter_map(move |it| Some((it.path.strip_prefix(&start)?, it.path.as_str())))
    }

    /// Returns the place of the value at a path, else of what it is missing in.
    pub(super) fn place_at(&self, path: &str) -> &str {
        let set = |path: &str| {
            let leaf = self.leaves.iter().find(|leaf| leaf.path == path && leaf.place != BUILT_IN);
            leaf.map(|leaf| leaf.place.as_str())
        };
        let ends = path.match_indices(['.', '[']).map(|(at, _)| &path[..at]);
        set(path).or_else(|| ends.rev().find_map(set)).unwrap_or(BUILT_IN)
    }
}

/// Reads TOML text.
fn read(text: &str) -> Result<Table, ConfigError> {
    Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build()?.try_deserialize()
}

/// Returns the error's text without the line of the file that it quotes, which may hold a secret.
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

/// True for a list of tables.
pub(super) fn is_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.first().is_some_and(Value::is_table))
}

/// Returns the text of a variable as its key wants it, if it can be read so.
fn parsed(default: &Value, text: &str, separator: char) -> Option<Value> {
    match default {
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            // It may have a blank behind each comma, and end with one.
            let text = if separator == ',' { text.replace(", ", ",") } else { text.to_owned() };
            let items = text.split(separator).filter(|item| !item.is_empty());
            Some(items.map(str::to_owned).collect::<Vec<_>>().into())
        }
        _ => None,
    }
}

/// Returns the rule that the type of a value breaks.
fn type_fault(default: &Value, value: &Value, place: Place<'_>) -> Option<String> {
    let expected = match default {
        Value::Integer(_) if !value.is_integer() => "a whole number",
        Value::Boolean(_) if !value.is_bool() => "true or false",
        _ => return None,
    };
    let spoiled = value.as_str().and_then(|text| mark(text, Strictness::Plain));
    let kind = if place.separator.is_none() && value.is_str() { "the text " } else { "" };
    let given = format!("{kind}{}", shown(value, place.name));
    Some(spoiled.map_or_else(|| wrong(expected, &given), Into::into))
}

/// Returns a value that is no secret as a problem shows it.
pub(super) fn shown(value: &Value, place: &str) -> String {
    match value {
        // A wrong path may lead to a secret.
        Value::String(_) if is_file_variable(place) => HIDDEN.to_owned(),
        Value::String(_) => quoted(&plain(value)),
        Value::Table(_) | Value::Array(_) => type_of(value).to_owned(),
        scalar => plain(scalar),
    }
}

/// Returns a value that is no secret as it was written, but for passwords in it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => Masked(text).to_string(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Table(_) => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(date) => date.to_string(),
    }
}

/// Returns the default of the key at a path.
fn default_of(path: &str) -> Option<&'static Value> {
    let names = path.split('.').map(|name| name.split_once('[').map_or(name, |(list, _)| list));
    names.into_iter().try_fold(&*SCHEMA, |schema, name| {
        let schema = schema.as_array().and_then(|tables| tables.first()).unwrap_or(schema);
        schema.as_table()?.get(name)
    })
}

/// True if a key is at this path.
pub(super) fn is_key(path: &str) -> bool {
    default_of(path).is_some()
}

/// Returns the known key that an unknown one was probably meant to be, as a dotted path.
///
/// `known` are the keys where `name` was found, under the path `parent`. A near spelling there wins; then
/// the same name in another section, as in a file whose section header is missing.
fn nearest(parent: &str, name: &str, known: &Table) -> Option<String> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let near = known.keys().map(|key| (levenshtein(name, key), key));
    let near = near.filter(|(distance, _)| *distance <= limit).min().map(|(_, key)| key);
    // A part of a name, such as `secrets`, is no near spelling but says enough when it is long.
    let part = || known.keys().find(|key| name.len() > 3 && key.contains(name));
    if let Some(key) = near.or_else(part) {
        return Some(join(parent, key));
    }
    let sections = SCHEMA.as_table()?.keys();
    sections.map(|section| join(section, name)).find(|path| is_key(path))
}

/// Returns a path and a name below it, with a dot between unless the path is the root.
pub(super) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::{SCHEMA, nearest};

    #[test]
    fn names_the_nearest_key() {
        for (parent, name, expected) in [
            ("server", "lisen", Some("server.listen")),
            ("", "custmerio", Some("customerio")),
            ("", "site_id", Some("customerio.site_id")),
            ("server", "calls_per_second", Some("customerio.calls_per_second")),
            ("growsurf", "secrets", Some("growsurf.webhook_secrets")),
            ("server", "colour", None),
        ] {
            let root = SCHEMA.as_table().unwrap();
            let table = if parent.is_empty() { root } else { root[parent].as_table().unwrap() };
            assert_eq!(nearest(parent, name, table).as_deref(), expected, "{name}");
        }
    }
}
