//! The schemas of what pages post, for the document of the interface: what a post must hold to be
//! taken, which no answer tells.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, Object, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::PAGE;
use crate::domain::{AnonymousId, Link};

/// That somebody came by a participant's link.
pub struct PageClick;

/// That a participant shared their link.
pub struct PageShare;

impl PartialSchema for PageClick {
    fn schema() -> RefOr<Schema> {
        let what = "Somebody came by a participant's link. What isn't named here is left behind.";
        let page = format!(
            "The page's address, of `http` or `https`; nothing of its query or its fragment is kept. \
             May be left out, and is left out if it isn't on one of `page.origins`, has an `@` in its \
             path, or has over {PAGE} bytes still."
        );
        let page = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uri".to_owned())))
            .description(Some(page))
            .examples([json!("https://shop.example.com/landing")]);
        let needed = [
            ("key", key()),
            ("anonymous_id", anonymous("The visitor's id, the same at each visit.")),
            ("click_id", anonymous("Names this click, however often it is posted.")),
            ("grsf", word("The participant that the link names, by id or vanity key.", "fay001")),
        ];
        post(what, needed).property("page", page).into()
    }
}

impl ToSchema for PageClick {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PageClick")
    }
}

impl PartialSchema for PageShare {
    fn schema() -> RefOr<Schema> {
        let what = "A participant shared their link. What isn't named here is left behind.";
        let needed = [
            ("key", key()),
            ("share_id", anonymous("Names this share, however often it is posted.")),
            ("participant", word("The participant, by GrowSurf's id or a vanity key.", "fay001")),
            ("channel", word("How they shared.", "whatsapp")),
        ];
        post(what, needed).into()
    }
}

impl ToSchema for PageShare {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PageShare")
    }
}

/// A post with fields that must be there.
fn post<const N: usize>(what: &str, needed: [(&str, Object); N]) -> ObjectBuilder {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(what))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)));
    needed
        .into_iter()
        .fold(object, |object, (name, field)| object.required(name).property(name, field))
}

fn key() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What the page names the campaign by (`page_key`)."))
        .examples([json!("pk_spring")])
        .build()
}

fn anonymous(what: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(what))
        .min_length(Some(*AnonymousId::BYTES.start()))
        .max_length(Some(*AnonymousId::BYTES.end()))
        .pattern(Some("^[A-Za-z0-9-]+$"))
        .examples([json!("7d5b3b0e-7f0c-4b7c-9a53-0f6b1c3d2e1a")])
        .build()
}

fn word(what: &str, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(what))
        .min_length(Some(1))
        .max_length(Some(Link::LONGEST))
        .pattern(Some("^[A-Za-z0-9_-]+$"))
        .examples([json!(example)])
        .build()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{Kind, Post};
    use super::*;

    fn is_read(kind: Kind, body: &Value) -> bool {
        Post::read(kind, body.to_string().as_bytes(), &[]).is_some()
    }

    /// What is posted, the schema of it, and a post with every field.
    fn posts() -> impl Iterator<Item = (Kind, Value, Value)> {
        let schemas = [(Kind::Click, PageClick::schema()), (Kind::Share, PageShare::schema())];
        schemas.into_iter().map(|(kind, schema)| {
            let schema = serde_json::to_value(schema).unwrap();
            let properties = schema["properties"].as_object().unwrap();
            let example = |(name, it): (&String, &Value)| (name.clone(), it["examples"][0].clone());
            let post: Value = properties.iter().map(example).collect();
            assert!(is_read(kind, &post), "{post}");
            (kind, schema, post)
        })
    }

    #[test]
    fn what_the_schema_asks_for_is_what_a_post_must_hold() {
        for (kind, schema, post) in posts() {
            for (name, field) in schema["properties"].as_object().unwrap() {
                let is_needed = schema["required"].as_array().unwrap().contains(&json!(name));
                let holds = |value: Value, expected: bool| {
                    let mut changed = post.clone();
                    changed[name] = value;
                    assert_eq!(is_read(kind, &changed), expected || !is_needed, "{changed}");
                };
                holds(Value::Null, false);
                holds(json!(7), false);
                for (bound, beyond) in [("minLength", -1), ("maxLength", 1)] {
                    let Some(bound) = field[bound].as_i64() else { continue };
                    let text = |length: i64| json!("x".repeat(usize::try_from(length).unwrap()));
                    holds(text(bound), true);
                    holds(text(bound + beyond), false);
                }
                if field.get("pattern").is_some() {
                    holds(json!("fay@example.com"), false);
                    holds(json!("Fay-Friend-0"), true);
                    let takes_underscores = field["pattern"].as_str().unwrap().contains('_');
                    holds(json!("Fay_Friend_0"), takes_underscores);
                }
            }
            let mut more = post.clone();
            more["colour"] = json!("red");
            assert!(is_read(kind, &more));
        }
    }
}
