//! The table of outcomes: every class of status, every shape of body.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::domain::Labelled;

const NOW: Time = Time::from_seconds(1_700_000_000);

fn answer(status: u16, body: &str) -> Answer {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Answer { status, retry_after: None, location: None, body, complete: true }
}

fn one(status: u16, body: &str) -> Outcome {
    single(&Ok(answer(status, body)), NOW)
}

fn many(status: u16, body: &str) -> BatchOutcome {
    batch(&Ok(answer(status, body)), 3, NOW)
}

fn rejected(reason: &str, field: Option<&str>) -> Outcome {
    Outcome::Rejected { reason: reason.to_owned(), field: field.map(str::to_owned) }
}

#[test]
fn every_status_has_its_outcome() {
    for (statuses, word) in [
        (&[200, 201, 202, 204, 299][..], "delivered"),
        (&[408, 409, 423, 429, 500, 501, 502, 503, 504, 522, 524, 599], "retry"),
        (&[0, 100, 101, 199, 600, 999], "retry"),
        (&[300, 301, 302, 304, 307, 308], "halt"),
        (&[401, 403], "halt"),
        (&[400, 402, 404, 405, 410, 413, 422, 431, 451], "rejected"),
    ] {
        for &status in statuses {
            for body in ["{}\n", "", " \r\n", "<html>"] {
                let is_success = (200..300).contains(&status);
                let word = if is_success && body == "<html>" { "retry" } else { word };
                assert_eq!(one(status, body).label(), word, "{status} {body}");
                let of_batch = match many(status, body) {
                    BatchOutcome::Each(outcomes) => outcomes[2].label(),
                    BatchOutcome::Stopped(outcome) => outcome.label(),
                    BatchOutcome::Malformed { .. } => "rejected",
                };
                assert_eq!(of_batch, word, "{status} {body} in a batch");
            }
        }
    }
}

