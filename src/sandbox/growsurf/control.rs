//! The control interface: the `/sandbox/growsurf/...` endpoints, as [`super`] documents them.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::change::Change;
use super::gate;
use super::keys::Keys;
use super::limiter::{Limiter, Limits};
use super::program::Program;
use super::refusal::Refusal;
use super::signals::Signals;
use super::state::Growsurf;
use super::world::World;
use crate::sandbox::answer::Answer;
use crate::sandbox::faults::Faults;

/// The routes of the API and of its control.
pub(in crate::sandbox) fn routes<S>(growsurf: Growsurf) -> Router<S> {
    Router::new()
        .route("/growsurf/v2/{*path}", any(gate::answer))
        .route("/sandbox/growsurf/program", get(program).put(set_program))
        .route("/sandbox/growsurf/changes", post(change))
        .route("/sandbox/growsurf/webhooks", get(webhooks))
        .route("/sandbox/growsurf/faults", get(faults).put(set_faults))
        .route("/sandbox/growsurf/limits", get(limits).put(set_limits))
        .route("/sandbox/growsurf/keys", get(keys).put(set_keys))
        .route("/sandbox/growsurf/signals", get(signals).put(set_signals))
        .route("/sandbox/growsurf/requests", get(requests).delete(clear))
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

async fn program(State(growsurf): State<Growsurf>) -> Answer {
    Answer::json(StatusCode::OK, &json!(growsurf.lock().world.program))
}

async fn set_program(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    let made = read(&body).and_then(|options| Program::with(options, growsurf.born_at()));
    answer(made.map(|program| {
        let shown = json!(program);
        growsurf.lock().world = World::new(program);
        shown
    }))
}

async fn change(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    let now = growsurf.now();
    answer(read::<Changes>(&body).and_then(|changes| {
        let mut state = growsurf.lock();
        let slot = match &changes.campaign {
            Some(id) => state.world.slot(id).ok_or("there is no such campaign")?,
            None => 0,
        };
        let at = changes.at.unwrap_or(now);
        let before = state.world.campaigns[slot].participants.len();
        for (number, change) in changes.changes.into_iter().enumerate() {
            let done = state.world.apply(slot, at, change);
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
    let slot = asked.campaign.map(|id| state.world.slot(&id).ok_or("there is no such campaign"));
    let slot = match slot.transpose() {
        Ok(slot) => slot,
        Err(problem) => return answer(Err(problem.to_owned())).into_response(),
    };
    let bodies = state.world.webhooks(asked.since, slot);
    let lines: String = bodies
        .into_iter()
        .map(|body| {
            format!(
                "{body}
"
            )
        })
        .collect();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

async fn faults(State(growsurf): State<Growsurf>) -> Answer {
    Answer::json(StatusCode::OK, &growsurf.lock().faults.to_json())
}

async fn set_faults(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    let bare = |status| Refusal::scripted(status).answer(&[]);
    answer(read(&body).and_then(|script| Faults::with(script, bare)).map(|faults| {
        let shown = faults.to_json();
        growsurf.lock().faults = faults;
        shown
    }))
}

async fn limits(State(growsurf): State<Growsurf>) -> Answer {
    Answer::json(StatusCode::OK, &json!(growsurf.lock().limiter.limits))
}

async fn set_limits(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    answer(read::<Limits>(&body).map(|limits| {
        growsurf.lock().limiter = Limiter::new(limits);
        json!(limits)
    }))
}

async fn keys(State(growsurf): State<Growsurf>) -> Answer {
    Answer::json(StatusCode::OK, &json!(growsurf.lock().keys))
}

async fn set_keys(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    answer(read::<Keys>(&body).map(|keys| {
        let shown = json!(keys);
        growsurf.lock().keys = keys;
        shown
    }))
}

async fn signals(State(growsurf): State<Growsurf>) -> Answer {
    Answer::json(StatusCode::OK, &json!(growsurf.lock().signals))
}

async fn set_signals(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    answer(read::<Signals>(&body).and_then(Signals::checked).map(|signals| {
        let shown = json!(signals);
        growsurf.lock().signals = signals;
        shown
    }))
}

async fn requests(State(growsurf): State<Growsurf>) -> Answer {
    Answer::json(StatusCode::OK, &growsurf.lock().requests.to_json())
}

async fn clear(State(growsurf): State<Growsurf>) -> StatusCode {
    growsurf.lock().requests.clear();
    StatusCode::NO_CONTENT
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// 200 with what is shown, or 400 with the `error`.
fn answer(result: Result<Value, String>) -> Answer {
    match result {
        Ok(shown) => Answer::json(StatusCode::OK, &shown),
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({"error": error})),
    }
}
