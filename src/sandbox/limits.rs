//! The documented limits and types of single values, in bytes, as pure checks.
//!
//! Limits of a whole request (32,000 and 500,000 bytes) are checked where the request is read.
//! The numbers are from the Track API's specification, "Customer limits" and "Track API Event
//! limits".

use serde_json::{Map, Value};
use ulid::Ulid;

use super::answer::Problem;

const ID_BYTES: usize = 150;
const ATTRIBUTE_NAME_BYTES: usize = 150;
const ATTRIBUTE_VALUE_BYTES: usize = 1_000;
/// For a person as for an identify.
pub(super) const ATTRIBUTES: usize = 300;
const EVENT_NAME_BYTES: usize = 100;
/// Of an event's data in v1; in v2 the limit of the whole operation is lower.
pub(super) const EVENT_DATA_BYTES: usize = 100_000;
/// Of a request to `/api/v2/entity`, and of each operation in a batch.
pub(super) const OPERATION_BYTES: usize = 32_000;
/// Of a request to `/api/v2/batch`.
pub(super) const BATCH_BYTES: usize = 500_000;
/// Exclusive bounds of a Unix time in seconds: what the official Ruby library accepts. Beyond them
/// are milliseconds, and clocks that never were set.
const TIME_SECONDS: (i64, i64) = (999_999_999, 100_000_000_000);

pub(super) fn id(field: &str, id: &str) -> Result<(), Problem> {
    if id.trim().is_empty() {
        return Err(Problem::invalid(field, "id cannot be blank"));
    }
    at_most(ID_BYTES, field, "id", id)
}

/// Checks an address by a rough reading of RFC 5322: two parts around the last `@`, and no white space.
pub(super) fn email(field: &str, email: &str) -> Result<(), Problem> {
    let is_address = email
        .rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !email.contains(|c: char| c.is_whitespace() || c.is_control());
    if !is_address {
        return Err(Problem::invalid(field, "email is not an email address"));
    }
    at_most(ATTRIBUTE_VALUE_BYTES, field, "email", email)
}

/// Checks names, values and number of the attributes of one identify. The published schema knows
/// strings, integers and booleans only, but the API accepts decimals and nested values too
/// (<https://docs.customer.io/journeys/json-in-segments>). Null removes.
pub(super) fn attributes(attributes: &Map<String, Value>) -> Result<(), Problem> {
    if attributes.len() > ATTRIBUTES {
        let message = format!("cannot have more than {ATTRIBUTES} attributes");
        return Err(Problem::invalid("attributes", message));
    }
    for (name, value) in attributes {
        attribute(name, value).map_err(|problem| problem.within("attributes"))?;
    }
    Ok(())
}

fn attribute(name: &str, value: &Value) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(Problem::invalid(name, "property name cannot be empty"));
    }
    at_most(ATTRIBUTE_NAME_BYTES, name, "property name", name)?;

    match value {
        Value::String(text) => at_most(ATTRIBUTE_VALUE_BYTES, name, "property value", text),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::Array(_) | Value::Object(_) => {
            at_most(ATTRIBUTE_VALUE_BYTES, name, "property value", &value.to_string())
        }
    }
}

/// Reads an event's name without the spaces around it, which Customer.io removes too.
pub(super) fn event_name(value: Option<&Value>) -> Result<String, Problem> {
    let name = match value {
        None => return Err(Problem::required("name")),
        Some(Value::String(name)) => name.trim(),
        Some(_) => return Err(Problem::invalid("name", "event name must be a string")),
    };
    if name.is_empty() {
        return Err(Problem::invalid("name", "event name cannot be blank"));
    }
    at_most(EVENT_NAME_BYTES, "name", "event name", name)?;
    Ok(name.to_owned())
}

/// Reads Unix seconds as an integer, if given.
pub(super) fn timestamp(field: &str, value: Option<&Value>) -> Result<Option<i64>, Problem> {
    let Some(value) = value else {
        return Ok(None);
    };
    let (after, before) = TIME_SECONDS;
    match value.as_i64() {
        Some(seconds) if after < seconds && seconds < before => Ok(Some(seconds)),
        Some(_) => Err(Problem::invalid(field, format!("{field} is not a Unix time in seconds"))),
        None => Err(Problem::invalid(field, format!("{field} must be an integer"))),
    }
}

