//! One value of the settings, read as the type of its field wants it.
//!
//! From a variable that is a number, a flag or a list as well; from a file only what TOML calls so. A text
//! that an editor spoiled is refused, a secret is never shown, and a duration is a text. What belongs here:
//! the form of values, by their types. What doesn't: what they mean.

use std::vec;

use config::{Value, ValueKind};
use serde::de::value::SeqDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::config::environment::{is_file_variable, is_variable};
use crate::config::problem::{HIDDEN, quoted, type_of};
use crate::config::reading::{EffectiveSetting, Reading, default_in_campaign};
use crate::config::tree::{BUILT_IN, TABLES, find, join, names, place_of};
use crate::config::wrong::{Found, Wrong};
use crate::options::masked::Masked;
use crate::options::spoiled::{Strictness, mark};
use crate::options::{duration, secret};

/// The methods for whole numbers of every width, which are one.
macro_rules! whole {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            self.deserialize_i64(visitor)
        }
    )*};
}

/// The rules for reading a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// It is read by people.
    Label,
    /// It is never shown.
    Secret,
    /// It is never shown, and one may stand for a list of one.
    Tokens,
}

/// A value, its path and how it is read.
#[derive(Clone)]
pub(super) struct Node<'r, 'a> {
    reading: &'r Reading<'a>,
    path: String,
    value: Value,
    kind: Kind,
    /// True for an item of a list, which is shown as a whole.
    is_item: bool,
}

impl<'r, 'a> Node<'r, 'a> {
    pub(super) fn new(reading: &'r Reading<'a>, path: String, value: Value) -> Self {
        Self { reading, path, value, kind: Kind::Plain, is_item: false }
    }

    fn place(&self) -> &str {
        place_of(&self.value).or(self.reading.layer).unwrap_or(BUILT_IN)
    }

    fn is_variable(&self) -> bool {
        is_variable(self.place(), self.reading.sources)
    }

    fn is_hidden(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Tokens)
    }

    /// Tells of the value what a problem may.
    pub(super) fn found(&self) -> Found {
        let shown = match &self.value.kind {
            // A wrong path may lead to a secret.
            ValueKind::String(_) if self.is_variable() && is_file_variable(self.place()) => {
                HIDDEN.to_owned()
            }
            ValueKind::String(text) if !self.is_hidden() => quoted(&Masked(text).to_string()),
            ValueKind::I64(_) | ValueKind::Boolean(_) | ValueKind::Float(_)
                if !self.is_hidden() =>
            {
                self.value.to_string()
            }
            kind => type_of(kind).to_owned(),
        };
        let is_text = matches!(self.value.kind, ValueKind::String(_));
        let is_text = is_text && !self.is_hidden() && !self.is_variable();
        Found { path: self.path.clone(), place: self.place().to_owned(), shown, is_text }
    }

    /// Reads the value, and says of an error where it is.
    fn read<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        seed.deserialize(self.clone()).map_err(|wrong| wrong.within(|| self.found()))
    }

    fn unspoiled(&self, text: &str, strictness: Strictness) -> Result<(), Wrong> {
        mark(text, strictness).map_or(Ok(()), |rule| Err(Wrong::spoiled(rule)))
    }

    fn text(&self) -> Result<&str, Wrong> {
        let ValueKind::String(text) = &self.value.kind else {
            return Err(Wrong::form("text in quotes"));
        };
        let strictness = match self.kind {
            Kind::Plain => Strictness::Plain,
            Kind::Label => Strictness::Text,
            Kind::Secret | Kind::Tokens => Strictness::Secret,
        };
        self.unspoiled(text, strictness)?;
        Ok(text)
    }

    /// Returns the text of a variable; a file has to use TOML's own types.
    fn variable_text(&self) -> Result<Option<&str>, Wrong> {
        let is_text = matches!(self.value.kind, ValueKind::String(_)) && self.is_variable();
        is_text.then(|| self.text()).transpose()
    }

    /// The items of a list: of TOML's, of a variable by commas, of the file that one names by lines.
    fn items(&self) -> Result<Vec<Value>, Wrong> {
        let texts: Vec<&str> = match &self.value.kind {
            ValueKind::Array(items) => return Ok(items.clone()),
            ValueKind::String(text) if !self.is_variable() && self.kind == Kind::Tokens => {
                vec![text]
            }
            ValueKind::String(text) if is_file_variable(self.place()) && self.is_variable() => {
                text.split('\n').collect()
            }
            ValueKind::String(text) if self.is_variable() => {
                // It may end with a comma.
                self.unspoiled(text, Strictness::Text)?;
                text.split(',').map(|item| item.trim_matches(' ')).collect()
            }
            _ if TABLES.contains(&self.path.as_str()) => {
                return Err(self.no_table("tables under [[...]]"));
            }
            _ if self.kind == Kind::Tokens => {
                let expected = "text in quotes, or a list of texts such as [\"a\", \"b\"]";
                return Err(Wrong::form(expected));
            }
            _ => return Err(Wrong::form("a list of texts such as [\"a\", \"b\"]")),
        };
        let origin = Some(self.place().to_owned());
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        Ok(texts.map(|text| Value::new(origin.as_ref(), text)).collect())
    }

    /// Returns the error of what stands in the place of a table: it may be a secret that belongs into it.
    fn no_table(&self, expected: &str) -> Wrong {
        let hidden = Self { kind: Kind::Secret, ..self.clone() };
        Wrong::form(expected).within(|| hidden.found())
    }

    fn note(&self, shown: String, is_empty: bool) {
        if self.is_item {
            return;
        }
        let set_or_not = if is_empty { "not set" } else { "set" };
        let value = if self.is_hidden() { set_or_not.to_owned() } else { shown };
        let (key, place) = (self.path.clone(), self.place().to_owned());
        self.reading.note(EffectiveSetting { key, value, place });
    }

    fn note_scalar(&self) {
        let shown = self.value.to_string();
        self.note(Masked(&shown).to_string(), shown.is_empty());
    }

    /// The values of a table with their names, in the order of `fields`, or of all names if there are
    /// none; unknown names are problems.
    fn table(self, fields: &[&str]) -> Result<Table<'r, 'a>, Wrong> {
        let Self { reading, path, .. } = self.clone();
        let ValueKind::Table(table) = &self.value.kind else {
            return Err(self.no_table("a table of keys"));
        };
        // The items of a list of tables have no defaults.
        let defaults = find(reading.defaults, &path).map(names).unwrap_or_default();
        let is_key = |name: &str| match defaults.is_empty() {
            true => fields.is_empty() || fields.contains(&name),
            false => defaults.contains(&name) || TABLES.contains(&join(&path, name).as_str()),
        };
        let found = names(&self.value);
        for name in found.iter().filter(|name| !is_key(name)) {
            let known = if defaults.is_empty() { fields } else { &defaults };
            reading.unknown((&path, name), &table[*name], known);
        }
        let mut nodes = Vec::new();
        for name in if fields.is_empty() { &found } else { fields } {
            if !is_key(name) {
                // A part of the section, with keys of the same table; or else a name that is unknown.
                if !fields.is_empty() {
                    nodes.push(((*name).to_owned(), self.clone()));
                }
                continue;
            }
            let path = join(&path, name);
            let value = table.get(*name).or_else(|| default_in_campaign(&path));
            let Some(mut node) = reading.node(path, value) else { continue };
            if let Some(rule) = mark(name, Strictness::Text) {
                return Err(Wrong::spoiled(format!("the name {rule}")).within(|| node.found()));
            }
            if fields.is_empty() || *name == "name" {
                node.kind = Kind::Label;
            }
            nodes.push(((*name).to_owned(), node));
        }
        Ok(Table { nodes: nodes.into_iter(), next: None })
    }
}

