//! Tests through the router, with a clock that stands still, so that no window of a limit ends.

mod control;
mod lists;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{self, Body};
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::sandbox::state::Shared;
use crate::sandbox::{growsurf, readback};

/// The time of the tests.
const AT: i64 = 1_700_000_000_000;

/// A router and a quick way to ask it.
struct Client(Router);

impl Client {
    /// Starts with the standard program.
    fn limited() -> Self {
        let routes = readback::routes().merge(growsurf::routes());
        Self(routes.with_state(Shared::new(|| AT)))
    }

    /// Starts with the standard program, and with limits that only tests of limits meet.
    async fn new() -> Self {
        let client = Self::limited();
        client.put("limits", json!([1_000_000, 1_000_000, 1_000_000])).await;
        client
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, HeaderMap, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", "Bearer sandbox")
            .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
            .unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.into()).unwrap())
    }

    async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let path = format!("/growsurf/v2/{path}");
        let (status, _, body) = self.send(method, &path, body).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Returns the API's answer at a path below the campaign.
    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.api("GET", &format!("campaign/demo01{path}"), json!(null)).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Returns the status of a path of the API.
    async fn status(&self, path: &str) -> u16 {
        self.api("GET", path, json!(null)).await.0
    }

    async fn put(&self, what: &str, body: Value) {
        let path = format!("/sandbox/growsurf/{what}");
        let (status, _, shown) = self.send("PUT", &path, body).await;
        assert_eq!(status, 200, "{shown}");
    }

    async fn change(&self, changes: Value) -> Vec<String> {
        self.change_at(AT, changes).await
    }

    async fn change_at(&self, at: i64, changes: Value) -> Vec<String> {
        let changes = json!({"campaign": "demo01", "at": at, "changes": changes});
        let (status, _, body) = self.send("POST", "/sandbox/growsurf/changes", changes).await;
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        serde_json::from_value(body["ids"].clone()).unwrap()
    }

    async fn requests(&self) -> Value {
        let path = "/sandbox/growsurf/requests";
        serde_json::from_str(&self.send("GET", path, json!(null)).await.2).unwrap()
    }

    async fn webhooks(&self, query: &str) -> Vec<Value> {
        let path = format!("/sandbox/growsurf/webhooks?{query}");
        let (status, _, body) = self.send("GET", &path, json!(null)).await;
        assert_eq!(status, 200, "{body}");
        body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns all rows of a list, page by page.
    async fn all(&self, list: &str, key: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = String::new();
        loop {
            let joint = if list.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{list}{joint}limit=37{next}")).await;
            rows.extend(page[key].as_array().unwrap().iter().cloned());
            match page["nextId"].as_str() {
                Some(id) => next = format!("&nextId={id}"),
                None => return rows,
            }
        }
    }

    /// Returns all participants by id.
    async fn people(&self) -> BTreeMap<String, Value> {
        let rows = self.all("/participants", "participants").await;
        rows.into_iter().map(|row| (text(&row, "id"), row)).collect()
    }
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap_or_else(|| panic!("{field} of {row}")).to_owned()
}

fn number(row: &Value, field: &str) -> i64 {
    row[field].as_i64().unwrap_or_else(|| panic!("{field} of {row}"))
}
