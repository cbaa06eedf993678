//! Sections, read from the values into structs: each as the type of its field wants it.
//!
//! A text that an editor spoiled is refused, a secret is never shown, and a duration is a text. What belongs
//! here: the form of values, by their types. What doesn't: what they mean.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::{fmt, vec};

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess,
    SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Value;

use crate::config::problem::{Problems, type_of, wrong};
use crate::config::tree::{Tree, is_key, join, shown};
use crate::options::spoiled::{Strictness, mark};
use crate::options::{duration, secret};

/// The rule that what is no text breaks.
const TEXT: &str = "expected text in quotes";

/// Reads all sections. What can't be read is replaced by the default and read again, so that every problem
/// is found. Returns the paths of the secrets, too.
pub(super) fn read<T: DeserializeOwned>(
    tree: &mut Tree,
    problems: &mut Problems,
) -> (T, BTreeSet<String>) {
    loop {
        let secrets = RefCell::default();
        let root = Node {
            tree,
            secrets: &secrets,
            path: String::new(),
            value: None,
            strictness: Strictness::Plain,
            is_one: false,
        };
        let wrong = match T::deserialize(root) {
            Ok(read) => return (read, secrets.into_inner()),
            Err(wrong) => wrong,
        };
        let path = wrong.path.expect("a value says where it is wrong");
        // An item of a list has no name of its own.
        let key =
            path.strip_suffix(']').and_then(|it| it.rsplit_once('[')).map_or(&*path, |it| it.0);
        if !(wrong.is_missing && problems.explain(key)) {
            problems.push(tree.place_at(key), key, wrong.text);
        }
        tree.reset(&path);
    }
}

/// A value, its path and how it is read.
#[derive(Clone)]
struct Node<'r> {
    tree: &'r Tree,
    /// The paths that were read as secrets.
    secrets: &'r RefCell<BTreeSet<String>>,
    path: String,
    /// `None` for a section.
    value: Option<&'r Value>,
    strictness: Strictness,
    /// True if a text stands for a list of one.
    is_one: bool,
}

impl<'r> Node<'r> {
    fn at(&self, path: String) -> Self {
        Self { value: self.tree.get(&path), path, ..*self }
    }

