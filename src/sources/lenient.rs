//! Leniency: how far a field of GrowSurf's may stray from its documented type.
//!
//! GrowSurf's contract lets fields come and go, and its own samples disagree about types. So a field that is null,
//! blank or of a wrong type is absent, and an unknown one is ignored. What belongs here: the adapters that say so of a
//! struct's fields, by their types (`wire!`) or one by one (`serde_as`). What doesn't: the names of fields and what they mean.
//!
//! Structs are read from a parsed body, never from its bytes. The parser checks a body as a whole,
//! and keeps the last one of repeated keys, as JavaScript does.

mod maps;
mod plain;
mod wire;

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use serde_with::DeserializeAs;

pub use self::maps::{Counts, Metadata};
pub use self::plain::Plain;
pub(crate) use self::wire::wire;
use crate::domain::{Scalar, Time, currency_in_use};

/// Reads an object into a struct whose fields are all lenient.
pub fn read<'de, T: Deserialize<'de> + Default>(object: &'de Map<String, Value>) -> T {
    // No adapter fails, and a parsed object repeats no key.
    T::deserialize(object).unwrap_or_default()
}

/// Reads one value.
pub fn of<'de, R: Lenient<'de>>(value: &'de Value) -> R::Out {
    any::<R, _>(value).unwrap_or_default()
}

/// Returns the currency of an ISO 4217 code, if one in use has it.
pub fn currency(text: &str) -> Option<String> {
    currency_in_use(&text.to_ascii_uppercase()).map(str::to_owned)
}

/// A field that differs from a missing one where its value can't be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Field<T> {
    /// Missing, or null.
    #[default]
    Missing,
    /// A value of another type.
    Illegible,
    /// The value.
    Read(T),
}

impl<T> Field<T> {
    /// Returns the value, if it could be read.
    pub fn ok(self) -> Option<T> {
        if let Self::Read(value) = self { Some(value) } else { None }
    }

    /// Returns it by reference.
    pub fn as_ref(&self) -> Field<&T> {
        match self {
            Self::Missing => Field::Missing,
            Self::Illegible => Field::Illegible,
            Self::Read(value) => Field::Read(value),
        }
    }

    /// True unless it is missing.
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Missing)
    }
}

impl<T> From<Option<T>> for Field<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Illegible, Self::Read)
    }
}

/// A way to read a value of any type. Types of values that it doesn't name are absent.
pub trait Lenient<'de> {
    /// The value that is read; its default is that of an absent one.
    type Out: Default;

    /// Reads a value without parts.
    fn plain(_value: Plain<'de>) -> Self::Out {
        Self::Out::default()
    }

    /// Reads an object.
    ///
    /// # Errors
    /// The object's own.
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self::Out, A::Error> {
        pass_over(map)?;
        Ok(Self::Out::default())
    }

    /// Reads an array.
    ///
    /// # Errors
    /// The array's own.
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self::Out, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Out::default())
    }
}

/// Reads a value of any type.
///
/// # Errors
/// The deserializer's own; a parsed body has none.
pub fn any<'de, R, D>(deserializer: D) -> Result<R::Out, D::Error>
where
    R: Lenient<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(AnyType::<R>(PhantomData))
}

fn pass_over<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

struct AnyType<R>(PhantomData<R>);

