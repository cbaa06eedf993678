//! Golden bodies and paths, and the boundaries between v1, v2 and the next batch.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::customerio::limits::fit;
use crate::domain::{AnonymousId, Attributes, Email, EventId, Scalar, Time};

fn fay() -> LaneKey {
    Email::parse("fay+x@example.com").unwrap().into()
}

fn id(text: &str) -> LaneKey {
    Identifier::Id(text.to_owned()).into()
}

fn identify() -> Call {
    let attributes = [
        ("email".to_owned(), "fay+x@example.com".into()),
        ("referral_tier".to_owned(), "active".into()),
        ("total_referrals".to_owned(), 3.into()),
        ("vip".to_owned(), Scalar::Boolean(true)),
    ];
    Call::Identify { attributes: attributes.into() }
}

fn track(data: Attributes) -> Call {
    Call::Track {
        name: "referral_converted".to_owned(),
        event_id: EventId([7; 16]),
        at: Time::from_millis(1_700_000_001_500),
        data,
    }
}

fn value(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn path(key: &LaneKey) -> Option<String> {
    v1(&fit(key, &identify()).unwrap()).map(|request| request.path)
}

#[test]
fn identifiers_are_encoded_but_for_unreserved_characters() {
    let email = |text| LaneKey::from(Email::parse(text).unwrap());
    for (key, encoded) in [
        (email("a+b@x.com"), "a%2Bb%40x.com"),
        (email("o'neil&co@x.com"), "o%27neil%26co%40x.com"),
        (id("5/"), "5%2F"),
        (id("5 "), "5%20"),
        (id("a?b#c%2e"), "a%3Fb%23c%252e"),
        (id("zoë"), "zo%C3%AB"),
        (id("A-Z_a.z~9"), "A-Z_a.z~9"),
        (id("..."), "..."),
    ] {
        assert_eq!(path(&key), Some(format!("/api/v1/customers/{encoded}")));
    }
}

#[test]
fn what_v1_would_mistake_goes_over_v2() {
    let cio = Email::parse("cio_fay@x.com").unwrap().into();
    for key in [id("."), id(".."), id("me@home"), id("@"), id("cio_03000001"), cio] {
        assert_eq!(path(&key), None, "{key:?}");
        let request = alone(&fit(&key, &identify()).unwrap()).unwrap();
        assert_eq!(request.path, "/api/v2/batch");
        let kind = if matches!(key, LaneKey::Person(Identifier::Id(_))) { "id" } else { "email" };
        assert_eq!(value(&request)["batch"][0]["identifiers"], json!({kind: key.value()}));
    }
}

#[test]
fn v1_bodies_are_as_documented() {
    let fay = fay();
    let call = identify();
    let request = alone(&fit(&fay, &call).unwrap()).unwrap();
    assert_eq!(request.method, Method::PUT);
    assert_eq!(request.path, "/api/v1/customers/fay%2Bx%40example.com");
    assert_eq!(
        request.body,
        concat!(
            r#"{"email":"fay+x@example.com","referral_tier":"active","total_referrals":3,"#,
            r#""vip":true}"#
        )
    );

    let call = track([("value".to_owned(), Scalar::Decimal(49.5))].into());
    let request = alone(&fit(&fay, &call).unwrap()).unwrap();
    assert_eq!(request.method, Method::POST);
    assert_eq!(request.path, "/api/v1/customers/fay%2Bx%40example.com/events");
    assert_eq!(
        request.body,
        concat!(
            r#"{"name":"referral_converted","id":"070W3GE1R70W3GE1R70W3GE1R7","#,
            r#""timestamp":1700000001,"data":{"value":49.5}}"#
        )
    );
}

#[test]
fn v2_bodies_are_as_documented() {
    let (fay, seven) = (fay(), id("7"));
    let (identify, track) = (identify(), track([("n".to_owned(), 1.into())].into()));
    let operations = [
        operation(&fit(&fay, &identify).unwrap()).unwrap(),
        operation(&fit(&seven, &track).unwrap()).unwrap(),
    ];
    let [batch] = batches(&operations, 10).try_into().unwrap();
    assert_eq!(batch.operations, 0..2);
    assert_eq!(
        (batch.request.method.as_str(), batch.request.path.as_str()),
        ("POST", "/api/v2/batch")
    );
    let golden = json!({"batch": [
        {
            "type": "person",
            "identifiers": {"email": "fay+x@example.com"},
            "action": "identify",
            "attributes": {
                "email": "fay+x@example.com",
                "referral_tier": "active",
                "total_referrals": 3,
                "vip": true,
            },
        },
        {
            "type": "person",
            "identifiers": {"id": "7"},
            "action": "event",
            "name": "referral_converted",
            "id": "070W3GE1R70W3GE1R70W3GE1R7",
            "timestamp": 1_700_000_001,
            "attributes": {"n": 1},
        },
    ]});
    assert_eq!(value(&batch.request), golden);
}

#[test]
fn a_request_can_be_read_and_its_debug_text_hides_people() {
    let (fay, call) = (fay(), track([("n".to_owned(), 1.into())].into()));
    let request = alone(&fit(&fay, &call).unwrap()).unwrap();
    insta::assert_snapshot!(request, @r#"
    POST /api/v1/customers/fay%2Bx%40example.com/events
    {
      "data": {
        "n": 1
      },
      "id": "070W3GE1R70W3GE1R70W3GE1R7",
      "name": "referral_converted",
      "timestamp": 1700000001
    }
    "#);
    insta::assert_snapshot!(format!("{request:?}"), @"Request { method: POST, bytes: 101, retry: 0, .. }");
}

/// Returns a track whose v2 operation for the person `7` has this many bytes.
fn of_length(bytes: usize) -> Call {
    let seven = id("7");
    let with = |filling: usize| {
        let text = |n: usize| "x".repeat(filling.saturating_sub(n * 1_000).min(1_000));
        track((0..33).map(|n| (format!("a{n:02}"), text(n).into())).collect())
    };
    let empty = written(&fit(&seven, &with(0)).unwrap()).unwrap().len();
    with(bytes - empty)
}

#[test]
fn an_operation_over_32000_bytes_goes_over_v1_or_nowhere() {
    let (seven, dot) = (id("7"), id("."));
    let (fits, over) = (of_length(OPERATION_BYTES), of_length(OPERATION_BYTES + 1));
    assert_eq!(operation(&fit(&seven, &fits).unwrap()).unwrap().0.len(), OPERATION_BYTES);
    assert_eq!(operation(&fit(&seven, &over).unwrap()), None);
    assert!(alone(&fit(&seven, &over).unwrap()).unwrap().path.starts_with("/api/v1/"));
    assert!(alone(&fit(&dot, &fits).unwrap()).is_ok());
    assert_eq!(alone(&fit(&dot, &over).unwrap()).unwrap_err().field, "identifier");
}

#[test]
fn batches_keep_order_and_stay_below_the_limits() {
    let operations = |bytes: usize, count| vec![Operation(vec![b'1'; bytes]); count];
    assert_eq!(batches(&[], 5), []);
    let ranges = |operations: &[Operation], most| {
        let batches = batches(operations, most);
        batches.into_iter().map(|batch| batch.operations).collect::<Vec<_>>()
    };
    assert_eq!(ranges(&operations(10, 5), 2), [0..2, 2..4, 4..5]);
    assert_eq!(ranges(&operations(10, 2), 0), [0..1, 1..2]);
    // Ten operations, nine commas and the frame of twelve bytes: 499,999 and 500,000 bytes.
    let mut ten = operations(31_000, 9);
    ten.extend(operations(31_000, 6));
    let rest = BATCH_BYTES - 1 - 12 - 15 - 15 * 31_000;
    ten.extend(operations(rest - 1, 1));
    ten.extend(operations(1, 1));
    let [one, two] = batches(&ten, 1_000).try_into().unwrap();
    assert_eq!(one.operations, 0..16);
    assert_eq!(one.request.body.len(), BATCH_BYTES - 2);
    assert_eq!(two.operations, 16..17);
    *ten.last_mut().unwrap() = Operation(Vec::new());
    let [one] = batches(&ten, 1_000).try_into().unwrap();
    assert_eq!(one.request.body.len(), BATCH_BYTES - 1);
}

proptest! {
    #[test]
    fn an_identifier_survives_the_path(text in "\\PC{1,40}") {
        let key = id(&text);
        let call = identify();
        let Ok(fitted) = fit(&key, &call) else { return Ok(()) };
        let Some(request) = v1(&fitted) else { return Ok(()) };
        let url = url::Url::parse("http://h/").unwrap().join(&request.path).unwrap();
        let segments = url.path_segments().unwrap().collect::<Vec<_>>();
        prop_assert_eq!(segments.len(), 4);
        prop_assert_eq!(percent_decode_str(segments[3]).decode_utf8().unwrap(), text);
    }

    #[test]
    fn every_operation_is_in_one_batch(
        lengths in proptest::collection::vec(1..=32_000_usize, 0..60),
        most in 1..40_usize,
    ) {
        let operations: Vec<_> =
            lengths.iter().map(|length| Operation(vec![b'1'; *length])).collect();
        let mut next = 0;
        for batch in batches(&operations, most) {
            prop_assert_eq!(batch.operations.start, next);
            next = batch.operations.end;
            prop_assert!(batch.operations.len() <= most && !batch.operations.is_empty());
            prop_assert!(batch.request.body.len() < BATCH_BYTES);
        }
        prop_assert_eq!(next, operations.len());
    }
}

fn visitor() -> AnonymousId {
    AnonymousId::parse("7d5b3b0e-visitor").unwrap()
}

#[test]
fn a_visitors_event_goes_over_v1_with_their_id_and_never_in_a_batch() {
    let call = track([("channel".to_owned(), "page".into())].into());
    let key = LaneKey::Visitor(visitor());
    let fitted = fit(&key, &call).unwrap();
    let request = alone(&fitted).unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/v1/events"));
    let expected = json!({
        "anonymous_id": "7d5b3b0e-visitor",
        "name": "referral_converted",
        "id": EventId([7; 16]),
        "timestamp": 1_700_000_001,
        "data": {"channel": "page"}
    });
    assert_eq!(value(&request), expected);
    assert_eq!(operation(&fitted), None);
    // A visitor has no profile that anything could be set in.
    let refused = fit(&key, &identify()).unwrap_err();
    assert_eq!(refused.field, "anonymous_id");
}

#[test]
fn joining_is_an_identify_that_creates_no_profile() {
    let at = Time::from_seconds(1_700_000_000);
    let join = Call::Join { anonymous_id: visitor(), at };
    let fay = fay();
    let fitted = fit(&fay, &join).unwrap();
    let request = alone(&fitted).unwrap();
    assert_eq!(request.method, Method::PUT);
    assert_eq!(request.path, "/api/v1/customers/fay%2Bx%40example.com");
    let expected = json!({
        "anonymous_id": "7d5b3b0e-visitor", "_update": true
    });
    assert_eq!(value(&request), expected);
    assert_eq!(operation(&fitted), None, "v1 documents it");
    // Where v1 can't carry the person, v2 does.
    let dots = id("..");
    let request = alone(&fit(&dots, &join).unwrap()).unwrap();
    let expected = json!({"batch": [{
        "type": "person", "identifiers": {"id": ".."}, "action": "identify",
        "attributes": {"anonymous_id": "7d5b3b0e-visitor", "_update": true}
    }]});
    assert_eq!(value(&request), expected);
}
