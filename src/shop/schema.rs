//! The schema of what the shop tells, for the document of the interface.
//!
//! What belongs here: the rules that `read` holds, as far as JSON Schema can say them. What it can't:
//! that no time lies more than a day ahead of the relay's clock.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, Discriminator, KnownFormat, Object, ObjectBuilder,
    OneOfBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{
    COMMON, CONVERTED, EARLIEST, LONGEST, LONGEST_EMAIL, MOST, OF_CONVERTED, OF_PURCHASED,
    OF_SHARED, PURCHASED, SHARED,
};

/// Something in a text that isn't white space, which is spelt out because dialects of regular
/// expressions disagree about it.
const VISIBLE: &str =
    r"[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";

/// An address: one `@`, a name before it and labels behind it; nothing that no address has.
const ADDRESS: &str =
    r#"^[^\s@<>()\[\],;:"\\]+@[^\s@.<>()\[\],;:"\\]+(\.[^\s@.<>()\[\],;:"\\]+)*$"#;

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
            "GrowSurf's id of the campaign; may be left out where there is only one.",
            json!("b2xq7v"),
        ),
        "participant_id" => ("GrowSurf's id of the participant.", json!("fay001")),
        "email" => (
            "The participant's e-mail address. Capital letters and white space around it don't matter.",
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
        "currency" => field.schema_type(may_be(Type::String)).pattern(Some("^[A-Z]{3}$")),
        "email" => field
            .schema_type(may_be(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
            .max_length(Some(LONGEST_EMAIL))
            .pattern(Some(ADDRESS)),
        _ => field
            .schema_type(may_be(Type::String))
            .min_length(Some(1))
            .max_length(Some(LONGEST))
            .pattern(Some(VISIBLE)),
    };
    field.build()
}
