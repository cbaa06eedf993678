//! The schema of webhook actions, for the document of the interface.
//!
//! What belongs here: the rules that `read` holds, as far as JSON Schema can say them. What it can't:
//! that no address has over 254 bytes, that no id has over 200, that a whole number is written without fraction and exponent,
//! and that keys of metadata which are GrowSurf's or the relay's own are refused however they are
//! capitalised. What it says more strictly: white space around `type`, which is forgiven.

mod field;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, AnyOfBuilder, Discriminator, Object, ObjectBuilder,
    OneOfBuilder, Schema, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{ADD, COMMON, OF_ADD, OF_SHARE, OF_TRIGGER, OF_UPDATE, SHARE, TRIGGER, UPDATE};
use field::{field, filled};

/// What a webhook action of a campaign at Customer.io asks for.
pub struct CustomerioAction;

/// A type of asks.
struct Kind {
    /// What it is asked as.
    ask: &'static str,
    /// The name of its schema.
    name: &'static str,
    what: &'static str,
    /// The fields that it has beside the common ones.
    own: &'static [&'static str],
    /// Those that must be there beside the type, and those of which one must be.
    needed: &'static [&'static str],
    one_of: &'static [(&'static str, &'static [&'static str])],
}

/// Whom an ask may be about.
const WHO: (&str, &[&str]) = ("Whom it is about: at least one.", &["email", "id", "participant"]);

const KINDS: [Kind; 4] = [
    Kind {
        ask: UPDATE,
        name: "UpdateParticipant",
        what: "Change what GrowSurf knows of a participant. What is left out stays.",
        own: &OF_UPDATE,
        needed: &["dedupe_key"],
        one_of: &[
            WHO,
            (
                "What is to be changed: at least one.",
                &["metadata", "unsubscribed", "first_name", "last_name"],
            ),
        ],
    },
    Kind {
        ask: TRIGGER,
        name: "TriggerReferral",
        what: "Award the credit for somebody's referral; they are the friend.",
        own: &OF_TRIGGER,
        needed: &["dedupe_key"],
        one_of: &[WHO],
    },
    Kind {
        ask: SHARE,
        name: "RecordShare",
        what: "Note that a participant shared their link.",
        own: &OF_SHARE,
        needed: &["dedupe_key", "channel"],
        one_of: &[WHO],
    },
    Kind {
        ask: ADD,
        name: "AddParticipant",
        what: "Make somebody a participant.",
        own: &OF_ADD,
        needed: &["dedupe_key", "email"],
        one_of: &[],
    },
];

impl PartialSchema for CustomerioAction {
    fn schema() -> RefOr<Schema> {
        let mapping = KINDS.map(|kind| (kind.ask, Ref::from_schema_name(kind.name).ref_location));
        let kinds = KINDS
            .iter()
            .fold(OneOfBuilder::new(), |kinds, kind| kinds.item(Ref::from_schema_name(kind.name)));
        let what = "What a template renders to. A field that isn't known is refused, and so is a text \
            that is empty or holds `{{` or `{%`; `detail` of a 422 says which. `null` is the same as \
            leaving a field out, white space around a text doesn't matter, and numbers, `true` and \
            `false` may stand in quotes.";
        kinds
            .description(Some(what))
            .discriminator(Some(Discriminator::with_mapping("type", mapping)))
            .into()
    }
}

impl ToSchema for CustomerioAction {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CustomerioAction")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend(KINDS.map(|kind| (kind.name.to_owned(), schema_of(&kind))));
    }
}

fn schema_of(kind: &Kind) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new().required("type");
    for name in COMMON.iter().chain(kind.own) {
        let is_needed = kind.needed.contains(name);
        object = object.property(
            *name,
            match *name {
                "type" => constant(kind.ask),
                name if is_needed => filled(field(kind.ask, name)),
                name => field(kind.ask, name),
            },
        );
        if is_needed {
            object = object.required(*name);
        }
    }
    let closed = object.additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let all = AllOfBuilder::new().description(Some(kind.what)).item(closed);
    kind.one_of.iter().fold(all, |all, (what, names)| all.item(one_of(kind, what, names))).into()
}

/// That at least one of some fields is there.
fn one_of(kind: &Kind, what: &str, names: &[&str]) -> Schema {
    let any = AnyOfBuilder::new().description(Some(what));
    let there = |name: &str| {
        let types = filled(field(kind.ask, name)).schema_type;
        let there = ObjectBuilder::new().schema_type(types);
        ObjectBuilder::new().property(name, there).required(name)
    };
    names.iter().fold(any, |any, name| any.item(there(name))).build().into()
}

fn constant(ask: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([ask])).build()
}
