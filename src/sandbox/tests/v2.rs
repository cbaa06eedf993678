//! Track API v2 over HTTP.

use serde_json::{Value, json};

use super::{IDS, Served};

fn person(action: &str, id: &str, rest: Value) -> Value {
    let mut operation = json!({"type": "person", "action": action, "identifiers": {"id": id}});
    for (name, value) in rest.as_object().unwrap() {
        operation[name] = value.clone();
    }
    operation
}

/// Returns an event operation of this length.
fn event_of(bytes: usize) -> String {
    let frame = person("event", "1", json!({"name": "n", "attributes": {"a": ""}})).to_string();
    frame.replace(r#"{"a":""}"#, &format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - frame.len())))
}

async fn post(served: &Served, path: &str, body: String) -> u16 {
    let request = served.request("POST", path).body(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_entity_is_one_operation() {
    let served = Served::start().await;
    let attributes = json!({"plan": "p", "email": "A@x.com"});
    let identify =
        person("identify", "1", json!({"attributes": attributes, "timestamp": 1_700_000_000}));
    served.ok("POST", "/api/v2/entity", identify).await;
    let event =
        person("event", "1", json!({"name": "joined", "id": IDS[0], "attributes": {"a": 1}}));
    served.ok("POST", "/api/v2/entity", event).await;

    let ann = served.person("a%40x.com").await;
    assert_eq!(ann["id"], "1");
    assert_eq!(ann["newest_update"], 1_700_000_000);
    assert_eq!(ann["events"][0]["data"], json!({"a": 1}));

    let (status, body) =
        served.send("POST", "/api/v2/entity", person("track", "1", json!({}))).await;
    assert_eq!(status, 400);
    let expected = json!({"reason": "invalid", "field": "action", "message": "track is no action of a person"});
    assert_eq!(body, json!({"errors": [expected]}));

    for action in ["suppress", "unsuppress", "delete"] {
        served.ok("POST", "/api/v2/entity", person(action, "1", json!({}))).await;
    }
    let device = json!({"device": {"token": "t", "platform": "ios"}});
    served.ok("POST", "/api/v2/entity", person("add_device", "1", device)).await;
    let merge = json!({"type": "person", "action": "merge", "primary": {"id": "1"}, "secondary": {"id": "2"}});
    served.ok("POST", "/api/v2/entity", merge).await;
    let activity = served.activity().await;
    assert_eq!(
        activity,
        ["suppressed", "unsuppressed", "deleted", "device", "merge_without_primary"]
    );
}

#[tokio::test]
async fn a_batch_names_invalid_operations_and_applies_the_others() {
    let served = Served::start().await;
    let long = "x".repeat(1_001);
    let batch = json!({"batch": [
        person("identify", "1", json!({"attributes": {"plan": "p"}})),
        person("identify", "2", json!({"attributes": {"plan": long}})),
        {"type": "person", "action": "event", "identifiers": {"anonymous_id": "a"}, "name": "n"},
        person("event", "3", json!({"name": "n", "id": IDS[0]})),
        5,
    ]});
    let (status, body) = served.send("POST", "/api/v2/batch", batch).await;
    assert_eq!(status, 207);
    let errors = body["errors"].as_array().unwrap();
    let indexes: Vec<_> = errors.iter().map(|error| error["batch_index"].clone()).collect();
    assert_eq!(indexes, [1, 2, 4]);
    assert_eq!(
        errors[0],
        json!({
            "batch_index": 1, "reason": "invalid", "field": "attributes.plan",
            "message": "property value cannot be longer than 1000 bytes",
        })
    );
    let people = served.get("/sandbox/people").await;
    assert_eq!(people["people"].as_array().unwrap().len(), 2);
    assert_eq!(served.get("/sandbox/requests").await["requests"][0]["applied"], true);

    for wrong in [json!({}), json!([]), json!({"batch": {}}), json!({"batch": []})] {
        let (status, body) = served.send("POST", "/api/v2/batch", wrong).await;
        assert_eq!(status, 400);
        assert!(body["errors"][0]["message"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn an_action_that_an_entity_does_not_have_is_refused() {
    let served = Served::start().await;
    let entity = |kind: &str, action: &str| {
        json!({"type": kind, "action": action, "identifiers": {"object_type_id": "1",
            "object_id": "c1"}})
    };
    for (kind, action, status) in [
        ("object", "identify", 200),
        ("object", "identify_anonymous", 200),
        ("object", "delete", 200),
        ("object", "track", 400),
        ("delivery", "event", 200),
        ("delivery", "opened", 400),
        ("person", "track", 400),
        ("company", "identify", 400),
    ] {
        let body = entity(kind, action).to_string();
        assert_eq!(post(&served, "/api/v2/entity", body).await, status, "{kind} {action}");
    }
}

#[tokio::test]
async fn a_batch_that_rests_on_its_order_is_noted() {
    let served = Served::start().await;
    let event = |id| person("event", "1", json!({"name": "n", "id": id}));
    served.ok("POST", "/api/v2/batch", json!({"batch": [event(IDS[0]), event(IDS[1])]})).await;
    assert_eq!(served.activity().await, [""; 0]);
    let identify = person("identify", "1", json!({"attributes": {}}));
    served.ok("POST", "/api/v2/batch", json!({"batch": [identify, event(IDS[2])]})).await;
    assert_eq!(served.activity().await, ["batch_order_unspecified"]);
}

#[tokio::test]
async fn sizes_at_the_limits_and_one_over() {
    let served = Served::start().await;
    assert_eq!(post(&served, "/api/v2/entity", event_of(32_000)).await, 200);
    assert_eq!(post(&served, "/api/v2/entity", event_of(32_001)).await, 400);

    let batch = |last: usize| {
        let mut operations = vec![event_of(31_000); 16];
        operations.push(event_of(last));
        format!(r#"{{"batch":[{}]}}"#, operations.join(","))
    };
    let frame = batch(1_000).len() - 1_000;
    assert_eq!(post(&served, "/api/v2/batch", batch(500_000 - frame)).await, 200);
    assert_eq!(post(&served, "/api/v2/batch", batch(500_001 - frame)).await, 400);
    let one = format!(r#"{{"batch":[{}]}}"#, event_of(32_001));
    assert_eq!(post(&served, "/api/v2/batch", one).await, 207);
}
