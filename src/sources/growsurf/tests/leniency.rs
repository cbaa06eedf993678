//! Deviations of bodies from their documentation that are accepted.

use serde_json::json;

use crate::domain::{Facts, Scalar};
use crate::sources::growsurf::{DecodeError, decode};

use super::{RECEIVED_AT, at, fact, fixtures, notification, read, reason, with, without};

#[test]
fn facts_are_taken_as_far_as_they_can_be_read() {
    let junk = [json!(null), json!(5), json!([1]), json!({"a": 1}), json!(" \t"), json!(false)];
    for (name, fact_name) in [
        ("firstName", Facts::FIRST_NAME),
        ("lastName", Facts::LAST_NAME),
        ("shareUrl", Facts::SHARE_URL),
        ("fraudRiskLevel", Facts::FRAUD_RISK_LEVEL),
        ("fraudReasonCode", Facts::FRAUD_REASON),
    ] {
        let pointer = format!("/data/{name}");
        for value in &junk {
            let notification =
                notification(&with(fixtures::participant_added(), &pointer, value.clone()));
            assert_eq!(fact(at(&notification, "data"), fact_name), None, "{name}: {value}");
        }
        let notification =
            notification(&with(fixtures::participant_added(), &pointer, json!("  Zoë ")));
        assert_eq!(
            fact(at(&notification, "data"), fact_name),
            Some(&Scalar::from("Zoë")),
            "{name}"
        );
    }
}

#[test]
fn counts_and_shares_come_in_many_types() {
    for (value, count, shares) in [
        (json!(9), Some(9), Some(9)),
        (json!("9"), Some(9), Some(9)),
        (json!(9.0), Some(9), Some(9)),
        (json!(9.5), None, None),
        (json!(-9), None, None),
        (json!(null), None, None),
        (json!([9]), None, None),
        (json!({"email": 4, "copyRefLink": "5", "sms": null}), None, Some(9)),
        (json!({"email": i64::MAX, "sms": 1}), None, Some(i64::MAX)),
        (json!({}), None, None),
    ] {
        let body = with(fixtures::participant_added(), "/data/referralCount", value.clone());
        let notification = notification(&with(body, "/data/shareCount", value.clone()));
        let friend = at(&notification, "data");
        let reported = fact(friend, Facts::REFERRAL_COUNT).and_then(Scalar::as_integer);
        assert_eq!((reported, friend.share_total), (count, shares), "{value}");
    }
}

#[test]
fn faults_of_addresses_name_the_field_and_not_the_address() {
    for (value, fault) in [
        (json!(null), "is missing"),
        (json!(""), "is missing"),
        (json!(17), "is missing"),
        (json!("***************"), "is no e-mail address"),
        (json!("a b@example.com"), "holds white space or another character that can't be seen"),
    ] {
        for (field, pointer) in [("data", "/data/email"), ("data.referrer", "/data/referrer/email")]
        {
            let notification =
                notification(&with(fixtures::participant_added(), pointer, value.clone()));
            let person = at(&notification, field);
            assert_eq!(person.email, Err(format!("{field}.email {fault}")));
            assert_eq!(fact(person, Facts::EMAIL), None);
        }
    }
    let body = with(fixtures::participant_added(), "/data/email", json!(" Ines@EXAMPLE.com"));
    assert_eq!(
        at(&notification(&body), "data").email.as_ref().unwrap().as_str(),
        "ines@example.com"
    );
}

#[test]
fn the_time_may_be_text_and_ids_may_be_numbers() {
    let body = fixtures::participant_added();
    let expected = notification(&body);
    let text = json!(fixtures::CREATED_AT.to_string());
    assert_eq!(notification(&with(body.clone(), "/createdAt", text)), expected);
    let body = with(body, "/data/campaign/id", json!(4711));
    assert_eq!(read(&body).campaign.as_deref(), Some("4711"));
    assert_eq!(notification(&with(body, "/data/id", json!(7))).people[0].id.as_deref(), Some("7"));
}

#[test]
fn unknown_fields_and_values_change_nothing() {
    let body = fixtures::participant_added();
    let expected = notification(&body);
    let more = with(body.clone(), "/data/leadCount2", json!({"deep": [1, {"er": null}]}));
    let more = with(more, "/apiVersion", json!(3));
    assert_eq!(notification(&more), expected);
    let odd = with(body, "/data/fraudRiskLevel", json!("EXTREME"));
    assert_eq!(notification(&odd).events, expected.events);
}

#[test]
fn an_empty_referrer_is_none() {
    for referrer in [json!({}), json!(null), json!("omar"), json!([])] {
        let body = with(fixtures::participant_added(), "/data/referrer", referrer);
        assert_eq!(notification(&body).people[1].field, "data.referredBy");
        assert_eq!(notification(&without(body, "/data/referredBy")).people.len(), 1);
    }
}

#[test]
fn shapes_decide_and_nothing_else() {
    let neither = "data is missing, and so is participant: one of them must be an object";
    for body in [
        json!({}),
        json!({"event": "NEW_PARTICIPANT_ADDED"}),
        json!({"event": "CAMPAIGN_ENDED", "data": [], "participant": "x"}),
    ] {
        assert_eq!(reason(&body), neither);
        assert_eq!(read(&body).dialect, None);
    }
    // An object of data makes it a webhook, whatever else is there.
    let both = with(fixtures::participant_added(), "/participant", json!({"campaignId": "x"}));
    assert_eq!(notification(&both), notification(&fixtures::participant_added()));
}

#[test]
fn of_repeated_keys_the_last_counts() {
    let body = fixtures::participant_added().to_string();
    let repeated = body.replacen('{', r#"{"event":"MADE_UP","data":{"id":1},"#, 1);
    let decoded = decode(repeated.as_bytes(), RECEIVED_AT).unwrap();
    // The fixture's own keys follow, so they win.
    assert_eq!(decoded, read(&fixtures::participant_added()));
}

#[test]
fn what_is_no_object_is_refused() {
    for body in ["[]", "null", "17", r#""{}""#, "[{}]"] {
        assert_eq!(decode(body.as_bytes(), RECEIVED_AT), Err(DecodeError::NotAnObject), "{body}");
    }
    let error = decode(b"{\"event\":\n oops}", RECEIVED_AT).unwrap_err();
    let text = "the body is not JSON: expected value at line 2 column 2";
    assert_eq!(error.to_string(), text);
}

#[test]
fn deep_nesting_is_refused_and_no_more() {
    let deep = |levels| format!("{}{}", "{\"data\":".repeat(levels), "1").into_bytes();
    assert!(matches!(decode(&deep(100_000), RECEIVED_AT), Err(DecodeError::Beyond { .. })));
    let mut nested = fixtures::participant_added()["data"].clone();
    // As deep as the parser reads.
    for _ in 0..120 {
        let inner = nested.clone();
        nested = json!({"id": "x", "referrer": inner});
    }
    let body = with(fixtures::participant_added(), "/data/referrer", nested);
    assert_eq!(notification(&body).people.len(), 2);
}
