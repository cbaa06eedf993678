//! Customers of affiliate programs, and commissions that are sales.

use serde_json::{Value, json};

use crate::domain::{Event, Facts, Notification, ParticipantIndex, Scalar, SendFilter, Time};
use crate::sources::growsurf_api::Campaign;
use crate::sources::growsurf_api::{Kind, Origin, Row};

use super::{events, fixtures, notification, with, without};

fn is_customer(notification: &Notification) -> bool {
    let is_affiliate = notification.people[0].facts.get(Facts::IS_AFFILIATE);
    match events(notification)[0] {
        Event::CustomerAdded { customer: ParticipantIndex(0) } => {
            assert_eq!(is_affiliate, Some(&Scalar::Boolean(false)));
            true
        }
        Event::ParticipantJoined { participant: ParticipantIndex(0), .. } => {
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
        let reported = notification(&body);
        assert_eq!(is_customer(&reported), expected, "{fields} {kind}");
        // The referrer has a friend all the same.
        assert!(matches!(events(&reported)[1], Event::FriendSignedUp { .. }));
    }
}

/// Returns a participant whose referrer isn't named, by GrowSurf's source of them: the fields, and
/// whether they are a customer only.
fn of_nobody() -> Vec<(Value, Value, bool)> {
    let link = "https://shop.example.org?grsf=fri001";
    let mut cases = Vec::new();
    for source in [json!("DELETED_PARTICIPANT"), json!("PARTICIPANT")] {
        cases.push((json!({"shareUrl": null}), source.clone(), true));
        cases.push((json!({"shareUrl": link}), source.clone(), false));
        cases.push((json!({"isAffiliate": true, "shareUrl": null}), source, false));
    }
    for source in [json!("DIRECT"), json!("MANUAL"), Value::Null] {
        cases.push((json!({"shareUrl": null}), source, false));
    }
    for source in [json!("DELETED_PARTICIPANT"), json!("DIRECT"), Value::Null] {
        for link in [json!(link), Value::Null] {
            cases.push((json!({"isAffiliate": false, "shareUrl": link}), source.clone(), true));
        }
    }
    cases
}

#[test]
fn a_customer_whose_affiliate_is_gone_has_not_joined_either() {
    for (fields, source, expected) in of_nobody() {
        let mut fields = fields;
        fields["referralSource"] = source;
        let body = without(fixtures::participant_added(), "/data/referrer");
        let body =
            with(without(body, "/data/referredBy"), "/data/campaign/type", json!("AFFILIATE"));
        let body = with(body.clone(), "/data", changed(body["data"].clone(), &fields));
        let reported = notification(&body);
        assert_eq!((is_customer(&reported), reported.events.len()), (expected, 1), "{fields}");

        let body = without(fixtures::guide("PARTICIPANT_CREATED"), "/referrer");
        let body =
            with(body.clone(), "/participant", changed(body["participant"].clone(), &fields));
        let reported =
            notification(&with(body, "/campaign", json!({"id": "cmp002", "type": "AFFILIATE"})));
        assert_eq!(is_customer(&reported), expected, "{fields}");

        let reported = of_row(&fields, Some("AFFILIATE"), Value::Null);
        assert_eq!(is_customer(&reported), expected, "{fields}");
        assert!(!is_customer(&of_row(&fields, Some("REFERRAL"), Value::Null)), "{fields}");
    }
}

#[test]
fn nothing_is_learned_where_nothing_says_it() {
    let reported = of_row(&json!({"shareUrl": null}), Some("AFFILIATE"), Value::Null);
    assert_eq!(reported.people[0].facts.get(Facts::IS_AFFILIATE), None);
}

/// Returns the notification in a participant's row.
fn of_row(fields: &Value, kind: Option<&str>, referred_by: Value) -> Notification {
    let campaign =
        Campaign { id: "c1".to_owned(), kind: kind.map(str::to_owned), ..Campaign::default() };
    let at = Time::from_seconds(1_780_000_000);
    let origin = Origin { campaign, at, filter: SendFilter::All, shares: false };
    let row = json!({"id": "p1", "email": "fay@example.com", "referredBy": referred_by,
        "createdAt": 1_770_000_000_000_i64});
    Row::new(Kind::Participant, changed(row, fields), &origin).notification().unwrap()
}

#[test]
fn the_guides_shape_says_so_where_it_names_the_type() {
    for (fields, kind, expected) in cases() {
        let body = fixtures::guide("PARTICIPANT_CREATED");
        let body =
            with(body.clone(), "/participant", changed(body["participant"].clone(), &fields));
        let reported =
            notification(&with(body, "/campaign", json!({"id": "cmp002", "type": kind})));
        assert_eq!(is_customer(&reported), expected, "{fields} {kind}");
    }
}

#[test]
fn a_row_says_so_as_well() {
    for (fields, kind, expected) in cases() {
        let reported = of_row(&fields, kind.as_str(), json!("p0"));
        assert_eq!(is_customer(&reported), expected, "{fields} {kind}");
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
        let reported = notification(&with(
            fixtures::commission_added(),
            "/data/commission/event",
            event.clone(),
        ));
        assert_eq!(events(&reported).len() == 2, is_sale, "{event}");
        let Event::CommissionAdded { commission, .. } = events(&reported)[0] else { panic!() };
        assert_eq!(commission.kind.as_deref() == Some("LEAD"), event == "LEAD");
    }
    let reported = notification(&without(fixtures::commission_added(), "/data/commission/event"));
    assert_eq!(events(&reported).len(), 2);
}
