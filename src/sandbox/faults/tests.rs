//! Decisions of the fault rules, without any HTTP.

use serde_json::json;

use super::*;

fn faults(script: Value) -> Result<Faults, String> {
    Faults::read(script.to_string().as_bytes(), |status| Answer::error(status, "scripted"))
}

fn ask(faults: &mut Faults, method: &str, path: &str) -> Option<Arc<Fault>> {
    faults.decide(&Subject { method, path, is_about: &|identifier| identifier == "a@x.com" })
}

fn hits(faults: &mut Faults, number: usize) -> Vec<bool> {
    (0..number).map(|_| ask(faults, "PUT", "/api/v1/customers/1").is_some()).collect()
}

#[test]
fn skip_then_times_then_never() {
    let mut faults = faults(json!({"rules": [{"skip": 1, "times": 2, "status": 503}]})).unwrap();
    assert_eq!(hits(&mut faults, 5), [false, true, true, false, false]);
    let rule = &faults.to_json()["rules"][0];
    assert_eq!(rule["matched"], 5);
    assert_eq!(rule["used"], 2);
    assert_eq!(rule["left"], 0);
}

#[test]
fn the_first_that_applies_wins() {
    let script = json!({"rules": [
        {"match": {"method": "post"}, "status": 500},
        {"times": 1, "status": 429, "headers": {"Retry-After": "2"}},
        {"status": 503},
    ]});
    let mut faults = faults(script).unwrap();
    let mut status = |method| match &ask(&mut faults, method, "/api/v1/events").unwrap().ending {
        Ending::Replaced(answer) => answer.status.as_u16(),
        other => panic!("{other:?}"),
    };
    assert_eq!(status("POST"), 500);
    assert_eq!(status("PUT"), 429);
    assert_eq!(status("PUT"), 503);
}

#[test]
fn a_match_needs_all_its_parts() {
    let matching = |matching: Value| {
        let mut faults = faults(json!({"rules": [{"match": matching}]})).unwrap();
        ask(&mut faults, "PUT", "/api/v1/customers/a%40x.com").is_some()
    };
    assert!(matching(json!({})));
    assert!(matching(json!({"path": "/customers/", "method": "PUT", "identifier": "a@x.com"})));
    assert!(!matching(json!({"path": "/api/v2"})));
    assert!(!matching(json!({"method": "POST"})));
    assert!(!matching(json!({"identifier": "b@x.com"})));
}

#[test]
fn a_probability_is_the_same_with_the_same_seed() {
    let run = |seed: u64| {
        let script = json!({"rules": [{"probability": 0.3, "seed": seed, "drop": "after"}]});
        hits(&mut faults(script).unwrap(), 1_000)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    let number = run(7).into_iter().filter(|hit| *hit).count();
    assert!((200..400).contains(&number), "{number}");
}

#[test]
fn headers_alone_are_added_to_the_true_answer() {
    let mut faults = faults(json!({"rules": [{"headers": {"Sunset": "soon"}}]})).unwrap();
    let fault = ask(&mut faults, "GET", "/growsurf/v2/campaigns").unwrap();
    assert!(fault.has_effect() && matches!(fault.ending, Ending::Answered));
    assert_eq!(fault.headers["sunset"], "soon");
}

#[test]
fn item_errors_are_for_batches() {
    let mut faults = faults(json!({"rules": [{"batch_item_errors": [0, 2]}]})).unwrap();
    assert!(ask(&mut faults, "POST", "/api/v2/entity").is_none());
    let fault = ask(&mut faults, "POST", "/api/v2/batch").unwrap();
    assert_eq!(fault.item_errors, [0, 2]);
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    for wrong in [
        json!({"rules": [{"status": 503, "drop": "after"}]}),
        json!({"rules": [{"half_response": true, "hang_ms": 1}]}),
        json!({"rules": [{"status": 99}]}),
        json!({"rules": [{"body": {}}]}),
        json!({"rules": [{"probability": 1.5}]}),
        json!({"rules": [{"status": 200, "headers": {"a b": "c"}}]}),
        json!({"rules": [{"headers": {"a": "b\nc"}}]}),
        json!({"rules": [{"drop": "sometimes"}]}),
        json!({"rules": [{"state": 503}]}),
        json!({}),
    ] {
        assert!(faults(wrong.clone()).is_err(), "{wrong}");
    }
}
