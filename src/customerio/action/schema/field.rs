//! The fields of webhook actions: what each may hold.

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, Object, ObjectBuilder, Schema, SchemaType, Type,
};

use super::super::fields::{LONGEST, LONGEST_ID};
use super::super::{ADD, EXACT, KEYS, LONGEST_DELAY, VALUE_CHARS};
use crate::domain::METADATA_KEY_CHARS;
use crate::domain::characters::{CONTROL, NOT_OF_ADDRESS, SPACE};

/// What a field of an ask may hold; `null` is the same as leaving it out.
pub(super) fn field(ask: &str, name: &str) -> Object {
    let (what, example): (&str, Value) = match name {
        "campaign" => (
            "GrowSurf's id of the campaign, one of those that the settings name, if they name any; may be left out where they name exactly one.",
            json!("b2xq7v"),
        ),
        "dedupe_key" => (
            "The same for everything that is the same ask, which is done once. No address is in it.",
            json!("first-order"),
        ),
        "email" if ask == ADD => {
            ("Who is to take part: their address, of at most 254 bytes.", json!("fay@example.com"))
        }
        "email" => ("Their address, of at most 254 bytes.", json!("fay@example.com")),
        "id" => ("Their id at Customer.io.", json!("4711")),
        "participant" => ("GrowSurf's id of the participant.", json!("fay001")),
        "unsubscribed" => ("Whether GrowSurf may send them no more mail.", json!(true)),
        "first_name" => ("Their first name.", json!("Fay")),
        "last_name" => ("Their last name.", json!("Friend")),
        "delay_in_days" => ("After how many days the credit is awarded.", json!(14)),
        "channel" => ("How they shared.", json!("whatsapp")),
        "referred_by" => {
            ("Who referred them: an address, or GrowSurf's id of a participant.", json!("rae001"))
        }
        _ => return metadata(ask),
    };
    let (types, pattern): (&[Type], String) = match name {
        "campaign" | "participant" => (&[Type::String, Type::Integer], around(&id())),
        "dedupe_key" => (&[Type::String, Type::Integer], text(&format!("{CONTROL}@"))),
        "email" => (&[Type::String], around(&address())),
        "unsubscribed" => {
            (&[Type::Boolean, Type::String], around("[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]"))
        }
        "delay_in_days" => (&[Type::Integer, Type::String], around(r"\+?0*([1-9]|[1-8][0-9]|90)")),
        "referred_by" => {
            (&[Type::String, Type::Integer], around(&format!("{}|{}", id(), address())))
        }
        _ => (&[Type::String, Type::Integer], text(CONTROL)),
    };
    let object = ObjectBuilder::new()
        .description(Some(what))
        .examples([example])
        .schema_type(SchemaType::from_iter(types.iter().cloned().chain([Type::Null])))
        .max_length(Some(LONGEST))
        .pattern(Some(pattern));
    let object = match name {
        "delay_in_days" => object.minimum(Some(1)).maximum(Some(LONGEST_DELAY)),
        _ if types.contains(&Type::Integer) => {
            // Whatever serde_json keeps every digit of.
            object.minimum(Some(i64::MIN)).maximum(Some(u64::MAX))
        }
        _ => object,
    };
    object.build()
}

/// The field where it must be there, so that `null` won't do.
pub(super) fn filled(mut field: Object) -> Object {
    if let SchemaType::Array(types) = &mut field.schema_type {
        types.retain(|kind| *kind != Type::Null);
        if let [kind] = types.as_slice() {
            field.schema_type = SchemaType::Type(kind.clone());
        }
    }
    field
}

fn metadata(ask: &str) -> Object {
    // Nobody who is only to become a participant has any that could be removed.
    let (removal, what) = match ask == ADD {
        true => (None, "Participant metadata by key."),
        false => (Some(Type::Null), "Participant metadata by key; `null` removes one."),
    };
    let types = [Type::String, Type::Number, Type::Boolean].into_iter().chain(removal);
    let value = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .minimum(Some(-EXACT))
        .maximum(Some(EXACT))
        .max_length(Some(VALUE_CHARS))
        .pattern(Some(text("")));
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^[a-z0-9][A-Za-z0-9]{{0,{}}}$", METADATA_KEY_CHARS - 1)));
    let own = "GrowSurf's `gdprAgreements` and what the relay counts with are refused.";
    ObjectBuilder::new()
        .description(Some(format!("{what} {own}")))
        .examples([json!({"plan": "pro"})])
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .min_properties(Some(1))
        .max_properties(Some(KEYS))
        .property_names(Some(key.build()))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::from(
            value.build(),
        )))))
        .build()
}

/// Something with white space around it, which doesn't matter.
fn around(pattern: &str) -> String {
    format!("^[{SPACE}]*({pattern})[{SPACE}]*$")
}

/// A text with something in it but white space, without some characters (but around it), and without
/// what begins a piece of a template.
fn text(without: &str) -> String {
    let first = unrendered_not(&format!("{without}{SPACE}"), without);
    let next = unrendered_not(without, without);
    around(&format!(r"{first}{next}*\{{?|\{{"))
}

/// A character that is none of some, or a brace and another that doesn't make it a template's.
fn unrendered_not(these: &str, nor_behind: &str) -> String {
    format!(r"([^{these}{{]|\{{[^{nor_behind}{{%])")
}

/// An address without what begins a piece of a template: one `@`, a name before it and labels behind.
fn address() -> String {
    let run = |without: &str| format!(r"({}+\{{?|\{{)", unrendered_not(without, without));
    let none = NOT_OF_ADDRESS.as_str();
    let (name, label) = (run(none), run(&format!("{none}.")));
    format!(r"{name}@{label}(\.{label})*")
}

/// An id of GrowSurf's.
fn id() -> String {
    format!("[A-Za-z0-9_-]{{1,{LONGEST_ID}}}")
}