impl<'de, R: Lenient<'de>> Visitor<'de> for AnyType<R> {
    type Value = R::Out;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of a parsed body")
    }

    fn visit_unit<E>(self) -> Result<R::Out, E> {
        Ok(R::Out::default())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<R::Out, E> {
        Ok(R::plain(Plain::Boolean(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<R::Out, E> {
        Ok(R::plain(Plain::Number(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<R::Out, E> {
        Ok(R::plain(Plain::Number(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<R::Out, E> {
        Ok(Number::from_f64(number).map(|it| R::plain(Plain::Number(it))).unwrap_or_default())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<R::Out, E> {
        Ok(R::plain(Plain::Text(text.trim())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<R::Out, A::Error> {
        R::map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<R::Out, A::Error> {
        R::list(list)
    }
}

/// Declares adapters of values without parts.
macro_rules! adapters {
    ($($(#[$doc:meta])* $name:ident: $out:ty = $read:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl<'de> Lenient<'de> for $name {
            type Out = Option<$out>;

            fn plain(value: Plain<'de>) -> Self::Out {
                $read(value)
            }
        }

        impl<'de> DeserializeAs<'de, Option<$out>> for $name {
            fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Option<$out>, D::Error> {
                any::<Self, D>(deserializer)
            }
        }
    )*};
}

adapters! {
    /// A text, or a whole number as text.
    Id: String = Plain::id;
    /// A whole number; may be written as text or with a fraction of zero.
    Whole: i64 = Plain::whole;
    /// A whole number that isn't negative.
    Count: i64 = Plain::count;
    /// A time in milliseconds.
    Millis: Time = |it: Plain<'_>| it.whole().map(Time::from_millis);
    /// A number of any kind; may be written as text.
    Numeric: Scalar = Plain::number;
    /// A text or a number.
    TextOrNumber: Scalar = |it| if let Plain::Boolean(_) = it { None } else { it.scalar() };
    /// A flag; may be written as text.
    Flag: bool = Plain::flag;
}

/// A text, trimmed.
pub struct Text;

impl<'de> Lenient<'de> for Text {
    type Out = Option<&'de str>;

    fn plain(value: Plain<'de>) -> Self::Out {
        value.text()
    }
}

impl<'de, T: From<&'de str>> DeserializeAs<'de, Option<T>> for Text {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        any::<Self, D>(deserializer).map(|text| text.map(T::from))
    }
}

/// The value of another adapter, with a default in place of an absent one.
pub struct OrDefault<R>(PhantomData<R>);

impl<'de, T, S, R> DeserializeAs<'de, T> for OrDefault<R>
where
    T: From<S> + Default,
    R: Lenient<'de, Out = Option<S>>,
{
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        any::<R, D>(deserializer).map(|value| value.map(T::from).unwrap_or_default())
    }
}

/// The value of another adapter, with a field that it can't read kept apart from a missing one.
pub struct Legible<R>(PhantomData<R>);

impl<'de, T, R: Lenient<'de, Out = Option<T>>> Lenient<'de> for Legible<R> {
    type Out = Field<T>;

    fn plain(value: Plain<'de>) -> Self::Out {
        R::plain(value).into()
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self::Out, A::Error> {
        R::map(map).map(Field::from)
    }

    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self::Out, A::Error> {
        R::list(list).map(Field::from)
    }
}

impl<'de, T, R: Lenient<'de, Out = Option<T>>> DeserializeAs<'de, Field<T>> for Legible<R> {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Field<T>, D::Error> {
        any::<Self, D>(deserializer)
    }
}

/// An object, and nothing that serde would take for one.
pub struct Object;

/// An object as a value of its own.
pub struct ObjectOf<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Lenient<'de> for ObjectOf<T> {
    type Out = Option<T>;

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self::Out, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ObjectOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any::<Self, D>(deserializer).map(Self)
    }
}

impl<'de, T: Deserialize<'de>> DeserializeAs<'de, Option<T>> for Object {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        any::<ObjectOf<T>, D>(deserializer)
    }
}

/// An object that holds something. GrowSurf's samples show `{}` where nobody is meant.
pub struct Filled<T = ()>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Lenient<'de> for Filled<T> {
    type Out = Option<T>;

    fn map<A: MapAccess<'de>>(map: A) -> Result<Self::Out, A::Error> {
        if map.size_hint() == Some(0) {
            return Ok(None);
        }
        ObjectOf::<T>::map(map)
    }
}

impl<'de, T: Deserialize<'de>> DeserializeAs<'de, Option<T>> for Filled {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        any::<Filled<T>, D>(deserializer)
    }
}

/// The objects in an array.
pub struct Objects<T = ()>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Lenient<'de> for Objects<T> {
    type Out = Option<Vec<T>>;

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self::Out, A::Error> {
        let mut objects = Vec::new();
        while let Some(ObjectOf(object)) = list.next_element()? {
            objects.extend(object);
        }
        Ok(Some(objects))
    }
}

impl<'de, T: Deserialize<'de>> DeserializeAs<'de, Option<Vec<T>>> for Objects {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
        any::<Objects<T>, D>(deserializer)
    }
}

/// A value without parts, among others.
struct Part<'de>(Option<Plain<'de>>);

impl<'de> Lenient<'de> for Part<'de> {
    type Out = Option<Plain<'de>>;

    fn plain(value: Plain<'de>) -> Self::Out {
        Some(value)
    }
}

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any::<Self, D>(deserializer).map(Self)
    }
}

/// The texts in an array.
pub struct Texts<T = ()>(PhantomData<T>);

impl<'de, T: From<&'de str>> Lenient<'de> for Texts<T> {
    type Out = Vec<T>;

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self::Out, A::Error> {
        let mut texts = Vec::new();
        while let Some(Part(value)) = list.next_element()? {
            texts.extend(value.and_then(Plain::text).map(T::from));
        }
        Ok(texts)
    }
}

impl<'de, T: From<&'de str>> DeserializeAs<'de, Vec<T>> for Texts {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        any::<Texts<T>, D>(deserializer)
    }
}

#[cfg(test)]
mod tests;
