//! The control interface: the `/sandbox/growsurf/...` endpoints, as [`super`] documents them.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::change::Change;
use super::gate;
use super::limiter::Limiter;
use super::program::Program;
use super::refusal::Refusal;
use crate::sandbox::answer::Answer;
use crate::sandbox::faults::Faults;
use crate::sandbox::state::Shared;
use crate::sandbox::views::Numbered;

/// Returns the routes of the API and of its control.
pub(in crate::sandbox) fn routes() -> Router<Shared> {
    Router::new()
        .route("/growsurf/v2/{*path}", any(gate::answer))
        .route("/sandbox/growsurf/changes", post(change))
        .route("/sandbox/growsurf/webhooks", get(webhooks))
        .route("/sandbox/growsurf/requests", get(requests).delete(clear))
        .route("/sandbox/growsurf/{what}", put(set))
}

/// Changes of one campaign at one time: of the first, and now, unless they say otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    campaign: Option<String>,
    at: Option<i64>,
    changes: Vec<Change>,
}

async fn change(State(shared): State<Shared>, body: Bytes) -> Answer {
    let now = shared.now();
    answer(read::<Changes>(&body).and_then(|sent| {
        let mut state = shared.lock();
        let campaign = state.growsurf(now).campaign(sent.campaign.as_deref())?;
        let before = campaign.participants.len();
        for (number, change) in sent.changes.into_iter().enumerate() {
            let done = campaign.apply(change, sent.at.unwrap_or(now));
            done.map_err(|problem| format!("changes[{number}]: {problem}"))?;
        }
        let joined = campaign.participants[before..].iter().map(|it| &it.id);
        Ok(json!({"ids": joined.collect::<Vec<_>>()}))
    }))
}

async fn webhooks(
    State(shared): State<Shared>,
    Query(asked): Query<HashMap<String, i64>>,
) -> Response {
    let since = asked.get("since").copied().unwrap_or_default();
    let (mut state, now) = (shared.lock(), shared.now());
    let growsurf = state.growsurf(now);
    growsurf.advance(now);
    let all = growsurf.campaigns.iter().flat_map(|campaign| campaign.webhooks.after(0));
    let mut webhooks: Vec<_> = all.map(|(_, it)| it).filter(|(at, _)| *at >= since).collect();
    webhooks.sort_by_key(|(at, _)| *at);
    let lines: String = webhooks.into_iter().map(|(_, body)| format!("{body}\n")).collect();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

async fn requests(State(shared): State<Shared>) -> Answer {
    let mut state = shared.lock();
    let growsurf = state.growsurf(shared.now());
    let requests = growsurf.requests.entries.after(0);
    let requests = requests.map(|(seq, request)| Numbered::new(seq, request));
    let shown = json!({
        "total": growsurf.requests.received, "refused": growsurf.refused,
        "most_in_flight": growsurf.most_in_flight, "requests": requests.collect::<Vec<_>>(),
    });
    Answer::json(StatusCode::OK, &shown)
}

async fn clear(State(shared): State<Shared>) -> StatusCode {
    shared.lock().growsurf(shared.now()).requests.entries.clear();
    StatusCode::NO_CONTENT
}

/// Replaces a setting.
async fn set(State(shared): State<Shared>, Path(what): Path<String>, body: Bytes) -> Answer {
    let (mut state, now) = (shared.lock(), shared.now());
    let growsurf = state.growsurf(now);
    let bare = |status: StatusCode| *Refusal::of(status.as_u16(), "a scripted fault").0;
    let mut set = || {
        match what.as_str() {
            "program" => {
                growsurf.campaigns = Program::with(read(&body)?, now)?.campaigns();
            }
            "faults" => growsurf.faults = Faults::read(&body, bare)?,
            "limits" => growsurf.limiter = Limiter::new(read(&body)?),
            "keys" => growsurf.keys = read(&body)?,
            _ => return Err("there is no such setting".to_owned()),
        }
        Ok(json!({}))
    };
    answer(set())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// Answers 200 with the result, or 400 with the `error`.
fn answer(result: Result<Value, String>) -> Answer {
    match result {
        Ok(shown) => Answer::json(StatusCode::OK, &shown),
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({"error": error})),
    }
}