impl<'de> Deserializer<'de> for Node<'_, '_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value.kind {
            ValueKind::Boolean(_) => self.deserialize_bool(visitor),
            ValueKind::I64(_) => self.deserialize_i64(visitor),
            ValueKind::Array(_) => self.deserialize_seq(visitor),
            ValueKind::Table(_) => self.deserialize_map(visitor),
            ValueKind::Float(number) => visitor.visit_f64(number),
            _ => self.deserialize_str(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let flag = match (&self.value.kind, self.variable_text()?) {
            (ValueKind::Boolean(flag), _) => Some(*flag),
            (_, Some(text)) => text.parse().ok(),
            _ => None,
        };
        self.note_scalar();
        visitor.visit_bool(flag.ok_or_else(|| Wrong::form("true or false"))?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let number = match (&self.value.kind, self.variable_text()?) {
            (ValueKind::I64(number), _) => Some(*number),
            (_, Some(text)) => text.parse().ok(),
            _ => None,
        };
        self.note_scalar();
        visitor.visit_i64(number.ok_or_else(|| Wrong::form("a whole number"))?)
    }

    whole!(deserialize_i8 deserialize_i16 deserialize_i32);
    whole!(deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.note_scalar();
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    /// An empty text is none.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.value.kind {
            ValueKind::String(text) if text.is_empty() => {
                self.note_scalar();
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match name {
            secret::ONE => self.kind = Kind::Secret,
            secret::TOKENS => self.kind = Kind::Tokens,
            _ => {}
        }
        let node = self.clone();
        visitor.visit_newtype_struct(self).map_err(|wrong| wrong.within(|| node.found()))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let items = self.items()?;
        if !TABLES.contains(&self.path.as_str()) {
            let shown: Vec<String> =
                items.iter().map(|it| Masked(&it.to_string()).to_string()).collect();
            self.note(shown.join(", "), items.is_empty());
        }
        let nodes = items.into_iter().enumerate().filter_map(|(index, item)| {
            let node = self.reading.node(format!("{}[{index}]", self.path), Some(&item))?;
            Some(Node { kind: self.kind, is_item: true, ..node })
        });
        visitor.visit_seq(Items(nodes.collect::<Vec<_>>().into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_map(self.table(&[])?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if name != "Duration" {
            return visitor.visit_map(self.table(fields)?);
        }
        // Serde's own form of it is seconds and nanoseconds.
        self.note_scalar();
        let duration = duration::parse(self.text()?).map_err(Wrong::custom)?;
        let parts = [duration.as_secs(), u64::from(duration.subsec_nanos())];
        visitor.visit_seq(SeqDeserializer::new(parts.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.note_scalar();
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The items of a list.
struct Items<'r, 'a>(vec::IntoIter<Node<'r, 'a>>);

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        self.0.next().map(|node| node.read(seed)).transpose()
    }
}

/// The values of a table with their names.
struct Table<'r, 'a> {
    nodes: vec::IntoIter<(String, Node<'r, 'a>)>,
    next: Option<Node<'r, 'a>>,
}

impl<'de> MapAccess<'de> for Table<'_, '_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        let Some((name, node)) = self.nodes.next() else { return Ok(None) };
        self.next = Some(node);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        self.next.take().expect("serde asks for a name first").read(seed)
    }
}
