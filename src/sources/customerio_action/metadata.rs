//! Participant metadata, as webhook actions name it.

use std::collections::{BTreeMap, BTreeSet};

use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, Object, ObjectBuilder, Schema, SchemaType, Type,
};

use super::template::OPTIONAL;
use crate::domain::{MetadataKeyError, Scalar, check_metadata_key, is_own_metadata};
use crate::sources::contract::{FAULTS, check_filled, is_plain};

/// GrowSurf's limits of participant metadata
/// (<https://docs.growsurf.com/developer-tools/metadata>).
const VALUE_CHARS: usize = 500;
const KEYS: usize = 50;

/// The largest number that metadata may hold: up to here every reader of JSON holds all digits of a
/// whole number (RFC 8259, 6).
const EXACT: f64 = 9_007_199_254_740_991.0;

/// Participant metadata by key.
#[derive(Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct Metadata(#[garde(custom(|it, _| values(it).map(drop)))] Value);

impl Metadata {
    /// True if it has no keys.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_object().is_some_and(serde_json::Map::is_empty)
    }

    /// Returns the values by key; `None` removes one.
    pub(super) fn values(&self) -> BTreeMap<String, Option<Scalar>> {
        values(&self.0).unwrap_or_default()
    }
}

pub(super) fn schema() -> Object {
    let types = [Type::String, Type::Number, Type::Boolean, Type::Null];
    let value = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .minimum(Some(-EXACT))
        .maximum(Some(EXACT))
        .max_length(Some(VALUE_CHARS))
        .pattern(Some(
            r"[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
        ));
    let key = ObjectBuilder::new().schema_type(Type::String);
    let key = key.pattern(Some("^[a-z0-9][A-Za-z0-9]{0,39}$"));
    ObjectBuilder::new()
        .description(Some(
            "Participant metadata by key; `null` removes one. GrowSurf's `gdprAgreements` and the \
             relay's own counts are refused.",
        ))
        .examples([json!({"plan": "pro"})])
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .max_properties(Some(KEYS))
        .property_names(Some(key.build()))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::from(
            value.build(),
        )))))
        .build()
}

fn values(value: &Value) -> Result<BTreeMap<String, Option<Scalar>>, garde::Error> {
    check_filled(value)?;
    let entries = value.as_object();
    let entries = entries.ok_or_else(|| garde::Error::new("is no object, {\"key\": \"value\"}"))?;
    if entries.len() > KEYS {
        let fault = format!("has more than {KEYS} keys, which is all GrowSurf keeps");
        return Err(garde::Error::new(fault));
    }
    let (mut read, mut faults) = (BTreeMap::new(), BTreeSet::new());
    for (key, value) in entries {
        match entry(key, value) {
            Ok(value) => drop(read.insert(key.clone(), value)),
            Err(fault) => drop(faults.insert(fault)),
        }
    }
    let fault = faults.into_iter().take(FAULTS).collect::<Vec<_>>().join("; metadata");
    if fault.is_empty() { Ok(read) } else { Err(garde::Error::new(fault.trim_start())) }
}

fn entry(key: &str, value: &Value) -> Result<Option<Scalar>, String> {
    if is_plain(key) && is_own_metadata(key) {
        return Err(format!(".{key} is the relay's own"));
    }
    check_metadata_key(key).map_err(|error| {
        // The form that GrowSurf keeps would repeat what is no word.
        let error = if is_plain(key) { error } else { MetadataKeyError::Renamed(None) };
        format!(" has a key that GrowSurf doesn't accept: expected {error}")
    })?;
    let fault = match value {
        Value::Null => return Ok(None),
        Value::Bool(flag) => return Ok(Some(Scalar::Boolean(*flag))),
        Value::Number(number) => match number.as_f64().filter(|it| it.abs() <= EXACT) {
            Some(decimal) => {
                let whole = number.as_i64().map(Scalar::Integer);
                return Ok(Some(whole.unwrap_or(Scalar::Decimal(decimal))));
            }
            None => "is too large a number; put it in quotes".to_owned(),
        },
        Value::String(text) if text.trim().is_empty() => {
            format!("is empty: {OPTIONAL}; null removes it")
        }
        Value::String(text) if text.chars().nth(VALUE_CHARS).is_none() => {
            return Ok(Some(Scalar::from(text.trim())));
        }
        Value::String(_) => {
            format!("is longer than {VALUE_CHARS} characters, which is all GrowSurf keeps")
        }
        _ => "is neither text, number, true, false nor null".to_owned(),
    };
    Err(format!(".{key} {fault}"))
}
