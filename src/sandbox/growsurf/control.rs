//! The control interface: the `/sandbox/growsurf/...` endpoints, as [`super`] documents them.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::change::Change;
use super::gate;
use super::limiter::Limiter;
use super::refusal::Refusal;
use super::signals::Signals;
use super::state::{self, Growsurf};
use super::world::{Program, World};
use crate::sandbox::answer::Answer;
use crate::sandbox::faults::Faults;

/// Returns the routes of the API and of its control.
pub(in crate::sandbox) fn routes<S>(growsurf: Growsurf) -> Router<S> {
    Router::new()
        .route("/growsurf/v2/{*path}", any(gate::answer))
        .route("/sandbox/growsurf/changes", post(change))
        .route("/sandbox/growsurf/webhooks", get(webhooks))
        .route("/sandbox/growsurf/{what}", get(setting).put(setting).delete(clear))
        .with_state(growsurf)
}

/// Changes of one campaign at one time: of the first, and now, unless they say otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    campaign: Option<String>,
    at: Option<i64>,
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Since {
    #[serde(default)]
    since: i64,
    campaign: Option<String>,
}

async fn change(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    let now = growsurf.now();
    answer(read::<Changes>(&body).and_then(|sent| {
        let mut state = growsurf.lock();
        let slot = state.world.slot(sent.campaign.as_deref())?;
        let before = state.world.campaigns[slot].participants.len();
        for (number, change) in sent.changes.into_iter().enumerate() {
            let done = state.world.apply(slot, sent.at.unwrap_or(now), change);
            done.map_err(|problem| format!("changes[{number}]: {problem}"))?;
        }
        state.world.advance(now);
        let joined = &state.world.campaigns[slot].participants[before..];
        Ok(json!({"ids": joined.iter().map(|it| &it.id).collect::<Vec<_>>()}))
    }))
}

async fn webhooks(
    State(growsurf): State<Growsurf>,
    Query(asked): Query<Since>,
) -> Result<Response, Answer> {
    let mut state = growsurf.lock();
    state.world.advance(growsurf.now());
    let of = asked.campaign.as_deref().map(|id| state.world.slot(Some(id))).transpose();
    let bodies = state.world.webhooks(asked.since, of.map_err(|problem| answer(Err(problem)))?);
    let lines: String = bodies.iter().map(|body| format!("{body}\n")).collect();
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
}

/// Shows a setting, after replacing it if the method is `PUT`.
async fn setting(
    method: Method,
    State(growsurf): State<Growsurf>,
    Path(what): Path<String>,
    body: Bytes,
) -> Answer {
    let state = &mut growsurf.lock();
    let is_put = method == Method::PUT;
    let done = if is_put { put(state, &what, &body, growsurf.born_at) } else { Ok(()) };
    answer(done.and_then(|()| shown(state, &what)))
}

fn shown(state: &state::State, what: &str) -> Result<Value, String> {
    Ok(match what {
        "program" => json!(state.world.program),
        "faults" => state.faults.to_json(),
        "limits" => json!(state.limiter.limits),
        "keys" => json!(state.keys),
        "signals" => json!(state.signals),
        "requests" => state.requests.to_json(),
        _ => return Err("there is no such thing".to_owned()),
    })
}

fn put(state: &mut state::State, what: &str, body: &[u8], born_at: i64) -> Result<(), String> {
    match what {
        "program" => state.world = World::new(Program::with(read(body)?, born_at)?),
        "faults" => {
            let bare = |status| Refusal::scripted(status).answer(&[]);
            state.faults = Faults::with(read(body)?, bare)?;
        }
        "limits" => state.limiter = Limiter::new(read(body)?),
        "keys" => state.keys = read(body)?,
        "signals" => {
            let signals: Signals = read(body)?;
            signals.headers(&signals.path)?;
            state.signals = signals;
        }
        _ => return Err("this can't be set".to_owned()),
    }
    Ok(())
}

async fn clear(State(growsurf): State<Growsurf>, Path(what): Path<String>) -> StatusCode {
    if what != "requests" {
        return StatusCode::NOT_FOUND;
    }
    growsurf.lock().requests.clear();
    StatusCode::NO_CONTENT
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// Answers 200 with what is shown, or 400 with the `error`.
fn answer(result: Result<Value, String>) -> Answer {
    match result {
        Ok(shown) => Answer::json(StatusCode::OK, &shown),
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({"error": error})),
    }
}
