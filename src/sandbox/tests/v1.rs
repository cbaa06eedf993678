//! Track API v1 over HTTP.

use serde_json::{Value, json};

use super::{IDS, Served};

#[tokio::test]
async fn success_looks_like_the_live_api() {
    let served = Served::start().await;
    let request = served.request("PUT", "/api/v1/customers/1").json(&json!({}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(response.text().await.unwrap(), "{}\n");

    let region = served.get("/api/v1/accounts/region").await;
    assert_eq!(region, json!({"url": served.base, "region": "us", "environment_id": 1}));
}

#[tokio::test]
async fn without_credentials_nothing_happens() {
    let served = Served::start().await;
    let url = format!("{}/api/v1/customers/1", served.base);
    let request = served.client.put(&url).json(&json!({}));
    assert_eq!(request.send().await.unwrap().status(), 401);
    let request = served.client.put(&url).basic_auth("site", Some("")).json(&json!({}));
    assert_eq!(request.send().await.unwrap().status(), 401);

    let requests = served.get("/sandbox/requests").await;
    assert_eq!(requests["requests"][0]["status"], 401);
    assert_eq!(requests["requests"][0]["applied"], false);
    assert_eq!(served.get("/sandbox/people").await, json!({"people": []}));
}

#[tokio::test]
async fn an_encoded_identifier_is_decoded_once() {
    let served = Served::start().await;
    let body = json!({"first_name": "Ann", "referral_code": null, "total": 3});
    served.ok("PUT", "/api/v1/customers/a%2Bb%40X.com", body).await;
    let event =
        json!({"name": " joined ", "id": IDS[0], "timestamp": 1_700_000_000, "data": {"a": [1.5]}});
    served.ok("POST", "/api/v1/customers/A%2Bb%40x.com/events", event.clone()).await;
    served.ok("PUT", "/api/v1/customers/a%2F..%252Fb", json!({})).await;

    let person = served.person("a%2Bb%40x.com").await;
    assert_eq!(person["email"], "a+b@x.com");
    assert_eq!(person["id"], Value::Null);
    assert_eq!(person["attributes"], json!({"first_name": "Ann", "total": 3}));
    assert_eq!(person["events"][0]["name"], "joined");
    assert_eq!(person["events"][0]["data"], json!({"a": [1.5]}));
    assert_eq!(served.person("cio_a3000001").await, person);
    assert_eq!(served.person("a%2F..%252Fb").await["id"], "a/..%2Fb");

    let people = served.get("/sandbox/people").await;
    assert_eq!(people["people"][0]["events"], 1);
    let requests = served.get("/sandbox/requests?since=1&limit=1").await;
    let request = &requests["requests"][0];
    assert_eq!(request["seq"], 2);
    assert_eq!(request["path"], "/api/v1/customers/A%2Bb%40x.com/events");
    assert_eq!(request["body"], event);
    assert_eq!(served.activity().await, [""; 0]);

    let raw = "/api/v1/customers/a+b@x.com/unsuppress";
    served.ok("POST", raw, json!({})).await;
    assert_eq!(served.activity().await, ["unencoded_path", "unsuppressed"]);
}

#[tokio::test]
async fn events_are_shown_in_order_with_their_repeats() {
    let served = Served::start().await;
    let first = json!({"name": "a", "id": IDS[0], "timestamp": 1_700_000_000});
    served.ok("POST", "/api/v1/customers/1/events", first.clone()).await;
    let second = json!({"name": "b", "anonymous_id": "anon"});
    served.ok("POST", "/api/v1/events", second).await;
    served.ok("POST", "/api/v1/events", json!({"name": "c", "anonymous_id": ""})).await;
    served.ok("POST", "/api/v1/customers/1/events", first).await;

    let events = served.get("/sandbox/events").await;
    assert_eq!(events["forgotten"], 0);
    let mut first = events["events"][0].clone();
    assert!(first["received_at"].as_i64().unwrap() > 1_700_000_000_000);
    first["received_at"].take();
    assert_eq!(
        first,
        json!({
            "seq": 1, "id": IDS[0], "type": "event", "name": "a", "timestamp": 1_700_000_000,
            "data": {}, "identifier": "1", "identifier_kind": "id", "cio_id": "a3000001",
            "anonymous_id": null, "invite": false, "repeats": 1, "received_at": null, "request": 1,
        })
    );
    assert_eq!(events["events"][1]["anonymous_id"], "anon");
    assert_eq!(events["events"][2]["invite"], true);
    assert_eq!(events["events"].as_array().unwrap().len(), 3);
    assert_eq!(served.activity().await, ["invite_event", "repeated_event"]);

    let stats = served.get("/sandbox/stats").await;
    let expected = json!({"people": 1, "events": 3, "repeats": 1, "requests": 4, "activity": 2});
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn refusals_have_the_shape_of_v1() {
    let served = Served::start().await;
    let name = "n".repeat(101);
    let path = "/api/v1/customers/1/events";
    let (status, body) = served.send("POST", path, json!({"name": name})).await;
    assert_eq!(status, 400);
    assert_eq!(body, json!({"meta": {"errors": ["event name cannot be longer than 100 bytes"]}}));
    served.ok("POST", path, json!({"name": "n".repeat(100)})).await;

    for wrong in [
        json!({}),
        json!([]),
        json!({"name": "n", "id": "9b2f6f5e-31a7-4f1c-8f0e-1d2c3b4a5968"}),
        json!({"name": "n", "timestamp": 1_700_000_000_000_i64}),
        json!({"name": "n", "data": []}),
        json!({"name": "n", "type": "track"}),
    ] {
        assert_eq!(served.send("POST", path, wrong.clone()).await.0, 400, "{wrong}");
    }
    for wrong in [
        json!({"tags": ["x".repeat(1_000)]}),
        json!({"email": "nobody"}),
        json!({"_timestamp": "1700000000"}),
        json!({"_update": "yes"}),
        json!({"created_at": "2020-01-01"}),
    ] {
        let answer = served.send("PUT", "/api/v1/customers/1", wrong.clone()).await;
        assert_eq!(answer.0, 400, "{wrong}");
    }
    let id = "i".repeat(151);
    assert_eq!(served.send("PUT", &format!("/api/v1/customers/{id}"), json!({})).await.0, 400);
    served.ok("PUT", &format!("/api/v1/customers/{}", &id[1..]), json!({})).await;
    assert_eq!(served.send("GET", "/api/v1/customers/1", json!({})).await.0, 405);
    assert_eq!(served.send("POST", "/api/v1/nothing", json!({})).await.0, 404);
}

#[tokio::test]
async fn event_data_and_attributes_have_limits_of_their_own() {
    let served = Served::start().await;
    // {"a":""} has eight bytes.
    let data = |bytes: usize| json!({"name": "n", "data": {"a": "x".repeat(bytes - 8)}});
    served.ok("POST", "/api/v1/customers/1/events", data(100_000)).await;
    let answer = served.send("POST", "/api/v1/customers/1/events", data(100_001)).await;
    assert_eq!(answer.0, 400);

    let many = |from: usize, n: usize| -> Value {
        (from..from + n).map(|i| (format!("a{i}"), json!(i))).collect()
    };
    served.ok("PUT", "/api/v1/customers/1", many(0, 300)).await;
    assert_eq!(served.send("PUT", "/api/v1/customers/1", many(300, 1)).await.0, 400);
    let exchanged = json!({"a0": "", "b0": 1});
    served.ok("PUT", "/api/v1/customers/1", exchanged).await;
    assert_eq!(served.send("PUT", "/api/v1/customers/2", many(0, 301)).await.0, 400);
}

#[tokio::test]
async fn merge_delete_and_devices() {
    let served = Served::start().await;
    served.ok("PUT", "/api/v1/customers/1", json!({})).await;
    served.ok("PUT", "/api/v1/customers/2", json!({"plan": "p"})).await;
    let two = json!({"primary": {"id": "1", "email": "a@x.com"}, "secondary": {"id": "2"}});
    let (status, body) = served.send("POST", "/api/v1/merge_customers", two).await;
    assert_eq!(status, 400);
    assert!(body["meta"]["error"].is_string(), "{body}");

    let merge = json!({"primary": {"id": "1"}, "secondary": {"cio_id": "a3000002"}});
    served.ok("POST", "/api/v1/merge_customers", merge).await;
    assert_eq!(served.person("1").await["attributes"], json!({"plan": "p"}));
    let gone = served.request("GET", "/sandbox/people/2").send().await.unwrap();
    assert_eq!(gone.status(), 404);
    assert_eq!(gone.json::<Value>().await.unwrap()["merged_into"], "a3000001");

    let device = json!({"device": {"id": "t", "platform": "ios"}});
    served.ok("PUT", "/api/v1/customers/1/devices", device).await;
    served.ok("DELETE", "/api/v1/customers/1/devices/t", json!({})).await;
    served.ok("DELETE", "/api/v1/customers/1", json!({})).await;
    assert_eq!(served.get("/sandbox/people").await, json!({"people": []}));
    assert_eq!(served.activity().await, ["merged", "device", "device", "deleted"]);
}

#[tokio::test]
async fn segments_forms_and_metrics_are_checked_by_the_published_schema() {
    let served = Served::start().await;
    let ids = json!({"ids": ["1", "2"]});
    served.ok("POST", "/api/v1/segments/7/add_customers", ids.clone()).await;
    served.ok("POST", "/api/v1/segments/7/remove_customers?id_type=email", ids.clone()).await;
    let form = json!({"data": {"email": "Fay@example.com", "plan": "pro", "form_name": "x"}});
    served.ok("POST", "/api/v1/forms/contact/submit", form).await;
    let metric = json!({"delivery_id": "RPILAg", "metric": "clicked", "timestamp": 1_790_000_000});
    served.ok("POST", "/api/v1/metrics", metric).await;
    let push = json!({"delivery_id": "RPILAg", "event": "opened", "device_id": "t"});
    served.ok("POST", "/api/v1/push/events", push).await;
    served.ok("POST", "/unsubscribe/RPILAg", json!({"unsubscribe": true})).await;
    assert_eq!(served.person("fay@example.com").await["attributes"], json!({"plan": "pro"}));
    assert_eq!(
        served.activity().await,
        ["segment", "segment", "form", "delivery", "delivery", "delivery"]
    );
    for (path, wrong) in [
        ("/api/v1/segments/seven/add_customers", ids.clone()),
        ("/api/v1/segments/7/add_customers?id_type=phone", ids),
        ("/api/v1/segments/7/add_customers", json!({"ids": []})),
        ("/api/v1/segments/7/add_customers", json!({"ids": vec!["1"; 1_001]})),
        ("/api/v1/forms/contact/submit", json!({"data": {"plan": "pro"}})),
        ("/api/v1/forms/contact/submit", json!({"data": {"id": "1", "email": "a@x.com"}})),
        ("/api/v1/forms/contact/submit", json!({"data": {"id": "1", "age": 7}})),
        ("/api/v1/metrics", json!({"metric": "clicked"})),
        ("/api/v1/metrics", json!({"delivery_id": "R", "metric": "seen"})),
        ("/api/v1/push/events", json!({"delivery_id": "R", "event": "clicked"})),
        ("/unsubscribe/RPILAg", json!({"unsubscribe": "yes"})),
    ] {
        assert_eq!(served.send("POST", path, wrong.clone()).await.0, 400, "{path} {wrong}");
    }
}

#[tokio::test]
async fn a_reset_forgets_and_a_shutdown_ends() {
    let served = Served::start().await;
    served.ok("PUT", "/api/v1/customers/1", json!({})).await;
    let clear = served.request("DELETE", "/sandbox/requests").send().await.unwrap();
    assert_eq!(clear.status(), 204);
    served.ok("PUT", "/api/v1/customers/2", json!({})).await;
    let requests = served.get("/sandbox/requests").await;
    assert_eq!(requests["requests"][0]["seq"], 2);
    assert_eq!(requests["forgotten"], 1);

    let reset = served.request("POST", "/sandbox/reset").send().await.unwrap();
    assert_eq!(reset.status(), 204);
    assert_eq!(served.get("/sandbox/people").await, json!({"people": []}));
    served.shutdown.cancel();
    served.task.await.unwrap().unwrap();
}
