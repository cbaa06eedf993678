//! Nobody is their own friend: whatever names them, in every shape.

use serde_json::{Value, json};

use crate::domain::{Event, Facts, Notification, SendFilter, Time};
use crate::sources::growsurf_api::Campaign;
use crate::sources::growsurf_api::{Kind, Origin, Row};

use super::{events, fixtures, notification, reason, text, with, without};

/// Asserts that the notification is about one person without a referrer.
#[track_caller]
fn assert_alone(notification: &Notification) {
    let [Event::ParticipantJoined { referral_source: None, .. }] = events(notification)[..] else {
        panic!("{:?}", events(notification))
    };
    assert_eq!(notification.people.len(), 1);
    assert_unreferred(notification);
}

#[track_caller]
fn assert_unreferred(notification: &Notification) {
    for person in &notification.people {
        let referrer = [Facts::REFERRER_ID, Facts::REFERRER_EMAIL].map(|name| text(person, name));
        assert!(person.id.as_deref() != Some("fri001") || referrer == [None, None], "{person:?}");
    }
}

/// Returns the fields that name a participant `fri001` with the vanity key `ines-s` and this address as their referrer.
fn selves(email: &str) -> Vec<(Value, Value)> {
    vec![
        (json!("fri001"), Value::Null),
        (json!("ines-s"), Value::Null),
        (json!(format!(" {}", email.to_uppercase())), Value::Null),
        (json!("fri001"), json!({"id": "fri001", "email": email})),
        (json!("ines-s"), json!({"email": email, "firstName": "Ines"})),
        (json!("old001"), json!({"id": "old001", "email": email})),
        (Value::Null, json!({"id": "fri001"})),
        (Value::Null, json!({"email": email})),
    ]
}

#[test]
fn a_participant_who_names_themself_joined_by_nobody() {
    let body = with(fixtures::participant_added(), "/data/vanityKeys", json!(["ines-s"]));
    for (referred_by, referrer) in selves("ines@example.com") {
        let body = with(body.clone(), "/data/referredBy", referred_by);
        let reported = notification(&with(body, "/data/referrer", referrer));
        assert_alone(&reported);
    }
    let other = with(body, "/data/referrer/email", json!("omar@example.com"));
    assert_eq!(events(&notification(&other)).len(), 2);
}

#[test]
fn no_other_webhook_names_them_either() {
    for (referred_by, referrer) in selves("ines@example.com") {
        let body = with(
            fixtures::fraud_status_updated(),
            "/data/participant/vanityKeys",
            json!(["ines-s"]),
        );
        let body = with(body, "/data/participant/referredBy", referred_by);
        assert_unreferred(&notification(&with(body, "/data/participant/referrer", referrer)));
    }
    let mut body = fixtures::goal_reached();
    body["data"]["participant"]["referee"]["id"] = json!("ref001");
    let reported = notification(&body);
    assert!(!reported.people.iter().any(|it| it.field == "data.participant.referee"));
}

#[test]
fn a_buyer_by_their_own_link_earns_a_commission_and_is_no_friend() {
    let body = fixtures::commission_added();
    let affiliate = body["data"]["participant"].clone();
    let reported = notification(&with(body, "/data/referredParticipant", affiliate.clone()));
    let [Event::CommissionAdded { friend: None, .. }] = events(&reported)[..] else {
        panic!("{reported:?}")
    };
    let adjusted = with(fixtures::commission_adjusted(), "/data/referredParticipant", affiliate);
    let reported = notification(&adjusted);
    let [Event::CommissionAdjusted { friend: None, .. }] = events(&reported)[..] else {
        panic!("{reported:?}")
    };
}

#[test]
fn the_guides_shape_knows_them_by_code_and_address() {
    let created = without(fixtures::guide("PARTICIPANT_CREATED"), "/referrer");
    for referred_by in ["CODE-noor", " Noor@example.org "] {
        assert_alone(&notification(&with(
            created.clone(),
            "/participant/referredBy",
            json!(referred_by),
        )));
    }
    let themself = fixtures::guide("PARTICIPANT_CREATED")["participant"].clone();
    assert_alone(&notification(&with(created, "/referrer", themself.clone())));
    for event in ["PARTICIPANT_REFERRED", "CAMPAIGN_REFERRAL_CONVERTED"] {
        let body = with(fixtures::guide(event), "/referrer", themself.clone());
        assert!(reason(&body).starts_with("referrer is the participant"), "{event}");
    }
}

#[test]
fn rows_of_the_rest_api_know_them_too() {
    let origin = Origin {
        campaign: Campaign { id: "c1".to_owned(), ..Campaign::default() },
        at: Time::from_seconds(1_780_000_000),
        filter: SendFilter::All,
        shares: false,
    };
    let row = json!({"id": "fri001", "email": "ines@example.com", "vanityKeys": ["ines-s"],
        "referralSource": "PARTICIPANT", "createdAt": 1_770_000_000_000_i64,
        "updatedAt": 1_770_000_000_000_i64, "referralStatus": "CREDIT_AWARDED"});
    for (referred_by, referrer) in selves("ines@example.com") {
        let mut row = row.clone();
        (row["referredBy"], row["referrer"]) = (referred_by.clone(), referrer);
        assert_alone(&Row::new(Kind::Participant, row.clone(), &origin).notification().unwrap());
        if !referred_by.is_null() && referred_by != "old001" {
            let reason = Row::new(Kind::Referral, row, &origin).notification().unwrap_err();
            assert!(reason.starts_with("row.referredBy is the friend"), "{reason}");
        }
    }
    let commission = json!({"id": "comm_1", "referrerId": "fri001", "referredId": "fri001",
        "event": "SALE", "createdAt": 1_770_000_000_000_i64});
    let notification = Row::new(Kind::Commission, commission, &origin).notification().unwrap();
    let [Event::CommissionAdded { friend: None, .. }] = events(&notification)[..] else {
        panic!("{notification:?}")
    };
}
