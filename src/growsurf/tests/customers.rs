//! Customers of affiliate programs, and commissions that are sales.

use serde_json::{Value, json};

use crate::domain::{Event, Facts, News, Scalar, Tell, Time, Who};
use crate::growsurf::rest::Campaign;
use crate::growsurf::rest::rows::{Kind, Origin, Row};

use super::{events, fixtures, news, with, without};

fn is_customer(news: &News) -> bool {
    let is_affiliate = news.people[0].facts.get(Facts::IS_AFFILIATE);
    match events(news)[0] {
        Event::CustomerAdded { who: Who(0) } => {
            assert_eq!(is_affiliate, Some(&Scalar::Boolean(false)));
            true
        }
        Event::ParticipantJoined { who: Who(0), .. } => {
            assert_ne!(is_affiliate, Some(&Scalar::Boolean(false)));
            false
        }
        other => panic!("{other:?}"),
    }
}

/// Fields of a referred participant, the campaign's type, and whether they are a customer only.
fn cases() -> Vec<(Value, Value, bool)> {
    let link = "https://shop.example.org?grsf=fri001";
    vec![
        (json!({"isAffiliate": false, "shareUrl": null}), json!("AFFILIATE"), true),
        (json!({"isAffiliate": false, "shareUrl": link}), json!("AFFILIATE"), true),
        (json!({"shareUrl": null}), json!("AFFILIATE"), true),
        (json!({"shareUrl": " "}), json!("affiliate"), true),
        (json!({"isAffiliate": null, "shareUrl": null}), json!("AFFILIATE"), true),
        (json!({"isAffiliate": "false"}), json!("AFFILIATE"), true),
        (json!({"isAffiliate": false}), Value::Null, true),
        (json!({"isAffiliate": true, "shareUrl": null}), json!("AFFILIATE"), false),
        (json!({"shareUrl": link}), json!("AFFILIATE"), false),
        (json!({"affiliateStatus": "SUSPENDED", "shareUrl": null}), json!("AFFILIATE"), false),
        (json!({"isAffiliate": false, "shareUrl": null}), json!("REFERRAL"), false),
        (json!({"shareUrl": null}), json!("REFERRAL"), false),
        (json!({"shareUrl": null}), Value::Null, false),
    ]
}

fn changed(mut participant: Value, fields: &Value) -> Value {
    participant.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    participant
}

#[test]
fn a_referred_customer_has_not_joined() {
    for (fields, kind, expected) in cases() {
        let body = with(fixtures::participant_added(), "/data/campaign/type", kind.clone());
        let body = with(body.clone(), "/data", changed(body["data"].clone(), &fields));
        let told = news(&body);
        assert_eq!(is_customer(&told), expected, "{fields} {kind}");
        // Whoever referred them has a friend all the same.
        assert!(matches!(events(&told)[1], Event::FriendSignedUp { .. }));
        let alone = without(without(body, "/data/referrer"), "/data/referredBy");
        assert!(!is_customer(&news(&alone)), "{fields} {kind}");
    }
}

#[test]
fn the_guides_shape_says_so_where_it_names_the_type() {
    for (fields, kind, expected) in cases() {
        let body = fixtures::guide("PARTICIPANT_CREATED");
        let body =
            with(body.clone(), "/participant", changed(body["participant"].clone(), &fields));
        let told = news(&with(body, "/campaign", json!({"id": "cmp002", "type": kind})));
        assert_eq!(is_customer(&told), expected, "{fields} {kind}");
    }
}

#[test]
fn a_row_says_so_as_well() {
    for (fields, kind, expected) in cases() {
        let campaign = Campaign {
            id: "c1".to_owned(),
            kind: kind.as_str().map(str::to_owned),
            ..Campaign::default()
        };
        let at = Time::from_seconds(1_780_000_000);
        let origin = Origin { campaign, at, tell: Tell::All, shares: false };
        let row = json!({"id": "p1", "email": "fay@example.com", "referredBy": "p0",
            "createdAt": 1_770_000_000_000_i64});
        let row = Row::new(Kind::Participant, changed(row, &fields), &origin);
        assert_eq!(is_customer(&row.news().unwrap()), expected, "{fields} {kind}");
    }
}

#[test]
fn a_commission_is_a_conversion_if_it_is_a_sale_or_says_nothing() {
    for (event, is_sale) in [
        (json!("SALE"), true),
        (json!("sale"), true),
        (Value::Null, true),
        (json!(" "), true),
        (json!("LEAD"), false),
        (json!("CLICK"), false),
        (json!("BONUS"), false),
    ] {
        let told =
            news(&with(fixtures::commission_added(), "/data/commission/event", event.clone()));
        assert_eq!(events(&told).len() == 2, is_sale, "{event}");
        let Event::CommissionAdded { commission, .. } = events(&told)[0] else { panic!() };
        assert_eq!(commission.kind.as_deref() == Some("LEAD"), event == "LEAD");
    }
    let told = news(&without(fixtures::commission_added(), "/data/commission/event"));
    assert_eq!(events(&told).len(), 2);
}
