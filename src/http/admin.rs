//! `/admin`: the dead letters and effects, for scripts that hold the token.

mod documents;

use std::net::SocketAddr;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, Extension, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit::ADMIN;
use super::client::client_ip;
use super::effects;
use super::json::Json;
use super::openapi::{refusals, tags};
use super::problem::Problem;
use super::router::AppState;
use super::tokens::Tokens;
use crate::domain::{Act, Actor, DeliveryId};
use crate::store::{DeadLetters, StoreError};
use crate::telemetry::ErrorChain;
use documents::{Discarded, Letter, Letters, Redelivered, WholeLetter};

/// The most dead letters on a page.
const PAGE: usize = 100;

/// Returns the routes below `/admin`, to be put behind [`require_bearer_token`].
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(redeliver))
        .routes(routes!(discard))
        .routes(routes!(effects::show))
}

/// Admits a request with one of the tokens.
pub async fn require_bearer_token(
    State((state, tokens)): State<(AppState, Tokens)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let client = client_ip(peer, headers, &state.trusted_proxies);
    match tokens.admit(headers, client, &state.metrics, &state.refusals) {
        Ok(()) => {
            let actor = state.actor(ADMIN, "operate", peer, headers);
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// A page of the dead letters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Only those with a smaller id: the last one of the page before.
    before: Option<i64>,
}

/// Lists the dead letters, a page of at most 100 at a time.
#[utoipa::path(
    get,
    path = "/dead-letters",
    operation_id = "list_dead_letters",
    tag = tags::ADMIN,
    params(Page),
    responses(
        (status = 200, description = "A page of them; empty behind the last one.", body = Letters),
        refusals::NotUnderstood,
        refusals::NotProven,
        refusals::NotNow,
    ),
    security(("admin_token" = [])),
)]
async fn list(
    State(state): State<AppState>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Letters>, Problem> {
    let Query(page) = page.map_err(|rejection| unreadable(&rejection.body_text()))?;
    let letters = state.store.dead_letters(page.before.map(DeliveryId), PAGE).await;
    let dead_letters = letters.map_err(unavailable)?.into_iter().map(Letter::from).collect();
    Ok(Json(Letters { dead_letters }))
}

/// Shows a dead letter with its call and every try. The audit records it, because the call names the person.
#[utoipa::path(
    get,
    path = "/dead-letters/{id}",
    operation_id = "show_dead_letter",
    tag = tags::ADMIN,
    params(("id" = i64, Path, description = "Its id.")),
    responses(
        (status = 200, description = "The dead letter.", body = WholeLetter),
        refusals::NoLetter,
    ),
    security(("admin_token" = [])),
)]
async fn show(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    LetterId(id): LetterId,
) -> Result<Json<WholeLetter>, Problem> {
    let found = state.store.dead_letter(id).await.map_err(unavailable)?;
    let (letter, attempts) = found.ok_or_else(|| not_found(id))?;
    let recorded = state.record(&actor, Act::Reveal, &subject(id), "shown").await;
    recorded.map_err(unavailable)?;
    Ok(Json(WholeLetter::new(letter, attempts)))
}

/// Puts a dead letter back, to be delivered again.
#[utoipa::path(
    post,
    path = "/dead-letters/{id}/redeliver",
    operation_id = "redeliver_dead_letter",
    tag = tags::ADMIN,
    params(("id" = i64, Path, description = "Its id.")),
    responses(
        (status = 200, description = "It will be tried again.", body = Redelivered),
        refusals::NotCoded,
        refusals::NoLetter,
    ),
    security(("admin_token" = [])),
)]
async fn redeliver(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    LetterId(id): LetterId,
) -> Result<Json<Redelivered>, Problem> {
    let redelivered = state.store.redeliver(these(id), state.clock.now()).await;
    let redelivered = found(id, redelivered)?;
    let _in_the_log = state.record(&actor, Act::Redeliver, &subject(id), "put back").await;
    state.destination.wake();
    Ok(Json(Redelivered { redelivered }))
}

/// Discards a dead letter, for good.
#[utoipa::path(
    post,
    path = "/dead-letters/{id}/discard",
    operation_id = "discard_dead_letter",
    tag = tags::ADMIN,
    params(("id" = i64, Path, description = "Its id.")),
    responses(
        (status = 200, description = "It is gone.", body = Discarded),
        refusals::NotCoded,
        refusals::NoLetter,
    ),
    security(("admin_token" = [])),
)]
async fn discard(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    LetterId(id): LetterId,
) -> Result<Json<Discarded>, Problem> {
    let discarded = found(id, state.store.discard(these(id)).await)?;
    let _in_the_log = state.record(&actor, Act::Discard, &subject(id), "discarded").await;
    Ok(Json(Discarded { discarded }))
}

/// The id of a dead letter, from the path.
struct LetterId(DeliveryId);

impl<S: Send + Sync> FromRequestParts<S> for LetterId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::from_request_parts(parts, state).await;
        let Path(id) = id.map_err(|rejection: PathRejection| unreadable(&rejection.body_text()))?;
        Ok(Self(DeliveryId(id)))
    }
}

fn unreadable(why: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, why)
}

fn subject(DeliveryId(id): DeliveryId) -> String {
    format!("dead letter {id}")
}

fn these(id: DeliveryId) -> DeadLetters {
    DeadLetters::These(vec![id])
}

/// Returns how many letters were changed; 404 if none was.
fn found(id: DeliveryId, changed: Result<usize, StoreError>) -> Result<usize, Problem> {
    match changed.map_err(unavailable)? {
        0 => Err(not_found(id)),
        changed => Ok(changed),
    }
}

fn not_found(DeliveryId(id): DeliveryId) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no dead letter {id}"))
}

/// Logs the store's fault, and returns an administrator's answer.
pub(super) fn unavailable(error: StoreError) -> Problem {
    tracing::warn!(error = %ErrorChain(&error), "the store can't serve an administrator");
    Problem::unavailable("the store can't do this now", 5)
}
