//! The control interface: the `/sandbox/growsurf/...` endpoints, as [`super`] documents them.

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    changes::Changes,
    deliveries::Deliveries,
    gate,
    limiter::{Limiter, Limits},
    program::Program,
    state::Growsurf,
    world::World,
};
use crate::sandbox::answer::Answer;
use crate::sandbox::faults::Faults;

/// So many webhooks are written at once.
const CHUNK: usize = 64;

/// The routes of the API and of its control.
pub(in crate::sandbox) fn routes<S>(growsurf: Growsurf) -> Router<S> {
    Router::new()
        .route("/growsurf/v2/{*path}", any(gate::answer))
        .route("/sandbox/growsurf/program", get(program).put(set_program))
        .route("/sandbox/growsurf/changes", post(change))
        .route("/sandbox/growsurf/webhooks", get(webhooks))
        .route("/sandbox/growsurf/faults", get(faults).put(set_faults))
        .route("/sandbox/growsurf/limits", get(limits).put(set_limits))
        .route("/sandbox/growsurf/requests", get(requests).delete(clear))
        .with_state(growsurf)
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
        let campaign = match &changes.campaign {
            Some(id) => state.world.campaign(id),
            None => state.world.campaigns.first_mut(),
        };
        let ids = changes.apply(campaign.ok_or("there is no such campaign")?, now)?;
        Ok(json!({"ids": ids}))
    }))
}

async fn webhooks(State(growsurf): State<Growsurf>, Query(asked): Query<Since>) -> Response {
    let mut campaigns = growsurf.lock().world.campaigns.clone();
    if let Some(id) = asked.campaign {
        campaigns.retain(|campaign| campaign.named.id == id);
        if campaigns.is_empty() {
            return answer(Err("there is no such campaign".to_owned())).into_response();
        }
    }
    let mut deliveries = Deliveries::since(campaigns, asked.since);
    let chunks = std::iter::from_fn(move || {
        let chunk: String = deliveries.by_ref().take(CHUNK).collect();
        (!chunk.is_empty()).then_some(Ok::<_, std::convert::Infallible>(chunk))
    });
    let body = Body::from_stream(stream::iter(chunks));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

async fn faults(State(growsurf): State<Growsurf>) -> Answer {
    Answer::json(StatusCode::OK, &growsurf.lock().faults.to_json())
}

async fn set_faults(State(growsurf): State<Growsurf>, body: Bytes) -> Answer {
    answer(read(&body).and_then(Faults::new).map(|faults| {
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
