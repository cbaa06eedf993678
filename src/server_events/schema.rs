//! The schema of what the shop tells, for the document of the interface.
//!
//! What belongs here: the rules that `read` holds, as far as JSON Schema can say them. What it can't:
//! that no time lies more than a day ahead of the relay's clock, that no address has over 254
//! bytes, and no id over 200.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, Discriminator, Object, ObjectBuilder, OneOfBuilder, Schema,
    SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{
    COMMON, CONVERTED, EARLIEST, LONGEST, LONGEST_EMAIL, MOST, OF_CONVERTED, OF_PURCHASED,
    OF_SHARED, PURCHASED, SHARED,
};
use crate::domain::CURRENCIES;
use crate::domain::characters::{NOT_OF_ADDRESS, SPACE};

/// A time beyond this, in 2100, was written in another unit.
const LATEST: i64 = 4_102_444_800;

/// One event that the user's own backend tells.
pub struct ShopEvent;

/// A kind of event.
struct Kind {
    /// What it is told as.
    event: &'static str,
    /// The name of its schema.
    name: &'static str,
    what: &'static str,
    /// The fields that it has beside the common ones, and those of them that must be there.
    own: &'static [&'static str],
    needed: &'static [&'static str],
}

const KINDS: [Kind; 3] = [
    Kind {
        event: CONVERTED,
        name: "ReferralConverted",
        what: "A friend has converted, which they do once in a campaign.",
        own: &OF_CONVERTED,
        needed: &[],
    },
    Kind {
        event: SHARED,
        name: "ReferralShared",
        what: "A participant has shared their link.",
        own: &OF_SHARED,
        needed: &OF_SHARED,
    },
    Kind {
        event: PURCHASED,
        name: "Purchase",
        what: "A participant has bought something.",
        own: &OF_PURCHASED,
        needed: &["id"],
    },
];

/// Something in a text that isn't white space.
fn visible() -> String {
    format!("[^{SPACE}]")
}

/// An address: one `@`, a name before it and labels behind it, and no character that no address has.
fn address() -> String {
    let none = NOT_OF_ADDRESS.as_str();
    let (name, label) = (format!("[^{none}]+"), format!("[^{none}.]+"));
    format!(r"^{name}@{label}(\.{label})*$")
}

impl PartialSchema for ShopEvent {
    fn schema() -> RefOr<Schema> {
        let mapping = KINDS.map(|kind| (kind.event, Ref::from_schema_name(kind.name).ref_location));
        let kinds = KINDS
            .iter()
            .fold(OneOfBuilder::new(), |kinds, kind| kinds.item(Ref::from_schema_name(kind.name)));
        kinds
            .description(Some("An event. A field that isn't known is refused; it would be lost."))
            .discriminator(Some(Discriminator::with_mapping("event", mapping)))
            .into()
    }
}

impl ToSchema for ShopEvent {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ShopEvent")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend(KINDS.map(|kind| (kind.name.to_owned(), schema_of(&kind))));
    }
}

fn schema_of(kind: &Kind) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new().required("event");
    for name in COMMON.iter().chain(kind.own) {
        let is_needed = kind.needed.contains(name);
        object = object.property(
            *name,
            match *name {
                "event" => constant(kind.event),
                name if is_needed => there(field(name)),
                name => field(name),
            },
        );
        if is_needed {
            object = object.required(*name);
        }
    }
    let closed = object.additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let who = OneOfBuilder::new()
        .description(Some("Whom it is about, by one of the two."))
        .item(named("participant_id", "email"))
        .item(named("email", "participant_id"));
    AllOfBuilder::new().description(Some(kind.what)).item(closed).item(who).into()
}

/// That one of two fields is there and the other isn't.
fn named(by: &str, other: &str) -> Object {
    let there = ObjectBuilder::new().schema_type(Type::String);
    let absent = ObjectBuilder::new().schema_type(Type::Null);
    ObjectBuilder::new().property(by, there).property(other, absent).required(by).build()
}

fn constant(event: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([event])).build()
}

/// The field where it must be there, so that `null` won't do.
fn there(mut field: Object) -> Object {
    if let SchemaType::Array(types) = &field.schema_type {
        let kind = types.iter().find(|kind| **kind != Type::Null).cloned();
        field.schema_type = SchemaType::Type(kind.expect("every field can be more than null"));
    }
    field
}