/// Reads an event id, which must be a ULID, as its number: ULIDs are case-insensitive.
pub(super) fn ulid(value: Option<&Value>) -> Result<Option<u128>, Problem> {
    let Some(value) = value else {
        return Ok(None);
    };
    let read = |text: &str| {
        let id = Ulid::from_string(text).ok()?;
        // The crate drops what exceeds 128 bits.
        id.to_string().eq_ignore_ascii_case(text).then_some(id.into())
    };
    match value.as_str().and_then(read) {
        Some(number) => Ok(Some(number)),
        None => Err(Problem::invalid("id", "event id must be a ULID")),
    }
}

fn at_most(limit: usize, field: &str, what: &str, text: &str) -> Result<(), Problem> {
    if text.len() > limit {
        let message = format!("{what} cannot be longer than {limit} bytes");
        return Err(Problem::invalid(field, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(name: &str, value: Value) -> Map<String, Value> {
        Map::from_iter([(name.to_owned(), value)])
    }

    #[test]
    fn attributes_at_the_limits_and_one_over() {
        // Two bytes a letter: the limits count bytes.
        let name = "é".repeat(75);
        let value = "é".repeat(500);
        assert_eq!(attributes(&map(&name, json!(value))), Ok(()));

        let problem = attributes(&map(&format!("{name}x"), json!("v"))).unwrap_err();
        assert_eq!(problem.message, "property name cannot be longer than 150 bytes");
        let problem = attributes(&map("plan", json!(format!("{value}x")))).unwrap_err();
        assert_eq!(problem.field, "attributes.plan");
        assert_eq!(problem.message, "property value cannot be longer than 1000 bytes");

        let many = |n: usize| (0..n).map(|i| (format!("a{i}"), json!(i))).collect();
        assert_eq!(attributes(&many(300)), Ok(()));
        assert!(attributes(&many(301)).is_err());
    }

    #[test]
    fn attribute_values_are_scalars_or_short_nested_values() {
        let scalars =
            [json!("x"), json!(-3), json!(u64::MAX), json!(1.5), json!(true), json!(null)];
        for fine in scalars.into_iter().chain([json!(["a", 1]), json!({"city": {"zip": "1"}})]) {
            assert_eq!(attributes(&map("plan", fine.clone())), Ok(()), "{fine}");
        }
        let long = json!({"text": "x".repeat(1_000)});
        assert!(attributes(&map("plan", long)).is_err());
        let preferences = json!({"topics": {"topic_1": true}});
        assert_eq!(attributes(&map("cio_subscription_preferences", preferences)), Ok(()));
    }

    #[test]
    fn event_names_are_trimmed_and_bounded() {
        let name = "n".repeat(100);
        assert_eq!(event_name(Some(&json!(format!(" {name} ")))), Ok(name.clone()));
        let problem = event_name(Some(&json!(format!("{name}x")))).unwrap_err();
        assert_eq!(problem.message, "event name cannot be longer than 100 bytes");
        for wrong in [None, Some(json!(" ")), Some(json!(1)), Some(json!(null))] {
            assert!(event_name(wrong.as_ref()).is_err());
        }
    }

    #[test]
    fn times_are_whole_seconds_of_our_age() {
        let read = |value: Value| timestamp("timestamp", Some(&value));
        assert_eq!(read(json!(1_000_000_000)), Ok(Some(1_000_000_000)));
        assert_eq!(read(json!(99_999_999_999_i64)), Ok(Some(99_999_999_999)));
        for wrong in [
            json!(999_999_999),
            json!(100_000_000_000_i64),
            json!(1_700_000_000.5),
            json!("1700000000"),
            json!(null),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(timestamp("timestamp", None), Ok(None));
    }

    #[test]
    fn event_ids_are_ulids() {
        let read = |text: &str| ulid(Some(&json!(text)));
        let number = read("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        assert_eq!(number, Some(0x0156_3e3a_b5d3_d676_4c61_efb9_9302_bd5b));
        assert_eq!(read("01arz3ndektsv4rrffq69g5fav").unwrap(), number);
        assert_eq!(read("7ZZZZZZZZZZZZZZZZZZZZZZZZZ").unwrap(), Some(u128::MAX));
        for wrong in [
            "",
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
            "9b2f6f5e-31a7-4f1c-8f0e-1d2c3b4a5968",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(ulid(Some(&json!(7))).is_err());
    }

    #[test]
    fn ids_and_addresses() {
        assert_eq!(id("id", &"i".repeat(150)), Ok(()));
        assert!(id("id", &"i".repeat(151)).is_err());
        assert_eq!(email("email", "a@x.com"), Ok(()));
        for wrong in ["a", "@x.com", "a@", "a b@x.com", "a@x.com\n"] {
            assert!(email("email", wrong).is_err(), "{wrong}");
        }
    }
}
