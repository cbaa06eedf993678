//! The schema of GrowSurf's webhooks, which are read leniently.
//!
//! What belongs here: the fields that the relay looks at. None has a type here, because a field that
//! can't be understood doesn't make a body one that is refused: it is kept and parked.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, Object, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

/// A webhook of GrowSurf's, in either of its shapes.
pub struct GrowsurfWebhook;

impl PartialSchema for GrowsurfWebhook {
    fn schema() -> RefOr<Schema> {
        let what = "A webhook as GrowSurf sends it, with `data`, or in the shape of its published \
            Customer.io guide, with `participant`. Whatever can't be understood is kept and parked.";
        let fields = [
            ("event", "The event's name, such as `NEW_PARTICIPANT_ADDED`."),
            ("createdAt", "When it happened, in Unix milliseconds."),
            ("data", "What happened: the participant, the reward, the campaign."),
            ("participant", "Of the guide's shape: whom it is about."),
            ("referrer", "Of the guide's shape: who referred them."),
        ];
        let examples = [
            json!({
                "event": "NEW_PARTICIPANT_ADDED",
                "createdAt": 1_790_000_000_000_i64,
                "data": {
                    "id": "fay001",
                    "email": "fay@example.com",
                    "createdAt": 1_790_000_000_000_i64,
                    "referredBy": "rae001",
                    "referrer": {"id": "rae001", "email": "rae@example.com"},
                    "campaign": {"id": "b2xq7v", "name": "Spring Referral Program"},
                },
            }),
            json!({
                "event": "PARTICIPANT_CREATED",
                "participant": {"email": "fay@example.com", "campaignId": "b2xq7v"},
                "referrer": {"email": "rae@example.com"},
            }),
        ];
        lenient(what, &fields, examples)
    }
}

impl ToSchema for GrowsurfWebhook {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("GrowsurfWebhook")
    }
}

fn lenient<const N: usize>(
    what: &str,
    fields: &[(&str, &str)],
    examples: [Value; N],
) -> RefOr<Schema> {
    let anything = |what: &str| -> Object {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(what)).build()
    };
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(what))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .examples(examples);
    let object =
        fields.iter().fold(object, |object, (name, what)| object.property(*name, anything(what)));
    object.into()
}
