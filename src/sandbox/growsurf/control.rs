//! The control interface: the `/sandbox/growsurf/...` endpoints, as [`super`] documents them.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
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
use super::signals::Signals;
use super::state::Growsurf;
use super::world::World;
use crate::sandbox::answer::Answer;
use crate::sandbox::faults::Faults;

/// Returns the routes of the API and of its control.
pub(in crate::sandbox) fn routes<S>(growsurf: Growsurf) -> Router<S> {
    Router::new()
        .route("/growsurf/v2/{*path}", any(gate::answer))
        .route("/sandbox/growsurf/changes", post(change))
        .route("/sandbox/growsurf/webhooks", get(webhooks))
        .route("/sandbox/growsurf/{what}", get(shown).put(set).delete(clear))
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
    answer(read::<Changes>(&body).and_then(|changes| {
        let mut state = growsurf.lock();
        let slot = state.world.slot_or_first(changes.campaign.as_deref())?;
        let before = state.world.campaigns[slot].participants.len();
        for (number, change) in changes.changes.into_iter().enumerate() {
            let done = state.world.apply(slot, changes.at.unwrap_or(now), change);
            done.map_err(|problem| format!("changes[{number}]: {problem}"))?;
        }
        state.world.advance(now);
        let joined = &state.world.campaigns[slot].participants[before..];
        let ids: Vec<&String> = joined.iter().map(|participant| &participant.id).collect();
        Ok(json!({"ids": ids}))
    }))
}

async fn webhooks(State(growsurf): State<Growsurf>, Query(asked): Query<Since>) -> Response {
    let mut state = growsurf.lock();
    state.world.advance(growsurf.now());
    let of = asked.campaign.as_deref();
    match of.map(|id| state.world.slot_or_first(Some(id))).transpose() {
        Ok(of) => {
            let bodies = state.world.webhooks(asked.since, of).into_iter();
            let lines: String = bodies.map(|body| format!("{body}\n")).collect();
            ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
        }
        Err(problem) => answer(Err(problem)).into_response(),
    }
}

async fn shown(State(growsurf): State<Growsurf>, Path(what): Path<String>) -> Answer {
    let state = growsurf.lock();
    answer(match what.as_str() {
        "program" => Ok(json!(state.world.program)),
        "faults" => Ok(state.faults.to_json()),
        "limits" => Ok(json!(state.limiter.limits)),
        "keys" => Ok(json!(state.keys)),
        "signals" => Ok(json!(state.signals)),
        "requests" => Ok(state.requests.to_json()),
        _ => Err("there is no such thing".to_owned()),
    })
}

async fn set(
    State(growsurf): State<Growsurf>,
    Path(what): Path<String>,
    body: Bytes,
) -> Result<Answer, Answer> {
    let problem = |problem| answer(Err(problem));
    let bare = |status| Refusal::scripted(status).answer(&[]);
    match what.as_str() {
        "program" => {
            let program = read(&body).and_then(|sent| Program::with(sent, growsurf.born_at()));
            growsurf.lock().world = World::new(program.map_err(problem)?);
        }
        "faults" => {
            let faults = read(&body).and_then(|script| Faults::with(script, bare));
            growsurf.lock().faults = faults.map_err(problem)?;
        }
        "limits" => growsurf.lock().limiter = Limiter::new(read(&body).map_err(problem)?),
        "keys" => growsurf.lock().keys = read(&body).map_err(problem)?,
        "signals" => {
            let signals = read(&body).and_then(Signals::checked);
            growsurf.lock().signals = signals.map_err(problem)?;
        }
        _ => return Err(problem("this can't be set".to_owned())),
    }
    Ok(shown(State(growsurf), Path(what)).await)
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
