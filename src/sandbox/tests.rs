//! Tests of the sandbox as a whole. `rules` drives the workspace with times of its own, the others
//! speak HTTP to a bound sandbox.

mod faults;
mod rules;
mod v1;
mod v2;

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Sandbox;

/// Event ids, as the tests need some.
const IDS: [&str; 3] =
    ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ", "01BX5ZZKBKACTAV9WEVGEMMVS0"];

/// A served sandbox and a client with credentials.
struct Served {
    base: String,
    client: reqwest::Client,
    shutdown: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn start() -> Self {
        let sandbox = Sandbox::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let base = format!("http://{}", sandbox.addr());
        let shutdown = CancellationToken::new();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self {
            base,
            client,
            shutdown: shutdown.clone(),
            task: tokio::spawn(sandbox.serve(shutdown)),
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.base);
        let method = method.parse().unwrap();
        self.client.request(method, url).basic_auth("site", Some("key"))
    }

    /// Sends JSON and returns the status and the JSON answered.
    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let response = self.request(method, path).json(&body).send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Sends what must be answered with a 200 and an empty object.
    async fn ok(&self, method: &str, path: &str, body: Value) {
        let answer = self.send(method, path, body).await;
        assert_eq!(answer, (200, serde_json::json!({})), "{method} {path}");
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.request("GET", path).send().await.unwrap();
        response.json().await.unwrap()
    }

    async fn person(&self, identifier: &str) -> Value {
        self.get(&format!("/sandbox/people/{identifier}")).await
    }

    async fn faults(&self, rules: Value) {
        let script = serde_json::json!({"rules": rules});
        let (status, answer) = self.send("PUT", "/sandbox/faults", script).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Returns the kinds of all activity.
    async fn activity(&self) -> Vec<String> {
        let activity = self.get("/sandbox/activity").await;
        let entries = activity["activity"].as_array().unwrap();
        let kind = |entry: &Value| entry["kind"].as_str().unwrap().to_owned();
        entries.iter().map(kind).collect()
    }
}
