//! What the schema allows is read, and what it forbids is refused.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::string::string_regex;
use regex::Regex;
use serde_json::{Number, Value, json};

use super::super::fields::IDS;
use super::*;
use crate::domain::{Time, is_too_long};

/// Whatever is at some bound of the schema, or wrong in some way that is easily taken for right.
const EDGES: [&str; 34] = [
    "null",
    "true",
    "[]",
    "{}",
    "7.5",
    "1e3",
    "0",
    "1",
    "90",
    "91",
    "-1",
    "-9223372036854775808",
    "-9223372036854775809",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "9007199254740991",
    "9007199254740992",
    "-9007199254740991",
    "-9007199254740992",
    "9007199254740991.5",
    r#""""#,
    r#""\u3000\u0085""#,
    r#""\n +090\t""#,
    r#"" 91""#,
    r#""100""#,
    r#""FALSE ""#,
    r#""{{a}}""#,
    r#""a {% b""#,
    r#""a{b{ {""#,
    r#""{""#,
    r#""a\u0000b""#,
    r#""a@b""#,
];

fn is_read(action: &Value) -> bool {
    super::super::read(action, Time::from_seconds(1_790_000_000)).is_ok()
}

/// The schema of each type, and an ask with every field.
fn kinds() -> [(Value, Value); 4] {
    KINDS.map(|kind| {
        let schema = serde_json::to_value(schema_of(&kind)).unwrap();
        let properties = schema["allOf"][0]["properties"].as_object().unwrap();
        let example = |(name, it): (&String, &Value)| (name.clone(), it["examples"][0].clone());
        let mut ask: Value = properties.iter().map(example).collect();
        ask["type"] = json!(kind.ask);
        assert!(is_read(&ask), "{ask}");
        (schema, ask)
    })
}

/// Whether a schema allows a value, as far as this one goes.
fn allows(schema: &Value, value: &Value) -> bool {
    let all = |keyword: &str| schema[keyword].as_array().into_iter().flatten();
    let is_of_type = || match &schema["type"] {
        Value::Null => true,
        Value::String(kind) => is_a(kind, value),
        kinds => kinds.as_array().unwrap().iter().any(|it| is_a(it.as_str().unwrap(), value)),
    };
    let fits = || match value {
        Value::Number(number) => is_between(number, &schema["minimum"], &schema["maximum"]),
        Value::String(text) => {
            let least = schema["minLength"].as_u64().unwrap_or(0);
            let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            (least..=most).contains(&(text.chars().count() as u64))
                && compiled(pattern).is_match(text)
        }
        Value::Object(fields) => {
            let least = schema["minProperties"].as_u64().unwrap_or(0);
            let most = schema["maxProperties"].as_u64().unwrap_or(u64::MAX);
            (least..=most).contains(&(fields.len() as u64))
                && all("required").all(|name| fields.contains_key(name.as_str().unwrap()))
                && fields.iter().all(|(name, value)| {
                    let other = &schema["additionalProperties"];
                    allows(schema["properties"].get(name).unwrap_or(other), value)
                        && allows(&schema["propertyNames"], &json!(name))
                })
        }
        _ => true,
    };
    *schema != json!(false)
        && is_of_type()
        && schema.get("enum").is_none_or(|values| values.as_array().unwrap().contains(value))
        && fits()
        && all("allOf").all(|it| allows(it, value))
        && (all("anyOf").count() == 0 || all("anyOf").any(|it| allows(it, value)))
}

/// A pattern, of which each is compiled once.
fn compiled(pattern: &str) -> Regex {
    static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut patterns = PATTERNS.lock().unwrap();
    let entry = patterns.entry(pattern.to_owned());
    entry.or_insert_with(|| Regex::new(pattern).unwrap()).clone()
}

fn is_a(kind: &str, value: &Value) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || kind == "integer" && !number.is_f64(),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

fn is_between(number: &Number, least: &Value, most: &Value) -> bool {
    let is_at_most = |a: &Number, b: &Number| match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a <= b,
        _ => a.as_f64() <= b.as_f64(),
    };
    least.as_number().is_none_or(|least| is_at_most(least, number))
        && most.as_number().is_none_or(|most| is_at_most(number, most))
}

fn holds(schema: &Value, ask: &Value) {
    // Of ids the bytes are limited, which no schema can say.
    let is_short = IDS.iter().all(|name| !ask[*name].as_str().is_some_and(is_too_long));
    assert_eq!(is_read(ask), is_short && allows(schema, ask), "{ask}");
}

