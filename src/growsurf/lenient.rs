//! Lenient reading of JSON: what can be understood is taken, everything else counts as absent.
//!
//! GrowSurf's contract lets fields come and go, and its own samples disagree about types, so a
//! field of a wrong type is never an error. What belongs here: scalars and how far they may stray
//! from their documented type. What doesn't: the names of fields and what they mean.
//!
//! The readers work on a parsed [`Value`], not on derived structs: those refuse repeated keys,
//! and would copy every nested value before they could forgive it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::{Attributes, Scalar, Time, currency_in_use, storable_id};

/// The greatest whole number up to which every double is exact: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The most fields of metadata that are taken, first by name; a person has at most 300 attributes
/// at Customer.io. Whoever signs up can write metadata, and it is kept with the participant.
const FIELDS: usize = 300;

/// A JSON object whose fields are read by name. Null, blank and wrong-typed fields are absent.
#[derive(Clone, Copy)]
pub struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    /// The value as an object, if it is one.
    pub fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// All of it.
    pub fn value(self) -> Value {
        Value::Object(self.0.clone())
    }

    /// A nested object.
    pub fn object(self, name: &str) -> Option<Self> {
        self.0.get(name).and_then(Self::of)
    }

    /// A nested object that holds something. GrowSurf's samples show `{}` where nobody is meant.
    pub fn person(self, name: &str) -> Option<Self> {
        self.object(name).filter(|object| !object.0.is_empty())
    }

    /// The elements of a nested array.
    pub fn items(self, name: &str) -> Option<&'a [Value]> {
        self.0.get(name)?.as_array().map(Vec::as_slice)
    }

    /// A text, trimmed.
    pub fn text(self, name: &str) -> Option<&'a str> {
        text(self.0.get(name)?)
    }

    /// Whether anything but null stands there.
    pub fn has(self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// A text, or a whole number as text: ids are sometimes written without quotes.
    pub fn id(self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            value => text(value).map(storable_id),
        }
    }

    /// A whole number; may be written as text or with a fraction of zero.
    pub fn whole(self, name: &str) -> Option<i64> {
        whole(self.0.get(name)?)
    }

    /// A whole number that isn't negative.
    pub fn count(self, name: &str) -> Option<i64> {
        self.whole(name).filter(|count| *count >= 0)
    }

    /// Counts added up: one number, or an object of them.
    pub fn total(self, name: &str) -> Option<i64> {
        let Some(parts) = self.object(name) else {
            return self.count(name);
        };
        let counts = parts.0.keys().filter_map(|name| parts.count(name));
        counts.reduce(i64::saturating_add)
    }

    /// A time in milliseconds.
    pub fn time(self, name: &str) -> Option<Time> {
        self.whole(name).map(Time::from_millis)
    }

    /// A number of any kind; may be written as text.
    pub fn number(self, name: &str) -> Option<Scalar> {
        number(self.0.get(name)?)
    }

    /// A text, a number or a flag.
    pub fn scalar(self, name: &str) -> Option<Scalar> {
        scalar(self.0.get(name)?)
    }

    /// Whether the field says yes.
    pub fn is_true(self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(value) => text(value).is_some_and(|text| text.eq_ignore_ascii_case("true")),
            None => false,
        }
    }

    /// What the field says, where it says yes or no.
    pub fn flag(self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(flag) => Some(*flag),
            value => match text(value)?.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
        }
    }

    /// The counts in a nested object, by their names; others in it are left out.
    pub fn counts(self, name: &str) -> Option<BTreeMap<String, i64>> {
        let object = self.object(name)?;
        let names = object.0.keys().take(FIELDS);
        Some(names.filter_map(|it| Some((it.clone(), object.count(it)?))).collect())
    }

    /// The scalar fields of a nested object, under their own names; nested values are left out, and
    /// what goes beyond so many fields that nobody meant them.
    pub fn scalars(self, name: &str) -> Attributes {
        let fields = self.object(name).into_iter().flat_map(|object| object.0).take(FIELDS);
        fields.filter_map(|(name, value)| Some((name.clone(), scalar(value)?))).collect()
    }
}