#[test]
fn a_refusal_says_what_is_wrong() {
    assert_eq!(
        one(400, r#"{"meta":{"errors":["event name cannot be longer than 100 bytes"]}}"#),
        rejected("customer.io answered 400: “event name cannot be longer than 100 bytes”", None)
    );
    assert_eq!(
        one(422, r#"{"meta":{"error":"no fay@example.com"}}"#),
        rejected("customer.io answered 422: “no f***@example.com”", None)
    );
    let body = r#"{"errors":[{"reason":"invalid","field":"identifiers","message":"one only"},{"message":"two"}]}"#;
    assert_eq!(
        one(400, body),
        rejected("customer.io answered 400: “one only”; “two”", Some("identifiers"))
    );
    let reason = "customer.io answered 400: “one only”; “two”".to_owned();
    assert_eq!(many(400, body), BatchOutcome::Malformed { reason });
    assert_eq!(one(404, "<html>"), rejected("customer.io answered 404", None));
    let long = format!(r#"{{"meta":{{"errors":[{}"e"]}}}}"#, "\"é é é é é\",".repeat(500));
    assert!(one(400, &long).reason().unwrap().len() <= REASON_BYTES);
}

#[test]
fn a_207_rejects_those_it_lists() {
    let body = r#"{"errors":[
        {"batch_index":1,"reason":"invalid","field":"attributes.plan","message":"too long"},
        {"batch_index":1,"message":"again"}]}"#;
    let outcomes = vec![
        Outcome::Delivered,
        rejected("“too long”", Some("attributes.plan")),
        Outcome::Delivered,
    ];
    assert_eq!(many(207, body), BatchOutcome::Each(outcomes.clone()));
    assert_eq!(many(200, body), BatchOutcome::Each(outcomes));
    let first = r#"{"errors":[{"batch_index":0,"reason":"required","field":"name"}]}"#;
    assert_eq!(one(207, first), rejected("“required”", Some("name")));
}

#[test]
fn a_207_without_the_refused_calls_is_retried() {
    for body in ["", "{}", "{\"errors\":[", r#"{"errors":[{"message":"?"}]}"#] {
        let BatchOutcome::Each(outcomes) = many(207, body) else { panic!("{body}") };
        assert!(outcomes.iter().all(|outcome| outcome.label() == "retry"), "{body}");
        assert_eq!(one(207, body).label(), "retry");
    }
    // One of the unlisted is meant by the index that isn't there.
    let stray = r#"{"errors":[{"batch_index":0,"message":"a"},{"batch_index":3,"message":"b"}]}"#;
    let BatchOutcome::Each(outcomes) = many(207, stray) else { panic!() };
    assert_eq!(words(&outcomes), ["rejected", "retry", "retry"]);
}

#[test]
fn a_200_that_complains_is_no_success() {
    for body in ["", "\n", "{}", "[]", "null", r#"{"errors":[]}"#, r#"{"error":null}"#] {
        assert_eq!(one(200, body), Outcome::Delivered, "{body}");
    }
    for body in ["{\"errors\":[", "<html>", "OK", "{}{}", "\u{feff}{}"] {
        assert_eq!(one(200, body).label(), "retry", "{body}");
        assert!(matches!(many(200, body), BatchOutcome::Stopped(Outcome::Retry { .. })), "{body}");
    }
    assert_eq!(one(200, r#"{"error":"no"}"#), rejected("customer.io answered 200: “no”", None));
    let body = r#"{"meta":{"errors":["locked"]}}"#;
    assert_eq!(one(200, body), rejected("customer.io answered 200: “locked”", None));
    assert!(matches!(many(200, body), BatchOutcome::Malformed { .. }));
}

fn words(outcomes: &[Outcome]) -> Vec<&'static str> {
    outcomes.iter().map(Outcome::label).collect()
}

#[test]
fn a_list_that_was_cut_off_is_sent_call_by_call() {
    let mut cut = answer(207, r#"{"errors":[{"batch_index":0,"mess"#);
    cut.complete = false;
    let sent = Ok(cut);
    assert!(matches!(batch(&sent, 3, NOW), BatchOutcome::Malformed { .. }));
    assert_eq!(single(&sent, NOW).label(), "retry");
}

#[test]
fn a_wait_is_honoured_in_full() {
    let wait = |status, header: &str| {
        let retry_after = Some(header.to_owned());
        match single(&Ok(Answer { retry_after, ..answer(status, "{}") }), NOW) {
            Outcome::Retry { wait, .. } => wait,
            other => panic!("{other:?}"),
        }
    };
    let seconds = |seconds, everybody| Some(Wait { time: Duration::from_secs(seconds), everybody });
    assert_eq!(wait(429, "86400"), seconds(86_400, true));
    assert_eq!(wait(503, "Tue, 14 Nov 2023 22:14:20 GMT"), seconds(60, true));
    assert_eq!(wait(503, "Tue, 14 Nov 2023 22:13:19 GMT"), seconds(0, true));
    assert_eq!(wait(500, "60"), seconds(60, false), "of this call alone");
    assert_eq!(wait(500, "soon"), None);
    let reason = "customer.io answered 429: “slow down”".to_owned();
    let outcome = one(429, r#"{"meta":{"error":"slow down"}}"#);
    assert_eq!(outcome, Outcome::Retry { reason, wait: None });
}

#[test]
fn a_halt_names_the_fix() {
    let reason = |answer| match batch(&Ok(answer), 2, NOW) {
        BatchOutcome::Stopped(Outcome::Halt { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let credentials = reason(answer(401, r#"{"meta":{"error":"Basic c2l0ZTprZXk="}}"#));
    assert!(credentials.contains("site id and api key"), "{credentials}");
    assert!(!credentials.contains("c2l0"));
    let moved =
        |location: &str| reason(Answer { location: Some(location.to_owned()), ..answer(301, "") });
    let region = moved("https://u:p@track-eu.customer.io/api/v1/customers/fay%40example.com");
    assert_eq!(
        region,
        "customer.io answered 301, a redirect to track-eu.customer.io: check that \
         customerio.region is the account's, or that customerio.base_url is the API itself"
    );
    assert!(!moved("/login?fay@example.com").contains("login"));
}

#[test]
fn without_an_answer_it_is_tried_again() {
    let refused = || Box::new(io::Error::from(io::ErrorKind::ConnectionRefused));
    for (error, reason) in [
        (SendError::Connect(refused()), "no connection to customer.io: connection refused"),
        (SendError::Timeout("fay@x.com".into()), "no answer from customer.io in time: f***@x.com"),
        (SendError::Interrupted("half".into()), "the connection to customer.io broke off: half"),
    ] {
        let outcome = Outcome::Retry { reason: reason.to_owned(), wait: None };
        let sent = Err(error);
        assert_eq!(single(&sent, NOW), outcome);
        assert_eq!(batch(&sent, 2, NOW), BatchOutcome::Stopped(outcome));
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        status in any::<u16>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        complete in any::<bool>(),
        calls in 0..5_usize,
        header in proptest::option::of(".*"),
    ) {
        let (retry_after, location) = (header.clone(), header);
        let sent = Ok(Answer { status, retry_after, location, body: body.into(), complete });
        single(&sent, NOW);
        if let BatchOutcome::Each(outcomes) = batch(&sent, calls, NOW) {
            prop_assert_eq!(outcomes.len(), calls);
        }
    }

    #[test]
    fn no_json_makes_it_panic(index in any::<i64>(), text in ".*", status in 200..500_u16) {
        let list = serde_json::json!([{"batch_index": index, "field": text, "message": text}, text]);
        for body in [serde_json::json!({"errors": list}), serde_json::json!({"meta": {"errors": list}})] {
            let sent = Ok(answer(status, &body.to_string()));
            let outcome = single(&sent, NOW);
            prop_assert!(outcome.reason().is_none_or(|reason| reason.len() <= REASON_BYTES));
            batch(&sent, 3, NOW);
        }
    }
}
