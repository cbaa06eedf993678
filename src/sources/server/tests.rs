//! Events are read as the contract says, and refused with sentences that help.

use proptest::prelude::{any, proptest};
use serde_json::json;
use utoipa::PartialSchema;

use super::*;

const CONVERTED: &str = "referral_converted";
const SHARED: &str = "referral_shared";
const PURCHASED: &str = "purchase";

const NOW: Time = Time::from_seconds(1_790_000_000);

fn read(body: &Value) -> Result<Notification, String> {
    ServerEvent::read(body.clone(), NOW)
}

/// Returns an event with some fields changed; `null` takes one out.
fn changed(event: &str, fields: &Value) -> Value {
    let mut body = match event {
        CONVERTED => json!({"conversion_value": 49.5, "currency": "EUR", "product": "Pro"}),
        SHARED => json!({"id": "s1", "channel": "whatsapp"}),
        _ => json!({"id": "o1", "value": 20, "currency": "EUR"}),
    };
    (body["event"], body["email"]) = (json!(event), json!(" Fay@Example.com "));
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[test]
fn each_event_is_read_with_what_it_is_worth() {
    let notification = read(&changed(CONVERTED, &json!({"occurred_at": 1_789_000_000.0}))).unwrap();
    assert_eq!(notification.people[0].email.as_ref().unwrap().as_str(), "fay@example.com");
    assert!(notification.is_from_server);
    let TimedEvent { at, event: Event::ReferralConverted { value, product, .. } } =
        &notification.events[0]
    else {
        panic!("{notification:?}")
    };
    assert_eq!(*at, Some(Time::from_seconds(1_789_000_000)));
    let worth = |value| Some(Amount { value, currency: Some("EUR".to_owned()) });
    assert_eq!(*value, worth(Scalar::Decimal(49.5)));
    assert_eq!(product.as_deref(), Some("Pro"));
    let notification = read(&changed(PURCHASED, &json!({}))).unwrap();
    let Event::Purchased { value, key, .. } = &notification.events[0].event else {
        panic!("{notification:?}")
    };
    assert_eq!((value, key.as_str()), (&worth(Scalar::Integer(20)), "o1"));
    let blank =
        json!({"id": " o1\u{a0}", "campaign": " c1 ", "email": null, "participant_id": " p1 "});
    let notification = read(&changed(PURCHASED, &blank)).unwrap();
    assert!(
        matches!(&notification.events[0].event, Event::Purchased { key, .. } if key == "o1"),
        "{notification:?}"
    );
    assert_eq!(
        (notification.campaign.id.as_deref(), notification.people[0].id.as_deref()),
        (Some("c1"), Some("p1"))
    );
    let notification = read(&changed(PURCHASED, &json!({"value": null}))).unwrap();
    let Event::Purchased { value, .. } = &notification.events[0].event else {
        panic!("{notification:?}")
    };
    assert_eq!(*value, None, "a currency alone");
    let by_id = json!({"email": null, "participant_id": "fay001"});
    let notification = read(&changed(SHARED, &by_id)).unwrap();
    assert_eq!(notification.people[0].id.as_deref(), Some("fay001"));
}

#[test]
fn every_fault_is_named_and_no_value_is_repeated() {
    for (event, fields, part) in [
        ("refund", json!({}), "event is none of"),
        (CONVERTED, json!({"event": null}), "event is missing"),
        (CONVERTED, json!({"email": null}), "one of participant_id and email"),
        (CONVERTED, json!({"participant_id": "x"}), "and only one"),
        (CONVERTED, json!({"email": "secret"}), "email is no e-mail address"),
        (CONVERTED, json!({"conversion_value": "secret"}), "conversion_value is no number"),
        (CONVERTED, json!({"conversion_value": -1}), "conversion_value is negative"),
        (CONVERTED, json!({"currency": ""}), "currency is empty: leave it out"),
        (CONVERTED, json!({"conversion_value": " "}), "conversion_value is empty: leave it out"),
        (SHARED, json!({"channel": null, "id": 7}), "channel is missing: the channel of the share"),
        (SHARED, json!({"channel": null, "id": 7}), "id is no text; put it in quotes"),
        (CONVERTED, json!({"currency": "secret"}), "currency is no ISO 4217 code"),
        (CONVERTED, json!({"product": 7}), "product is no text"),
        (CONVERTED, json!({"product": " "}), "product is empty: leave it out"),
        (
            CONVERTED,
            json!({"secret@example.com": 1}),
            "a field's name is no plain word, and none of referral_converted; it has event, campaign",
        ),
        (CONVERTED, json!({"id": "a"}), "id is no field of referral_converted"),
        (CONVERTED, json!({"occurred_at": 1_789_000_000_000_i64}), "whole Unix seconds"),
        (CONVERTED, json!({"occurred_at": "2026-01-01"}), "whole Unix seconds"),
        (CONVERTED, json!({"occurred_at": 1_789_000_000.5}), "whole Unix seconds"),
        (CONVERTED, json!({"occurred_at": 1_790_090_000}), "occurred_at lies in the future"),
        (SHARED, json!({"occurred_at": 5, "channel": ""}), "channel is empty: "),
        (SHARED, json!({"occurred_at": 5, "channel": ""}), "whole Unix seconds"),
        (SHARED, json!({"channel": null}), "channel is missing"),
        (SHARED, json!({"id": null}), "id is missing"),
        (PURCHASED, json!({"id": "x".repeat(201)}), "id is longer than 200 bytes"),
        (PURCHASED, json!({"id": "é".repeat(101)}), "id is longer than 200 bytes"),
        (PURCHASED, json!({"campaign": "a\0b"}), "campaign holds a line break or another"),
        (PURCHASED, json!({"product": "x".repeat(201)}), "product is longer than 200 characters"),
        (PURCHASED, json!({"value": 1e13}), "value is more than 1000000000000"),
        (PURCHASED, json!({"currency": " EUR"}), "currency is no ISO 4217 code"),
        (PURCHASED, json!({"currency": "XXX"}), "currency is no ISO 4217 code"),
        (CONVERTED, json!({"currency": "BTC"}), "currency is no ISO 4217 code"),
    ] {
        let reason = read(&changed(event, &fields)).unwrap_err();
        assert!(reason.contains(part), "{fields}: {reason}");
        assert!(!reason.contains("secret"), "{reason}");
    }
}

#[test]
fn all_faults_of_a_body_are_named_at_once() {
    let fields = json!({"email": null, "x": 1, "y": 2, "product": " ", "occurred_at": "now"});
    let reason = read(&changed(CONVERTED, &fields)).unwrap_err();
    for part in [
        "x is no field of referral_converted; y is no field of referral_converted; it has event, ",
        "; product is empty",
        "; occurred_at is no time",
        "; one of participant_id and email",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn the_examples_of_the_schema_are_accepted() {
    let schema = serde_json::to_value(ServerEvent::schema()).unwrap();
    for kind in schema["oneOf"].as_array().unwrap() {
        let body = &kind["examples"][0];
        read(body).unwrap_or_else(|reason| panic!("{reason}: {body}"));
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in any::<String>(), number in any::<f64>(), at in any::<i64>()) {
        let fields = json!({"email": text, "conversion_value": number, "occurred_at": at});
        let _ = read(&changed(CONVERTED, &fields));
        let _ = read(&changed(&text, &fields));
    }
}