/// The text of a value, trimmed, unless nothing is left.
pub fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// Returns the currency of an ISO 4217 code, if one in use has it.
pub fn currency(text: &str) -> Option<String> {
    currency_in_use(&text.to_ascii_uppercase()).map(str::to_owned)
}

fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(flag) => Some(Scalar::Boolean(*flag)),
        Value::Number(_) => number(value),
        _ => text(value).map(Scalar::from),
    }
}

fn number(value: &Value) -> Option<Scalar> {
    if let Some(integer) = whole(value) {
        return Some(Scalar::Integer(integer));
    }
    double(value).map(Scalar::Decimal)
}

fn whole(value: &Value) -> Option<i64> {
    let exact = value.as_i64().or_else(|| text(value)?.parse().ok());
    exact.or_else(|| {
        let double = double(value).filter(|double| double.fract() == 0.0)?;
        #[expect(clippy::cast_possible_truncation, reason = "whole and in the exact range")]
        (double.abs() <= EXACT).then_some(double as i64)
    })
}

/// The value as a finite double; text may say `inf`, which is no number of anything.
fn double(value: &Value) -> Option<f64> {
    let double = value.as_f64().or_else(|| text(value)?.parse().ok());
    double.filter(|double| double.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_taken_from_whatever_holds_one() {
        for (value, expected) in [
            (json!(9), Some(9)),
            (json!("9"), Some(9)),
            (json!(" -9 "), Some(-9)),
            (json!(9.0), Some(9)),
            (json!("9.0"), Some(9)),
            (json!(1_558_345_215_720_i64), Some(1_558_345_215_720)),
            (json!("9223372036854775807"), Some(i64::MAX)),
            (json!(u64::MAX), None),
            (json!(1e300), None),
            (json!(9.5), None),
            (json!("nine"), None),
            (json!("NaN"), None),
            (json!(""), None),
            (json!(true), None),
            (json!(null), None),
            (json!([9]), None),
        ] {
            assert_eq!(whole(&value), expected, "{value}");
        }
    }

    #[test]
    fn numbers_stay_numbers_and_finite() {
        for (value, expected) in [
            (json!(49.5), Some(Scalar::Decimal(49.5))),
            (json!("49.50"), Some(Scalar::Decimal(49.5))),
            (json!("100"), Some(Scalar::Integer(100))),
            (json!(100.0), Some(Scalar::Integer(100))),
            (json!("$25"), None),
            (json!("inf"), None),
            (json!("1,000"), None),
            (json!({}), None),
        ] {
            assert_eq!(number(&value), expected, "{value}");
        }
    }

    #[test]
    fn fields_of_a_wrong_type_are_absent() {
        let value = json!({
            "blank": "  ", "null": null, "number": 7, "text": " a ", "list": ["x"], "object": {},
            "yes": "TRUE", "map": {"email": 2, "sms": "3", "junk": [], "less": -4}, "minus": -1,
        });
        let object = Object::of(&value).unwrap();
        for name in ["blank", "null", "number", "list", "object", "nothing"] {
            assert_eq!(object.text(name), None, "{name}");
        }
        assert_eq!(object.text("text"), Some("a"));
        assert_eq!(object.id("number").as_deref(), Some("7"));
        assert_eq!(object.id("list"), None);
        assert_eq!(object.total("map"), Some(5));
        assert_eq!(object.total("number"), Some(7));
        assert_eq!(object.total("object"), None);
        assert_eq!(object.count("minus"), None);
        assert!(object.person("object").is_none() && object.object("object").is_some());
        assert!(object.is_true("yes") && !object.is_true("text") && !object.is_true("nothing"));
    }

    #[test]
    fn no_more_metadata_is_taken_than_a_person_can_have() {
        let fields = (0..1_000).map(|number| (format!("k{number:03}"), json!(number)));
        let value = json!({"metadata": fields.collect::<Map<_, _>>()});
        let taken = Object::of(&value).unwrap().scalars("metadata");
        assert_eq!(taken.len(), 300);
        assert!(taken.contains_key("k299"));
    }

    #[test]
    fn currencies_are_those_in_use() {
        assert_eq!(currency("usd").as_deref(), Some("USD"));
        for text in ["", "US", "US$", "euro", "€", "XXX", "XTS", "BTC", "ZZZ", "DEM"] {
            assert_eq!(currency(text), None, "{text}");
        }
    }
}