fn with(ask: &Value, name: &str, value: &Value) -> Value {
    let mut ask = ask.clone();
    ask[name] = value.clone();
    ask
}

fn without(ask: &Value, names: &[&str]) -> Value {
    let mut ask = ask.clone();
    ask.as_object_mut().unwrap().retain(|name, _| !names.contains(&name.as_str()));
    ask
}

#[test]
fn every_bound_is_where_the_schema_says() {
    let edges: Vec<Value> = EDGES.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
    let long = [64, 65, 199, 200, 201].map(|length| json!("x".repeat(length - 1) + "0"));
    let wide = [200, 201].map(|length| json!("é".repeat(length)));
    let address = [200, 201].map(|length| json!("x".repeat(length - 12) + "@example.com"));
    let texts = [&edges[..], &long, &wide, &address].concat();
    let mut read = 0;
    for (schema, ask) in kinds() {
        for name in ask.as_object().unwrap().keys() {
            for value in &texts {
                let changed = with(&ask, name, value);
                holds(&schema, &changed);
                read += u32::from(is_read(&changed));
            }
        }
        if ask.get("metadata").is_none() {
            continue;
        }
        let values = [&texts[..], &[500, 501].map(|length| json!("ü".repeat(length)))].concat();
        for value in &values {
            holds(&schema, &with(&ask, "metadata", &json!({"plan": value})));
        }
        for key in ["", "a b", "ä", "Plan", "2ndPlan", "planB", &"x".repeat(40), &"x".repeat(41)] {
            holds(&schema, &with(&ask, "metadata", &json!({key: "pro"})));
        }
        for keys in [50, 51] {
            let many: Value = (0..keys).map(|key| (format!("k{key}"), json!(key))).collect();
            holds(&schema, &with(&ask, "metadata", &many));
        }
    }
    assert!(read > 200, "{read}");
}

#[test]
fn what_is_required_is_needed_and_nothing_unknown_is_taken() {
    const NAMES: [&[&str]; 7] = [
        &["email"],
        &["email", "id"],
        &["email", "participant"],
        &["id", "participant"],
        &["email", "id", "participant"],
        &["metadata", "first_name", "last_name"],
        &["metadata", "unsubscribed", "first_name", "last_name"],
    ];
    for (schema, ask) in kinds() {
        for name in ask.as_object().unwrap().keys() {
            holds(&schema, &without(&ask, &[name]));
        }
        for names in NAMES {
            let less = without(&ask, names);
            holds(&schema, &less);
            let gone = names.iter().filter(|name| ask.get(**name).is_some());
            holds(&schema, &gone.fold(less, |less, name| with(&less, name, &Value::Null)));
        }
        for unknown in ["colour", "emial", "event"] {
            let more = with(&ask, unknown, &json!("red"));
            assert!(!allows(&schema, &more) && !is_read(&more), "{more}");
        }
    }
}

/// Texts that some pattern of the schema allows, and such as are nearly allowed.
fn text() -> impl Strategy<Value = String> {
    let patterns = kinds().into_iter().flat_map(|(schema, _)| {
        let properties = schema["allOf"][0]["properties"].as_object().unwrap().clone();
        properties.into_values().filter_map(|it| Some(it["pattern"].as_str()?.to_owned()))
    });
    let like = |pattern: String| {
        let inner = pattern.trim_start_matches('^').trim_end_matches('$').to_owned();
        string_regex(&inner).unwrap().boxed()
    };
    let allowed = proptest::strategy::Union::new(patterns.map(like));
    prop_oneof![
        4 => allowed,
        2 => "[ \\t\u{85}\u{7f}{}%a@.,+_0-9-]{0,8}",
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_text_in_any_place_is_read_where_the_schema_allows_it(
        kind in 0..KINDS.len(),
        place in any::<prop::sample::Index>(),
        text in text(),
        metadata in btree_map("[A-Za-z0-9]{0,3}", text(), 0..3),
    ) {
        // In bytes mail has a limit of its own, which no schema can tell.
        prop_assume!(text.to_lowercase().len() <= 254);
        let (schema, ask) = kinds()[kind].clone();
        let names: Vec<&String> = ask.as_object().unwrap().keys().collect();
        let changed = match place.get(&names).as_str() {
            "type" => ask,
            "metadata" => with(&ask, "metadata", &json!(metadata)),
            name => with(&ask, name, &json!(text)),
        };
        holds(&schema, &changed);
    }
}
