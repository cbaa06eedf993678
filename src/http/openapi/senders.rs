//! The schemas of bodies that are read leniently: GrowSurf's webhooks and Customer.io's reports.
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

/// A reporting webhook of Customer.io's.
pub struct CustomerioReport;

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

impl PartialSchema for CustomerioReport {
    fn schema() -> RefOr<Schema> {
        let what =
            "A report as Customer.io sends it. What the relay doesn't know leads to nothing.";
        let fields = [
            ("event_id", "The report's own name; it counts once by it."),
            ("object_type", "What it is about: `email`, `sms`, `push`, `customer`."),
            ("metric", "What happened to it, such as `clicked` or `unsubscribed`."),
            ("timestamp", "When, in Unix seconds."),
            ("data", "Who, in which message, by which link."),
        ];
        let examples = [json!({
            "event_id": "01E4C4CT6YDC7Y5M7FE1GWWPQJ",
            "object_type": "email",
            "metric": "clicked",
            "timestamp": 1_790_000_000,
            "data": {
                "identifiers": {"id": null, "email": "fay@example.com"},
                "delivery_id": "RAECAAFwnUSneIa0ZXkmq8EdkAM==",
                "campaign_id": 7,
                "href": "https://shop.example.com?grsf=fay001",
            },
        })];
        lenient(what, &fields, examples)
    }
}

impl ToSchema for CustomerioReport {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("CustomerioReport")
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
