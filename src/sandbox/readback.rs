//! The read-back interface: the `/sandbox/...` endpoints, which [`super`] documents.
//!
//! Answers are written straight from the state under its lock, without copies of it.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    answer::Answer,
    faults::Faults,
    identifier::Identifier,
    ring::{Entry, Ring},
    state::Shared,
    views::{EventView, Numbered, PersonView},
};

/// The guide's page about the sandbox, which lists every request.
const GUIDE: &str = include_str!("../docs/sandbox.md");

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(guide))
        .route("/health", get(health))
        .route("/sandbox/people", get(all_people))
        .route("/sandbox/people/{identifier}", get(one_person))
        .route("/sandbox/events", get(events))
        .route("/sandbox/activity", get(activity))
        .route("/sandbox/requests", get(requests).merge(delete(clear)))
        .route("/sandbox/stats", get(stats))
        .route("/sandbox/faults", get(faults).put(set_faults))
        .route("/sandbox/reset", post(reset))
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

impl Page {
    /// Returns `{name: [...], "forgotten": n}` of the requested entries.
    fn of<'a, T: Entry, V: Serialize>(
        &self,
        name: &str,
        ring: &'a Ring<T>,
        view: impl Fn(u64, &'a T) -> V,
    ) -> Response {
        let entries = ring.after(self.since).take(self.limit.unwrap_or(usize::MAX));
        let entries: Vec<V> = entries.map(|(seq, entry)| view(seq, entry)).collect();
        list(name, &entries, Some(ring.forgotten))
    }
}

async fn guide() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], GUIDE)
}

async fn health() -> Response {
    json_response(StatusCode::OK, &json!({"status": "ready"}))
}

async fn all_people(State(shared): State<Shared>) -> Response {
    let state = shared.lock();
    let workspace = &state.workspace;
    let people: Vec<_> = workspace
        .people
        .iter()
        .map(|(key, person)| PersonView::new(key, person, person.events.len()))
        .collect();
    list("people", &people, None)
}

async fn one_person(State(shared): State<Shared>, Path(identifier): Path<String>) -> Response {
    let state = shared.lock();
    let workspace = &state.workspace;
    let identifier = Identifier::from_shape(&identifier);
    let found = workspace.people.find(&identifier);
    let Some((key, person)) = found.and_then(|key| Some((key, workspace.people.get(key)?))) else {
        let body = json!({
            "error": "nobody has this identifier",
            "merged_into": workspace.merged.get(&identifier),
            "suppressed": workspace.suppressed.contains_key(&identifier),
        });
        return json_response(StatusCode::NOT_FOUND, &body);
    };

    let events: Vec<_> = person
        .events
        .iter()
        .filter_map(|seq| Some(EventView::new(*seq, workspace.events.records.get(*seq)?)))
        .collect();
    json_response(StatusCode::OK, &PersonView::new(key, person, events))
}

async fn events(State(shared): State<Shared>, Query(page): Query<Page>) -> Response {
    let state = shared.lock();
    page.of("events", &state.workspace.events.records, EventView::new)
}

async fn activity(State(shared): State<Shared>, Query(page): Query<Page>) -> Response {
    let state = shared.lock();
    page.of("activity", &state.workspace.activity, Numbered::new)
}

async fn requests(State(shared): State<Shared>, Query(page): Query<Page>) -> Response {
    let state = shared.lock();
    page.of("requests", &state.requests.entries, Numbered::new)
}

async fn clear(State(shared): State<Shared>) -> StatusCode {
    shared.lock().requests.entries.clear();
    StatusCode::NO_CONTENT
}

async fn stats(State(shared): State<Shared>) -> Response {
    let state = shared.lock();
    let workspace = &state.workspace;
    let body = json!({
        "people": workspace.people.len(),
        "events": workspace.events.records.newest(),
        "repeats": workspace.events.repeats,
        "requests": state.requests.received,
        "activity": workspace.activity.newest(),
    });
    json_response(StatusCode::OK, &body)
}

async fn faults(State(shared): State<Shared>) -> Response {
    let rules = shared.lock().faults.to_json();
    json_response(StatusCode::OK, &rules)
}

async fn set_faults(State(shared): State<Shared>, body: Bytes) -> Response {
    match Faults::read(&body, |status| Answer::error(status, "a scripted fault")) {
        Ok(faults) => {
            let rules = faults.to_json();
            shared.lock().faults = faults;
            json_response(StatusCode::OK, &rules)
        }
        Err(error) => json_response(StatusCode::BAD_REQUEST, &json!({"error": error})),
    }
}

async fn reset(State(shared): State<Shared>) -> StatusCode {
    shared.lock().reset();
    StatusCode::NO_CONTENT
}

fn list<V: Serialize>(name: &str, entries: &[V], forgotten: Option<u64>) -> Response {
    #[derive(Serialize)]
    struct List<'a, V> {
        #[serde(flatten)]
        entries: BTreeMap<&'a str, &'a [V]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        forgotten: Option<u64>,
    }
    let list = List { entries: std::iter::once((name, entries)).collect(), forgotten };
    json_response(StatusCode::OK, &list)
}

fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let bytes = serde_json::to_vec(body).expect("what the sandbox shows can be written as JSON");
    (status, [(header::CONTENT_TYPE, JSON)], bytes).into_response()
}
