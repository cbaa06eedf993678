//! `/admin`: the dead letters and effects, for scripts that hold the token.

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::effects;
use super::problem::Problem;
use super::router::Face;
use crate::domain::DeliveryId;
use crate::store::{DeadLetter, DeadLetters, StoreError};
use crate::telemetry::Causes;

/// How many dead letters a page holds at most.
const PAGE: usize = 100;

/// The routes below `/admin`, behind the token.
pub fn routes(face: Face) -> Router<Face> {
    Router::new()
        .route("/dead-letters", get(list))
        .route("/dead-letters/{id}", get(show))
        .route("/dead-letters/{id}/redeliver", post(redeliver))
        .route("/dead-letters/{id}/discard", post(discard))
        .route("/effects/{id}", get(effects::show))
        .layer(from_fn_with_state(face, ask_for_token))
}

async fn ask_for_token(State(face): State<Face>, request: Request, next: Next) -> Response {
    if is_allowed(request.headers(), face.admin_token.as_deref()) {
        return next.run(request).await;
    }
    Problem::unauthorized("Bearer", "the bearer token is missing or wrong").into_response()
}

/// Whether a request carries this bearer token.
pub(super) fn is_allowed(headers: &HeaderMap, token: Option<&SecretString>) -> bool {
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    given.zip(token).is_some_and(|(given, token)| same(given, token.expose_secret()))
}

/// Whether two texts are the same, in a time that tells nothing about where they differ.
fn same(given: &str, token: &str) -> bool {
    let mac = || Hmac::<Sha256>::new_from_slice(b"admin").expect("HMAC takes a key of any length");
    let tag = mac().chain_update(token).finalize().into_bytes();
    mac().chain_update(given).verify_slice(&tag).is_ok()
}

#[derive(Deserialize)]
struct Page {
    before: Option<i64>,
}

async fn list(State(face): State<Face>, Query(page): Query<Page>) -> Result<Json<Value>, Problem> {
    let letters = face.store.dead_letters(page.before.map(DeliveryId), PAGE).await;
    let letters: Vec<Value> = letters.map_err(unavailable)?.iter().map(summary).collect();
    Ok(Json(json!({ "dead_letters": letters })))
}

async fn show(State(face): State<Face>, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    let found = face.store.dead_letter(DeliveryId(id)).await.map_err(unavailable)?;
    let (letter, attempts) = found.ok_or_else(|| not_found(id))?;
    let attempts = attempts.iter().map(|attempt| {
        json!({
            "at": attempt.at.to_string(),
            "duration_ms": attempt.took.as_millis(),
            "http_status": attempt.http_status,
            "outcome": attempt.outcome,
            "reason": attempt.reason,
        })
    });
    let mut document = summary(&letter);
    document["call"] = json!(letter.delivery.call);
    document["attempts"] = attempts.collect();
    Ok(Json(document))
}

async fn redeliver(State(face): State<Face>, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    let which = DeadLetters::These(vec![DeliveryId(id)]);
    let put_back = face.store.redeliver(which, face.clock.now()).await.map_err(unavailable)?;
    if put_back == 0 {
        return Err(not_found(id));
    }
    face.destination.wake();
    Ok(Json(json!({ "redelivered": put_back })))
}

async fn discard(State(face): State<Face>, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    let which = DeadLetters::These(vec![DeliveryId(id)]);
    let discarded = face.store.discard(which).await.map_err(unavailable)?;
    if discarded == 0 {
        return Err(not_found(id));
    }
    Ok(Json(json!({ "discarded": discarded })))
}

fn summary(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.delivery.id.0,
        "call": letter.delivery.call.kind(),
        "person": letter.identifier.masked(),
        "planned_at": letter.delivery.planned_at.to_string(),
        "died_at": letter.died_at.to_string(),
        "attempts": letter.delivery.attempts,
        "reason": letter.reason,
        "field": letter.field,
        "webhook": letter.delivery.webhook.map(|id| id.to_string()),
    })
}

fn not_found(id: i64) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no dead letter {id}"))
}

/// The store's trouble, as an administrator is told of it.
pub(super) fn unavailable(error: StoreError) -> Problem {
    tracing::warn!(error = %Causes(&error), "the store can't serve an administrator");
    Problem::unavailable("the store can't do this now", 5)
}