    fn text(&self) -> Result<&'r str, Wrong> {
        let text = self.value.and_then(Value::as_str);
        let text = text.ok_or_else(|| Wrong::custom(TEXT))?;
        mark(text, self.strictness).map_or(Ok(text), |rule| Err(Wrong::custom(rule)))
    }

    /// Reads the value, and says of an error where it is.
    fn read<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        seed.deserialize(self.clone()).map_err(|wrong| wrong.at(&self))
    }

    fn shown(&self) -> String {
        let is_hidden =
            self.strictness == Strictness::Secret || self.secrets.borrow().contains(&self.path);
        match self.value {
            Some(value) if is_hidden => type_of(value).to_owned(),
            Some(value) => shown(value, self.tree.place_at(&self.path)),
            None => "nothing".to_owned(),
        }
    }

    fn nodes(self, names: impl Iterator<Item = (String, String)>) -> Table<'r> {
        let nodes = names.map(|(name, path)| {
            // People read a name.
            let is_label = name == "name";
            let strictness = if is_label { Strictness::Text } else { self.strictness };
            (name, Node { strictness, ..self.at(path) })
        });
        Table { nodes: nodes.collect::<Vec<_>>().into_iter(), next: None }
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value {
            Some(Value::Boolean(flag)) => visitor.visit_bool(*flag),
            Some(Value::Integer(number)) => visitor.visit_i64(*number),
            Some(Value::Float(number)) => visitor.visit_f64(*number),
            Some(Value::Array(_)) => self.deserialize_seq(visitor),
            _ => visitor.visit_str(self.text()?),
        }
    }

    /// Reads an empty text as none.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value {
            Some(Value::String(text)) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if [secret::ONE, secret::TOKENS].contains(&name) {
            self.secrets.borrow_mut().insert(self.path.clone());
            self.strictness = Strictness::Secret;
            self.is_one = name == secret::TOKENS;
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let items = match self.value {
            Some(Value::Array(items)) => items,
            Some(Value::String(text)) if self.is_one => {
                let one = (!text.is_empty()).then_some(self);
                return visitor.visit_seq(Items(Vec::from_iter(one).into_iter()));
            }
            _ => {
                let text = if self.is_one { "text in quotes, or " } else { "" };
                let list = "a list of texts such as [\"a\", \"b\"]";
                return Err(Wrong::custom(format_args!("expected {text}{list}")));
            }
        };
        let nodes = items.iter().enumerate().map(|(index, item)| Node {
            path: format!("{}[{index}]", self.path),
            value: Some(item),
            ..self
        });
        visitor.visit_seq(Items(nodes.collect::<Vec<_>>().into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Wrong> {
        // People read what has a name of their choice.
        self.strictness = Strictness::Text;
        let (tree, path) = (self.tree, self.path.clone());
        let names = tree.below(&path).map(|(name, path)| (name.to_owned(), path.to_owned()));
        visitor.visit_map(self.nodes(names))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        if name == "Duration" {
            // Serde's own form of it is seconds and nanoseconds.
            let duration = duration::parse(self.text()?).map_err(Wrong::custom)?;
            let parts = [duration.as_secs(), u64::from(duration.subsec_nanos())];
            return visitor.visit_seq(SeqDeserializer::new(parts.into_iter()));
        }
        let (tree, path) = (self.tree, self.path.clone());
        let names = fields.iter().filter_map(|name| {
            let below = join(&path, name);
            // A field that is no key is a part of the section, with keys of the same table.
            let (is_key, is_set) = (is_key(&below), tree.get(&below).is_some());
            let is_table = tree.below(&below).next().is_some();
            let path = if is_key { below } else { path.clone() };
            (!is_key || is_set || is_table).then(|| ((*name).to_owned(), path))
        });
        visitor.visit_map(self.nodes(names))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct identifier ignored_any
    }
}

/// The items of a list.
struct Items<'r>(vec::IntoIter<Node<'r>>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        self.0.next().map(|node| node.read(seed)).transpose()
    }
}

/// The values of a table with their names.
struct Table<'r> {
    nodes: vec::IntoIter<(String, Node<'r>)>,
    next: Option<Node<'r>>,
}

impl<'de> MapAccess<'de> for Table<'_> {
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

/// The error of a value that can't be read. Serde would repeat the value, which may be a secret; here only
/// what was expected is kept.
#[derive(Debug)]
struct Wrong {
    text: String,
    /// The path, once its reader has added it.
    path: Option<String>,
    /// True if there is no value at all.
    is_missing: bool,
}

impl Wrong {
    /// Says where it was, and what was there, unless that is known more precisely.
    fn at(mut self, node: &Node<'_>) -> Self {
        if self.path.is_none() {
            let name =
                self.is_missing.then(|| std::mem::replace(&mut self.text, "is missing".into()));
            self.path =
                Some(name.map_or_else(|| node.path.clone(), |name| join(&node.path, &name)));
            if let Some(expected) = self.text.strip_prefix("expected ") {
                self.text = wrong(expected, &node.shown());
            }
        }
        self
    }
}

impl Error for Wrong {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self { text: text.to_string(), path: None, is_missing: false }
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        match expected.to_string() {
            text if text.ends_with("string") => Self::custom(TEXT),
            other => Self::custom(format_args!("expected {other}")),
        }
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        let quoted: Vec<String> = variants.iter().map(|word| format!("{word:?}")).collect();
        Self::custom(format_args!("expected {}", quoted.join(" or ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { is_missing: true, ..Self::custom(field) }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Wrong {}