/// What a field may hold; `null` is the same as leaving it out.
fn field(name: &str) -> Object {
    let (what, example): (&str, Value) = match name {
        "campaign" => (
            "GrowSurf's id of the campaign, one of those that the settings name, if they name any; may be left out where they name exactly one.",
            json!("b2xq7v"),
        ),
        "participant_id" => ("GrowSurf's id of the participant.", json!("fay001")),
        "email" => (
            "The participant's e-mail address, of at most 254 bytes. Capital letters and white space around it don't matter.",
            json!("fay@example.com"),
        ),
        "occurred_at" => (
            "When it happened, in Unix seconds; at most a day ahead of the relay's clock. Left out: now.",
            json!(1_790_000_000),
        ),
        "id" => (
            "Names this event among all that you tell: the same for the same event, however often it is sent.",
            json!("order-1042"),
        ),
        "channel" => ("Where it was shared.", json!("whatsapp")),
        "product" => ("What was bought.", json!("Pro")),
        "currency" => ("The amount's currency, by ISO 4217.", json!("EUR")),
        _ => ("What it is worth, in the currency's major unit.", json!(49.5)),
    };
    let may_be = |kind| SchemaType::from_iter([kind, Type::Null]);
    let field = ObjectBuilder::new().description(Some(what)).examples([example]);
    let field = match name {
        "occurred_at" => field
            .schema_type(may_be(Type::Integer))
            .minimum(Some(EARLIEST.seconds() as f64))
            .maximum(Some(LATEST as f64)),
        "conversion_value" | "value" => {
            field.schema_type(may_be(Type::Number)).minimum(Some(0.0)).maximum(Some(MOST))
        }
        "currency" => {
            let codes = CURRENCIES.iter().copied().map(Some).chain([None]);
            field.schema_type(may_be(Type::String)).enum_values(Some(codes))
        }
        "email" => field
            .schema_type(may_be(Type::String))
            .max_length(Some(LONGEST_EMAIL))
            .pattern(Some(address())),
        _ => field
            .schema_type(may_be(Type::String))
            .min_length(Some(1))
            .max_length(Some(LONGEST))
            .pattern(Some(visible())),
    };
    field.build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, Strategy, prop_assume, proptest};
    use proptest::string::string_regex;

    use super::*;
    use crate::domain::{Time, is_too_long, storable_id};
    use crate::server_events::IDS;

    /// So late that the last time which the schema allows is the last that doesn't lie too far ahead.
    const NOW: Time = Time::from_seconds(LATEST - 24 * 60 * 60);

    fn is_read(event: &Value) -> bool {
        crate::server_events::read(event, NOW).is_ok()
    }

    /// The event's own part of its schema, and an event with every field.
    fn kinds() -> impl Iterator<Item = (Value, Value)> {
        KINDS.iter().map(|kind| {
            let schema = serde_json::to_value(schema_of(kind)).unwrap()["allOf"][0].clone();
            let properties = schema["properties"].as_object().unwrap();
            let example = |(name, it): (&String, &Value)| (name.clone(), it["examples"][0].clone());
            let mut event: Value = properties.iter().map(example).collect();
            event["event"] = json!(kind.event);
            event.as_object_mut().unwrap().remove("participant_id");
            assert!(is_read(&event), "{event}");
            (schema, event)
        })
    }

    fn with(event: &Value, name: &str, value: Value) -> Value {
        let mut event = event.clone();
        if name == "participant_id" {
            event.as_object_mut().unwrap().remove("email");
        }
        event[name] = value;
        event
    }

    #[test]
    fn every_bound_is_where_the_schema_says() {
        let mut tried = 0;
        for (schema, event) in kinds() {
            for (name, field) in schema["properties"].as_object().unwrap() {
                let mut holds = |value: Value, expected: bool| {
                    tried += 1;
                    let changed = with(&event, name, value);
                    assert_eq!(is_read(&changed), expected, "{changed}");
                };
                if let Some(most) = field["maxLength"].as_u64() {
                    // Of ids the bytes are limited, which no schema can say.
                    let end = match name.as_str() {
                        "email" => "@example.com",
                        id if IDS.contains(&id) => "u",
                        _ => "ü",
                    };
                    let letters = usize::try_from(most).unwrap() - end.chars().count();
                    holds(json!("x".repeat(letters) + end), true);
                    holds(json!("x".repeat(letters + 1) + end), false);
                    holds(json!(""), false);
                    holds(json!("\u{3000}\u{85}"), false);
                }
                for (bound, beyond) in [("minimum", -1.0), ("maximum", 1.0)] {
                    let Some(bound) = field[bound].as_f64() else { continue };
                    holds(json!(bound), true);
                    holds(json!(bound + beyond), false);
                }
                let may_be_null = field["type"].as_array().is_some_and(|types| types.len() == 2);
                if name != "participant_id" {
                    holds(Value::Null, may_be_null && name != "email");
                }
                holds(json!([]), false);
            }
        }
        assert!(tried > 80, "{tried}");
    }

    #[test]
    fn what_is_required_is_needed_and_nothing_unknown_is_taken() {
        for (schema, event) in kinds() {
            let required: Vec<&str> =
                schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            for name in event.as_object().unwrap().keys().filter(|name| *name != "email") {
                let mut less = event.clone();
                less.as_object_mut().unwrap().remove(name);
                assert_eq!(is_read(&less), !required.contains(&name.as_str()), "{less}");
            }
            assert!(!is_read(&with(&event, "colour", json!("red"))));
            let mut both = event.clone();
            both["participant_id"] = json!("fay001");
            assert!(!is_read(&both));
        }
    }

    /// Texts that a pattern allows.
    fn like(pattern: &str) -> impl Strategy<Value = String> + use<> {
        string_regex(pattern.trim_start_matches('^').trim_end_matches('$')).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_a_pattern_allows_is_read(address in like(&address()), text in like(&visible())) {
            // In bytes mail has a limit of its own, which no schema can tell.
            prop_assume!(address.to_lowercase().len() <= LONGEST_EMAIL);
            prop_assume!(!is_too_long(&storable_id(&text)));
            let (_, event) = kinds().last().unwrap();
            let event = with(&with(&event, "email", json!(address)), "id", json!(text));
            assert!(is_read(&event), "{event}");
        }
    }
}
