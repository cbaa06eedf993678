//! Objects whose fields have names of their users' own.

use std::collections::BTreeMap;

use serde::de::MapAccess;
use serde::{Deserialize, Deserializer};
use serde_with::DeserializeAs;

use super::{Lenient, Part, Plain, any, pass_over};
use crate::domain::Attributes;

/// The most fields of metadata that are read, first by name; a person has at most 300 attributes at
/// Customer.io. Any new participant can write metadata, which is stored with them.
const FIELDS: usize = 300;

/// The texts, numbers and flags of an object under their own names. Nested values are left out, and
/// fields beyond `FIELDS`.
pub struct Metadata;

impl<'de> Lenient<'de> for Metadata {
    type Out = Attributes;

    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self::Out, A::Error> {
        let mut fields = Attributes::new();
        for _ in 0..FIELDS {
            let Some((name, Part(value))) = map.next_entry::<&str, _>()? else { return Ok(fields) };
            fields.extend(value.and_then(Plain::scalar).map(|it| (name.to_owned(), it)));
        }
        pass_over(map)?;
        Ok(fields)
    }
}

impl<'de> DeserializeAs<'de, Attributes> for Metadata {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Attributes, D::Error> {
        any::<Self, D>(deserializer)
    }
}

/// Counts: one number in webhooks, an object of them by their names in rows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Counts {
    /// Their sum.
    pub total: Option<i64>,
    /// Each of them, where the body has them.
    pub by_name: Option<BTreeMap<String, i64>>,
}

impl<'de> Lenient<'de> for Counts {
    type Out = Self;

    fn plain(value: Plain<'de>) -> Self {
        Self { total: value.count(), by_name: None }
    }

    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let (mut total, mut by_name) = (None, BTreeMap::new());
        for place in 0.. {
            let Some((name, Part(value))) = map.next_entry::<&str, _>()? else { break };
            let Some(count) = value.and_then(Plain::count) else { continue };
            total = Some(total.unwrap_or(0_i64).saturating_add(count));
            if place < FIELDS {
                by_name.insert(name.to_owned(), count);
            }
        }
        Ok(Self { total, by_name: Some(by_name) })
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any::<Self, D>(deserializer)
    }
}
