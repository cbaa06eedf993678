//! Faults as a client meets them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{IDS, Served};

#[tokio::test]
async fn a_status_comes_with_headers_and_without_effect() {
    let served = Served::start().await;
    let rule =
        json!({"times": 1, "status": 429, "headers": {"Retry-After": "7"}, "body": "slow down"});
    served.faults(json!([rule.clone()])).await;
    let request = served.request("PUT", "/api/v1/customers/1").json(&json!({}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.text().await.unwrap(), "slow down");
    assert_eq!(served.get("/sandbox/people").await, json!({"people": []}));

    let redirect = json!({"Location": "https://x/", "Content-Type": "text/html"});
    served.faults(json!([rule, {"times": 1, "status": 503, "headers": redirect}])).await;
    served.send("PUT", "/api/v1/customers/1", json!({})).await;
    let request = served.request("PUT", "/api/v1/customers/1").json(&json!({}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.headers().get_all("content-type").iter().count(), 1);

    served.ok("PUT", "/api/v1/customers/1", json!({})).await;
    let rules = served.get("/sandbox/faults").await;
    assert_eq!(rules["rules"][0]["used"], 1);
    assert_eq!(rules["rules"][0]["left"], 0);
    let requests = served.get("/sandbox/requests").await;
    assert_eq!(requests["requests"][0]["faulted"], true);
    assert_eq!(requests["requests"][0]["status"], 429);
    assert_eq!(requests["requests"][3]["faulted"], false);

    let (status, body) = served.send("PUT", "/sandbox/faults", json!({"rules": [{"x": 1}]})).await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains('x'), "{body}");
}

#[tokio::test]
async fn a_dropped_connection_is_no_answer() {
    let served = Served::start().await;
    let event = json!({"name": "n", "id": IDS[0]});
    let track = || served.request("POST", "/api/v1/customers/1/events").json(&event).send();

    served.faults(json!([{"drop": "before", "times": 1}])).await;
    let error = track().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!(served.get("/sandbox/events").await["events"], json!([]));

    // A lost answer: the effect is there, and sending it again is a repeat.
    served.faults(json!([{"drop": "after", "times": 1, "latency_ms": 5}])).await;
    assert!(track().await.unwrap_err().is_request());
    assert_eq!(served.get("/sandbox/events").await["events"][0]["repeats"], 0);
    assert_eq!(track().await.unwrap().status(), 200);
    assert_eq!(served.get("/sandbox/events").await["events"][0]["repeats"], 1);

    let requests = served.get("/sandbox/requests").await;
    let ends: Vec<Value> = (0..3)
        .map(|i| json!([requests["requests"][i]["status"], requests["requests"][i]["applied"]]))
        .collect();
    assert_eq!(ends, [json!([null, false]), json!([null, true]), json!([200, true])]);
}

#[tokio::test]
async fn a_dropped_connection_closes_without_a_byte() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let served = Served::start().await;
    served.faults(json!([{"drop": "after"}])).await;
    let addr = served.base.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let request =
        "POST /api/v1/customers/1/suppress HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn half_a_response_breaks_off() {
    let served = Served::start().await;
    served.faults(json!([{"half_response": true}])).await;
    let request = served.request("PUT", "/api/v1/customers/1").json(&json!({}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    assert_eq!(served.person("1").await["id"], "1");
}

#[tokio::test]
async fn latency_delays_the_answer_and_not_the_effect() {
    let served = Served::start().await;
    let rule = json!({"match": {"identifier": "1"}, "latency_ms": 300});
    served.faults(json!([rule, {"hang_ms": 50}])).await;
    let began = Instant::now();
    let request = served.request("PUT", "/api/v1/customers/1").json(&json!({}));
    let answer = request.timeout(Duration::from_millis(100)).send().await;
    assert!(answer.unwrap_err().is_timeout());
    assert_eq!(served.person("1").await["id"], "1");
    served.ok("PUT", "/api/v1/customers/1", json!({})).await;
    assert!(began.elapsed() >= Duration::from_millis(400));

    let request = served.request("PUT", "/api/v1/customers/2").json(&json!({}));
    assert!(request.send().await.is_err());
    let people = served.get("/sandbox/people").await;
    assert_eq!(people["people"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn operations_of_a_batch_can_be_refused() {
    let served = Served::start().await;
    served.faults(json!([{"batch_item_errors": [1]}])).await;
    let event = |who: &str, id| json!({"type": "person", "action": "event", "identifiers": {"id": who}, "name": "n", "id": id});
    let batch = json!({"batch": [event("1", IDS[0]), event("2", IDS[1]), event("3", IDS[2])]});
    let (status, body) = served.send("POST", "/api/v2/batch", batch).await;
    assert_eq!(status, 207);
    assert_eq!(body["errors"][0]["batch_index"], 1);
    let events = served.get("/sandbox/events").await;
    let names: Vec<_> = (0..2).map(|i| events["events"][i]["identifier"].clone()).collect();
    assert_eq!(names, ["1", "3"]);
}
