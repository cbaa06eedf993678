//! Reports are read leniently, field by field.

use proptest::prelude::{any, proptest};
use serde_json::json;

use super::*;

const NOW: Time = Time::from_seconds(1_790_000_000);

fn read(body: &Value, received_at: Time) -> Result<Feedback, String> {
    let notification = CustomerioReport::read(body).into_notification(received_at)?;
    Ok(notification.feedback.unwrap())
}

fn event(body: &Value) -> Option<String> {
    CustomerioReport::read(body).event()
}

fn report(object: &str, metric: &str, data: &Value) -> Value {
    json!({
        "event_id": "01JREPORT", "object_type": object, "metric": metric,
        "timestamp": 1_789_000_000, "data": data,
    })
}

fn of(data: &Value) -> Value {
    let mut all = json!({
        "customer_id": "",
        "identifiers": { "id": null, "email": "Ann@Example.com", "cio_id": "d9c1" },
        "delivery_id": "dlv1", "campaign_id": 7, "recipient": "ann@example.com",
    });
    all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    all
}

#[test]
fn a_click_is_read_with_whose_link_it_was() {
    let href = "https://shop.example/?utm=a&grsf=ann%2D01#top";
    let feedback = read(&report("email", "clicked", &of(&json!({"href": href}))), NOW).unwrap();
    assert_eq!(feedback.at, Time::from_seconds(1_789_000_000));
    assert_eq!(feedback.identifiers, [Identifier::Email(Email::parse("ann@example.com").unwrap())]);
    let FeedbackKind::Clicked(click) = feedback.kind else { panic!("{feedback:?}") };
    assert_eq!(click.grsf.as_deref(), Some("ann-01"));
    assert_eq!((click.channel, click.href.as_str()), ("email", href));
    assert_eq!(click.sender, Some(("campaign", "7".to_owned())));
    assert_eq!(click.delivery.as_deref(), Some("dlv1"));
}

#[test]
fn an_array_is_no_object() {
    for (field, value) in
        [("identifiers", json!(["7", "bob@example.com"])), ("broadcast", json!([9]))]
    {
        let data = of(&json!({"href": "https://shop.example", "campaign_id": null, field: value}));
        let read = read(&report("email", "clicked", &data), NOW).unwrap();
        let FeedbackKind::Clicked(click) = &read.kind else { panic!("{read:?}") };
        assert_eq!(click.sender, None, "{field}");
        assert!(
            read.identifiers
                .iter()
                .all(|it| matches!(it, Identifier::Email(it) if it.as_str() == "ann@example.com"))
        );
    }
    let ids = read(&report("customer", "unsubscribed", &json!({"identifiers": ["7"]})), NOW);
    assert_eq!(ids.unwrap().identifiers, []);
}

#[test]
fn a_message_is_read_with_the_event_that_started_what_sent_it() {
    let event = EventId([0xa5; 16]);
    let data = |changes: Value| {
        let mut data = of(&json!({"trigger_event_id": event.to_string().to_lowercase()}));
        data.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        data
    };
    let message = |object: &str, metric: &str, changes: Value| {
        read(&report(object, metric, &data(changes)), NOW).unwrap().message
    };
    for (object, metric) in [("email", "opened"), ("whatsapp", "sent"), ("webhook", "failed")] {
        assert_eq!(
            message(object, metric, json!({})),
            Some(Message {
                event,
                delivery: "dlv1".to_owned(),
                channel: object.to_owned(),
                metric: metric.to_owned(),
                sender: Some(("campaign".to_owned(), "7".to_owned())),
                at: Time::from_seconds(1_789_000_000),
            })
        );
    }
    // A click is both.
    let href = json!({"href": "https://shop.example/?grsf=a"});
    let clicked = read(&report("email", "clicked", &data(href)), NOW).unwrap();
    assert!(clicked.message.is_some() && matches!(clicked.kind, FeedbackKind::Clicked(_)));
    let strange = json!({"campaign_id": "ann@example.com"});
    assert_eq!(message("email", "sent", strange).unwrap().sender, None);
    for (object, metric, changes) in [
        ("email", "opened", json!({"trigger_event_id": null})),
        ("email", "opened", json!({"trigger_event_id": "01REPORT"})),
        ("email", "opened", json!({"delivery_id": "ann@example.com"})),
        ("email", "opened", json!({"delivery_id": null})),
        ("email", "ann@example.com", json!({})),
        ("customer", "unsubscribed", json!({})),
    ] {
        assert_eq!(message(object, metric, changes.clone()), None, "{object} {changes}");
    }
}

#[test]
fn machines_and_whatever_isnt_known_lead_to_nothing() {
    let href = json!({"href": "https://shop.example/?grsf=a"});
    let machine = json!({"href": "https://shop.example/?grsf=a", "machine": true});
    let nothing = json!({});
    for (object, metric, data) in [
        ("email", "clicked", &machine),
        ("email", "clicked", &nothing),
        ("email", "opened", &href),
        ("webhook", "failed", &nothing),
        ("pigeon", "landed", &nothing),
    ] {
        let feedback = read(&report(object, metric, &of(data)), NOW).unwrap();
        assert_eq!(feedback.kind, FeedbackKind::Ignored, "{object} {metric}");
    }
}

#[test]
fn published_examples_that_break_the_published_schema_are_read() {
    let mut notification = report("customer", "unsubscribed", &json!({"customer_id": "42"}));
    notification["timestamp"] = json!("1789000000");
    let feedback = read(&notification, NOW).unwrap();
    assert_eq!(feedback.identifiers, [Identifier::Id("42".to_owned())]);
    assert!(matches!(feedback.kind, FeedbackKind::Subscription { subscribed: false, .. }));
    assert_eq!(feedback.at, Time::from_seconds(1_789_000_000));
    notification["timestamp"] = json!(1_789_000_000_000_i64);
    assert_eq!(read(&notification, NOW).unwrap().at, NOW, "milliseconds are no seconds");
    notification["data"] = Value::Null;
    assert!(read(&notification, NOW).unwrap().identifiers.is_empty());
}

#[test]
fn what_names_nothing_says_what_is_missing() {
    for field in ["event_id", "object_type", "metric"] {
        let mut notification = report("email", "sent", &json!({}));
        notification[field] = json!("  ");
        assert_eq!(read(&notification, NOW).unwrap_err(), format!("{field} is missing"));
    }
    assert_eq!(event(&report("email", "clicked", &json!({}))).unwrap(), "email_clicked");
    assert_eq!(event(&report("ann@example.com", "x", &json!({}))), None);
}

#[test]
fn only_words_that_growsurf_makes_are_taken_from_a_link() {
    for (href, word) in [
        ("https://a.example/?grsf=x9a7uu", Some("x9a7uu")),
        ("https://a.example/?grsf=", None),
        ("https://a.example/?grsf=a%20b", None),
        ("https://a.example/?ngrsf=a", None),
        ("https://a.example/#?grsf=a", None),
        ("https://a.example/grsf=a", None),
    ] {
        assert_eq!(grsf(href).as_deref(), word, "{href}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(href in any::<String>(), id in any::<String>(), at in any::<i64>()) {
        let mut notification = report("sms", "clicked", &json!({"href": href, "customer_id": id}));
        notification["timestamp"] = json!(at);
        let _ = read(&notification, NOW);
        let _ = event(&notification);
    }
}
