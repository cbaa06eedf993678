//! Posts of pages: the part that is kept, and the notification of it.

use proptest::prelude::*;
use serde_json::json;
use utoipa::PartialSchema;

use super::*;

const NOW: Time = Time::from_seconds(1_790_000_000);

fn click() -> Value {
    json!({
        "key": "pk_spring", "anonymous_id": "7d5b3b0e-7f0c", "click_id": "b5a0a1f2-90ab",
        "grsf": "fay-001",
        "page": "https://u:p@shop.example.com/landing?email=fay@example.com#top",
        "email": "fay@example.com"
    })
}

fn share() -> Value {
    json!({
        "key": "pk_spring", "share_id": "c0ffee00-0001", "participant": "fay001",
        "channel": "copyLink"
    })
}

fn post(kind: Kind, body: &Value) -> Option<Post> {
    Post::read(kind, body.to_string().as_bytes(), &["https://shop.example.com".to_owned()])
}

#[test]
fn nothing_is_kept_but_ids_and_where_the_page_is() {
    let click = post(Kind::Click, &click()).unwrap();
    assert_eq!(click.key, "pk_spring");
    let kept = click.kept("camp", None);
    insta::assert_json_snapshot!(kept, @r#"
    {
      "anonymous_id": "7d5b3b0e-7f0c",
      "campaign": "camp",
      "click_id": "b5a0a1f2-90ab",
      "page": "https://shop.example.com/landing",
      "participant": "fay-001"
    }
    "#);
    let notification = read(&kept, NOW).unwrap();
    assert_eq!((notification.people.len(), notification.events[0].at), (1, Some(NOW)));
    assert!(
        matches!(&notification.events[0].event, Event::Visited(visit) if visit.key == "b5a0a1f2-90ab")
    );
    let kept = post(Kind::Share, &share()).unwrap().kept("camp", None);
    let notification = read(&kept, NOW).unwrap();
    assert!(matches!(
        &notification.events[0].event,
        Event::ShareReported { is_from_page: true, .. }
    ));
}

#[test]
fn an_array_is_no_post() {
    assert!(
        post(Kind::Share, &json!(["pk_spring", "c0ffee00-0001", "fay001", "copyLink"])).is_none()
    );
}

#[test]
fn what_isnt_of_the_scripts_form_is_no_post() {
    for (kind, field, value) in [
        (Kind::Click, "anonymous_id", json!("")),
        (Kind::Click, "anonymous_id", json!("fay@example.com")),
        (Kind::Click, "anonymous_id", json!(12_345_678)),
        (Kind::Click, "click_id", json!("short")),
        (Kind::Click, "click_id", json!(null)),
        (Kind::Click, "grsf", json!("")),
        (Kind::Click, "grsf", json!("fay@example.com")),
        (Kind::Click, "grsf", json!("x".repeat(65))),
        (Kind::Click, "key", json!(null)),
        (Kind::Share, "share_id", json!("x".repeat(65))),
        (Kind::Share, "channel", json!("Fay Friend")),
        (Kind::Share, "participant", json!({})),
    ] {
        let mut body = if kind == Kind::Click { click() } else { share() };
        body[field] = value;
        assert_eq!(post(kind, &body), None, "{body}");
    }
    for body in ["", "[]", "{", "null", "\"x\""] {
        assert_eq!(Post::read(Kind::Click, body.as_bytes(), &[]), None, "{body}");
    }
}

#[test]
fn a_page_that_is_none_of_the_users_is_left_out() {
    for page in [
        json!("javascript:alert(1)"),
        json!("landing"),
        json!(7),
        json!("x".repeat(600)),
        json!("https://evil.example/phish"),
        json!("https://shop.example.com@evil.example/"),
        json!("https://shop.example.com:8443/"),
        json!("http://shop.example.com/"),
        json!("blob:https://shop.example.com/7d5b3b0e"),
        json!("https://shop.example.com/of/fay@example.com/orders"),
        json!("https://shop.example.com/of/fay%40example.com/orders"),
    ] {
        let mut body = click();
        body["page"] = page;
        assert!(post(Kind::Click, &body).unwrap().kept("camp", None).get("page").is_none());
    }
    let mut body = click();
    body["page"] = json!(format!("https://shop.example.com/{}", "x".repeat(500)));
    assert!(post(Kind::Click, &body).unwrap().kept("camp", None).get("page").is_none());
}

#[test]
fn a_stored_body_of_an_erased_person_leads_to_nothing() {
    for field in ["participant", "anonymous_id"] {
        let mut kept = post(Kind::Click, &click()).unwrap().kept("camp", None);
        kept[field] = json!(null);
        assert_eq!(read(&kept, NOW).unwrap().events, []);
    }
    assert_eq!(read(&json!({}), NOW).unwrap_err(), "campaign is missing");
}

#[test]
fn the_examples_of_the_schema_are_posts() {
    for (kind, schema) in [(Kind::Click, PageClick::schema()), (Kind::Share, PageShare::schema())] {
        let schema = serde_json::to_value(schema).unwrap();
        let fields = schema["properties"].as_object().unwrap();
        let body: Value =
            fields.iter().map(|(name, it)| (name.clone(), it["examples"][0].clone())).collect();
        assert!(post(kind, &body).is_some(), "{body}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let mut body = click();
        for field in ["grsf", "page", "anonymous_id", "click_id"] {
            body[field] = json!(text);
            let _ = post(Kind::Click, &body);
        }
        let _ = Post::read(Kind::Share, &bytes, &[]);
    }
}
