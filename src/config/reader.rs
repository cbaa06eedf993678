//! Reads typed values from the merged tree by key and collects every problem on the way.
//!
//! A bad value is reported and replaced by the built-in default, so that reading goes on and the
//! report is complete; whoever loads throws the settings away if there was any problem. Types were
//! checked layer by layer before; what is checked here is sense. Sections say what sense is.

use std::ops::RangeInclusive;
use std::time::Duration;

use config::{Value, ValueKind};
use secrecy::SecretString;

use crate::config::problem::{Fault, HIDDEN, Problems, quoted};
use crate::config::value::masked::Masked;
use crate::config::value::spoiled::{SEPARATOR, ends_list};
use crate::config::value::{Expected, duration, size};

/// The place of keys that no layer sets.
pub(super) const BUILT_IN: &str = "built-in defaults";

/// A shorter token could be guessed; in bytes.
const MIN_TOKEN_BYTES: usize = 16;

/// Reads values from the merged tree.
pub(super) struct Reader<'a> {
    tree: &'a Value,
    defaults: &'a Value,
    problems: &'a mut Problems,
    warnings: Vec<String>,
}

/// One table of a list of tables.
pub(super) struct Item<'a> {
    /// Its path with the index, as in `mapping.tiers[0]`.
    pub(super) path: String,
    place: &'a str,
    value: &'a Value,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a Value, defaults: &'a Value, problems: &'a mut Problems) -> Self {
        Self { tree, defaults, problems, warnings: Vec::new() }
    }

    /// The warnings, at the end of reading.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    pub(super) fn text(&self, key: &str) -> &'a str {
        find(self.tree, key).and_then(as_text).unwrap_or_default()
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(find(self.tree, key).map(|value| &value.kind), Some(ValueKind::Boolean(true)))
    }

    pub(super) fn list(&self, key: &str) -> Vec<&'a str> {
        find(self.tree, key).map(as_list).unwrap_or_default()
    }

    /// The entries of a table of names, sorted by name.
    pub(super) fn names(&self, key: &str) -> Vec<(&'a str, &'a str)> {
        let Some(ValueKind::Table(table)) = find(self.tree, key).map(|value| &value.kind) else {
            return Vec::new();
        };
        let mut names: Vec<_> = table
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), as_text(value)?)))
            .collect();
        names.sort_unstable();
        names
    }

    /// The tables of a list of tables, in the order of the file.
    pub(super) fn tables(&self, key: &str) -> Vec<Item<'a>> {
        let Some(list) = find(self.tree, key) else {
            return Vec::new();
        };
        let ValueKind::Array(tables) = &list.kind else {
            return Vec::new();
        };
        let item = |(index, value)| Item {
            path: format!("{key}[{index}]"),
            place: list.origin().unwrap_or(BUILT_IN),
            value,
        };
        tables.iter().enumerate().map(item).collect()
    }

    /// Text parsed by a function; a problem and the default's value if it can't be.
    pub(super) fn parse<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, Expected>) -> T {
        let text = self.text(key);
        parse(text).unwrap_or_else(|expected| {
            self.wrong(key, expected, quoted(&Masked(text).to_string()));
            let default = find(self.defaults, key).and_then(as_text);
            parse(default.unwrap_or_default()).expect("the built-in default is valid")
        })
    }

    /// Each text of a list parsed by a function; those that can't be are problems.
    pub(super) fn parse_list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Vec<T> {
        let mut parsed = Vec::new();
        for text in self.list(key) {
            match parse(text) {
                Ok(item) => parsed.push(item),
                Err(expected) => {
                    self.wrong(key, expected, quoted(&Masked(text).to_string()));
                }
            }
        }
        parsed
    }

    pub(super) fn duration(&mut self, key: &str) -> Duration {
        self.parse(key, duration::parse)
    }

    /// A size in bytes within bounds that are named in bytes.
    pub(super) fn size(&mut self, key: &str, bounds: RangeInclusive<u64>) -> usize {
        self.parse(key, |text| {
            let bytes = size::parse(text)?;
            let fits = usize::try_from(bytes).ok();
            fits.filter(|_| bounds.contains(&bytes))
                .ok_or_else(|| between("a size", &bounds, " bytes"))
        })
    }

    /// A whole number within bounds.
    ///
    /// # Panics
    ///
    /// If the target type can't hold the bounds, which every test of the section would show.
    pub(super) fn whole<T: TryFrom<i64>>(&mut self, key: &str, bounds: RangeInclusive<i64>) -> T {
        let read = |tree| match find(tree, key).map(|value| &value.kind) {
            Some(ValueKind::I64(number)) => *number,
            _ => 0,
        };
        let mut number = read(self.tree);
        if !bounds.contains(&number) {
            let expected = between("a whole number", &bounds, "");
            self.wrong(key, expected, number.to_string());
            number = read(self.defaults);
        }
        T::try_from(number).ok().expect("the bounds fit the type and the default fits the bounds")
    }

    /// A secret; empty means none, blank is a problem.
    pub(super) fn secret(&mut self, key: &str) -> Option<SecretString> {
        match self.text(key) {
            "" => None,
            text if text.trim().is_empty() => {
                self.wrong(key, "a secret that is not blank".into(), HIDDEN.to_owned());
                None
            }
            text => Some(SecretString::from(text)),
        }
    }

    /// A secret that travels in a header of HTTP.
    pub(super) fn key(&mut self, key: &str) -> Option<SecretString> {
        let text = self.text(key);
        self.keys_from(key, self.place(key), &[text]).pop().filter(|_| !text.is_empty())
    }

    /// The same of an item.
    pub(super) fn item_key(&mut self, item: &Item<'_>, name: &str) -> Option<SecretString> {
        let text = item.text(name).filter(|text| !text.is_empty())?;
        self.keys_from(&format!("{}.{name}", item.path), item.place, &[text]).pop()
    }

    /// Bearer tokens, each long enough that nobody guesses it.
    pub(super) fn tokens(&mut self, key: &str) -> Vec<SecretString> {
        let texts = self.list(key);
        let place = self.place(key);
        let shortest = texts.iter().map(|text| text.len()).min();
        if shortest.is_some_and(|length| length < MIN_TOKEN_BYTES) {
            let rule = format!(
                "a token is shorter than {MIN_TOKEN_BYTES} bytes and could be guessed; make one with \
                 `openssl rand -hex 32`"
            );
            self.problems.push(place, key, Fault::Rule(rule));
        }
        self.keys_from(key, place, &texts)
    }

    fn keys_from(&mut self, key: &str, place: &str, texts: &[&str]) -> Vec<SecretString> {
        if !texts.iter().all(|text| text.bytes().all(|it| it.is_ascii_graphic())) {
            let rule =
                "holds a blank or a letter outside ASCII, which no header can carry".to_owned();
            self.problems.push(place, key, Fault::Rule(rule));
        }
        self.refuse_separators(key, place, texts);
        texts.iter().map(|text| SecretString::from(*text)).collect()
    }

    fn refuse_separators(&mut self, key: &str, place: &str, texts: &[&str]) {
        if texts.iter().any(|text| ends_list(text)) {
            self.problems.push(place, key, Fault::Rule(SEPARATOR.to_owned()));
        }
    }

    pub(super) fn secrets(&mut self, key: &str) -> Vec<SecretString> {
        let texts = self.list(key);
        self.secrets_from(key, self.place(key), &texts)
    }

    /// The secrets of an item; none if it has none.
    pub(super) fn item_secrets(&mut self, item: &Item<'_>, name: &str) -> Vec<SecretString> {
        let texts = find(item.value, name).map(as_list).unwrap_or_default();
        self.secrets_from(&format!("{}.{name}", item.path), item.place, &texts)
    }

    fn secrets_from(&mut self, key: &str, place: &str, texts: &[&str]) -> Vec<SecretString> {
        if texts.iter().any(|text| text.trim().is_empty()) {
            let rule = "holds a blank secret; remove it".to_owned();
            self.problems.push(place, key, Fault::Rule(rule));
        }
        self.refuse_separators(key, place, texts);
        texts.iter().map(|text| SecretString::from(*text)).collect()
    }

    /// Reports that the value of a key has the right form but breaks a rule.
    pub(super) fn broken(&mut self, key: &str, rule: impl Into<String>) {
        let place = self.place(key).to_owned();
        self.problems.push(&place, key, Fault::Rule(rule.into()));
    }

    /// The same for a name the user chose in a table; it may have dots in it.
    pub(super) fn broken_below(&mut self, table: &str, name: &str, rule: impl Into<String>) {
        let value = find(self.tree, table).and_then(|table| match &table.kind {
            ValueKind::Table(names) => names.get(name),
            _ => None,
        });
        let place = value.and_then(Value::origin).unwrap_or(BUILT_IN);
        let key = format!("{table}.{name}");
        self.problems.push(place, &key, Fault::Rule(rule.into()));
    }

    /// The same for a key of an item.
    pub(super) fn broken_item(&mut self, item: &Item<'_>, name: &str, rule: impl Into<String>) {
        let key = format!("{}.{name}", item.path);
        self.problems.push(item.place, &key, Fault::Rule(rule.into()));
    }

    /// Notes what is allowed but probably not meant.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Whether none of the keys has a problem, so that a rule about them together makes sense.
    pub(super) fn sound(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| !self.problems.touch(key))
    }

    fn place(&self, key: &str) -> &'a str {
        find(self.tree, key).and_then(Value::origin).unwrap_or(BUILT_IN)
    }

    fn wrong(&mut self, key: &str, expected: Expected, given: String) {
        let place = self.place(key).to_owned();
        let expected = expected.0.into_owned();
        self.problems.push(&place, key, Fault::Value { expected, given });
    }
}

impl<'a> Item<'a> {
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        find(self.value, name).and_then(as_text)
    }

    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        match find(self.value, name)?.kind {
            ValueKind::I64(number) => Some(number),
            _ => None,
        }
    }
}

/// The value at a dotted path. (`Config::get` would parse the path as an expression each time.)
pub(super) fn find<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(tree, |value, name| match &value.kind {
        ValueKind::Table(table) => table.get(name),
        _ => None,
    })
}

pub(super) fn as_text(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::String(text) => Some(text),
        _ => None,
    }
}

pub(super) fn as_list(value: &Value) -> Vec<&str> {
    match &value.kind {
        ValueKind::Array(items) => items.iter().filter_map(as_text).collect(),
        _ => Vec::new(),
    }
}

fn between<T: std::fmt::Display>(what: &str, bounds: &RangeInclusive<T>, unit: &str) -> Expected {
    let (low, high) = (bounds.start(), bounds.end());
    format!("{what} from {low} to {high}{unit}").into()
}
