//! The endpoints that GrowSurf and Customer.io post to.

use std::convert::Infallible;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::ReadBody;
use super::client::{client_ip, network};
use super::json::Json;
use super::openapi::{GrowsurfWebhook, refusals, tags};
use super::problem::Problem;
use super::router::AppState;
use crate::domain::{Receipt, Source, Status};
use crate::ingest::IngestError;
use crate::sources::customerio_action::CustomerioAction;
use crate::sources::customerio_report::CustomerioReport;
use crate::sources::server::ServerEvent;
use crate::telemetry::ErrorChain;

/// When a sender may try again after the store refused, in seconds.
const STORE_RETRY_AFTER: u64 = 5;

/// That a body is on disk, and what becomes of it.
#[derive(Serialize, ToSchema)]
struct WebhookResponse {
    /// Always true.
    success: bool,
    status: ReceiptStatus,
    /// The id that the relay keeps it under; of a duplicate, the first one's.
    #[schema(format = "uuid", examples("0198c1f2-7c00-7d42-8a52-6f1d3c5b7a90"))]
    id: String,
    /// Why it was parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, examples("event is missing"))]
    reason: Option<String>,
}

/// The status of a body that was accepted.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReceiptStatus {
    /// What it leads to will be delivered.
    Accepted,
    /// The same body was accepted before; nothing new comes of it.
    Duplicate,
    /// It is kept and leads to nothing, until somebody fixes the cause and replays it.
    Parked,
}

impl ReceiptStatus {
    /// What metrics and logs call it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Parked => "parked",
        }
    }
}

/// Accepts one webhook of GrowSurf's.
///
/// Answers 200 only once it is on disk. Anything with a true signature is accepted; what can't be read is
/// parked. Where the relay checks no signatures, it accepts JSON objects only.
#[utoipa::path(
    post,
    path = "/webhooks/growsurf",
    operation_id = "take_growsurf_webhook",
    tag = tags::WEBHOOKS,
    request_body(content = GrowsurfWebhook, content_type = "application/json"),
    responses(
        (status = 200, description = "It is on disk.", body = WebhookResponse),
        refusals::NotRead,
        refusals::NotProven,
    ),
    security(("growsurf_signature" = [])),
)]
pub async fn growsurf_webhook(post: WebhookPost) -> Response {
    post.receive(Source::Growsurf).await
}

/// Accepts one webhook of GrowSurf's, at the path of its published guide.
///
/// The same as `/webhooks/growsurf`.
#[utoipa::path(
    post,
    path = "/api/growsurf-to-cio",
    operation_id = "take_growsurf_webhook_as_guided",
    tag = tags::WEBHOOKS,
    request_body(content = GrowsurfWebhook, content_type = "application/json"),
    responses(
        (status = 200, description = "It is on disk.", body = WebhookResponse),
        refusals::NotRead,
        refusals::NotProven,
    ),
    security(("growsurf_signature" = [])),
)]
pub async fn growsurf_webhook_at_guide_path(post: WebhookPost) -> Response {
    post.receive(Source::Growsurf).await
}

/// Accepts one report of Customer.io's.
///
/// Answers 200 only once it is on disk. There only with `customerio.reporting_keys`. Anything with a
/// true signature is accepted.
#[utoipa::path(
    post,
    path = "/webhooks/customerio/reporting",
    operation_id = "take_customerio_report",
    tag = tags::WEBHOOKS,
    request_body(content = CustomerioReport, content_type = "application/json"),
    responses(
        (status = 200, description = "It is on disk.", body = WebhookResponse),
        refusals::NotRead,
        refusals::NotProven,
    ),
    security(("customerio_timestamp" = [], "customerio_signature" = [])),
)]
pub async fn customerio_report(post: WebhookPost) -> Response {
    post.receive(Source::CustomerioReport).await
}

/// Accepts one webhook action of a campaign at Customer.io.
///
/// Answers 200 only once it is on disk. There only with `customerio.action_keys`. Fields that are
/// unknown, empty or not rendered are refused, so that whoever wrote the template sees it.
#[utoipa::path(
    post,
    path = "/webhooks/customerio/action",
    operation_id = "take_customerio_action",
    tag = tags::WEBHOOKS,
    request_body(content = CustomerioAction, content_type = "application/json"),
    responses(
        (status = 200, description = "It is on disk.", body = WebhookResponse),
        refusals::NotRead,
        refusals::NotProven,
        refusals::NotValid,
    ),
    security(("customerio_timestamp" = [], "customerio_signature" = [])),
)]
pub async fn customerio_action(post: WebhookPost) -> Response {
    post.receive(Source::CustomerioAction).await
}

/// Accepts one event of your own backend.
///
/// Answers 200 only once it is on disk. There only with `api.token`.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "tell_event",
    tag = tags::EVENTS,
    request_body(content = ServerEvent, content_type = "application/json"),
    responses(
        (status = 200, description = "It is on disk.", body = WebhookResponse),
        refusals::NotRead,
        refusals::NotProven,
        refusals::NotValid,
    ),
    security(("api_token" = [])),
)]
pub async fn server_event(post: WebhookPost) -> Response {
    post.receive(Source::Server).await
}

/// A request that posts a webhook, of any source.
pub struct WebhookPost {
    state: AppState,
    client: IpAddr,
    headers: HeaderMap,
    body: Body,
}

impl FromRequest<AppState> for WebhookPost {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Infallible> {
        let (Parts { headers, extensions, .. }, body) = request.into_parts();
        let ConnectInfo(peer) = *extensions
            .get::<ConnectInfo<SocketAddr>>()
            .expect("the listener says who is at the other end");
        let client = client_ip(peer, &headers, &state.trusted_proxies);
        Ok(Self { state: state.clone(), client, headers, body })
    }
}

impl WebhookPost {
    /// Accepts a webhook of `source`. What its headers show decides before its body is read, so that
    /// no memory is taken for a sender without proof.
    async fn receive(self, source: Source) -> Response {
        let proven = self.prove(source);
        let Self { state, client, headers, body } = self;
        if let Err(problem) = proven {
            state.bodies.discard(&headers, body);
            return closing(problem);
        }
        let (body, share) = match state.bodies.read(network(client), &headers, body).await {
            Ok(ReadBody { bytes, share }) => (bytes, share),
            Err(problem) => {
                refused(&state, client, &problem, problem.webhook_outcome(), &problem);
                return closing(problem);
            }
        };
        let began = state.clock.now();
        let header = |name: &'static str| headers.get(name)?.to_str().ok();
        let result = state.ingest.receive(source, header, body, share).await;
        state.metrics.accepted_in(state.clock.now().since(began));
        match result {
            Ok(receipt) => answer(&state, receipt),
            Err(error) => {
                state.health.record_refusal(&error);
                let problem = refuse(&error);
                refused(&state, client, &problem, reason(&error), &ErrorChain(&error));
                problem.into_response()
            }
        }
    }

    /// Checks all that the headers alone show of the sender's proof.
    fn prove(&self, source: Source) -> Result<(), Problem> {
        let Self { state, client, headers, .. } = self;
        if source == Source::Server {
            let absent = || Problem::new(StatusCode::NOT_FOUND, "api.token is not set");
            let tokens = state.api_tokens.as_ref().ok_or_else(absent)?;
            return tokens.admit(headers, *client, &state.metrics, &state.refusals);
        }
        let header = |name: &'static str| headers.get(name)?.to_str().ok();
        state.ingest.check_headers(source, header).map_err(|error| {
            let problem = refuse(&error);
            refused(state, *client, &problem, reason(&error), &ErrorChain(&error));
            problem
        })
    }
}

/// Counts a refusal, and logs it unless there are too many of its reason.
fn refused(
    state: &AppState,
    client: IpAddr,
    problem: &Problem,
    reason: &'static str,
    error: &dyn Display,
) {
    let outcome = problem.webhook_outcome();
    state.metrics.webhook(outcome);
    if state.refusals.is_logged(reason) {
        tracing::warn!(webhook.outcome = outcome, client.ip = %client, %error, "refused a webhook");
    }
}

/// The answer to a request whose body wasn't read to its end, so that its connection can't be used
/// again.
fn closing(problem: Problem) -> Response {
    ([(header::CONNECTION, "close")], problem).into_response()
}

fn answer(state: &AppState, receipt: Receipt) -> Response {
    let Receipt { id, status, calls, unmapped, notices, kinds: _ } = receipt;
    for notice in notices {
        tracing::warn!(webhook.id = %id, "{notice}");
    }
    if !matches!(status, Status::Duplicate) {
        state.health.record_write();
    }
    let (taken, reason) = match status {
        Status::Accepted => (ReceiptStatus::Accepted, None),
        Status::Duplicate => (ReceiptStatus::Duplicate, None),
        Status::Parked { reason } => (ReceiptStatus::Parked, Some(reason)),
        Status::Dropped(_) => unreachable!("only posts of pages are dropped"),
    };
    let status = taken.as_str();
    state.metrics.webhook(status);
    let parked = reason.as_deref().or(unmapped.first().map(String::as_str));
    match parked {
        Some(reason) => {
            tracing::warn!(webhook.id = %id, webhook.outcome = status, calls, reason, "parked a webhook, or a part of it");
        }
        None => {
            tracing::info!(webhook.id = %id, webhook.outcome = status, calls, "accepted a webhook")
        }
    }
    let answer = WebhookResponse { success: true, status: taken, id: id.to_string(), reason };
    Json(answer).into_response()
}

/// Returns the reason of a refusal as the log sums it.
fn reason(refusal: &IngestError) -> &'static str {
    match refusal {
        IngestError::Signature(error) => error.word(),
        IngestError::Report { fault, .. } => fault.label(),
        IngestError::WrongCampaign { .. } => "campaign",
        IngestError::Unreadable(_) | IngestError::Template(_) => "unreadable",
        IngestError::Invalid(_) => "invalid",
        IngestError::Store(_) | IngestError::Slow(_) => "store",
    }
}

fn refuse(refusal: &IngestError) -> Problem {
    match refusal {
        IngestError::Signature(_) | IngestError::WrongCampaign { .. } => {
            Problem::unauthorized("GrowSurf-Signature", refusal.to_string())
        }
        IngestError::Report { .. } => Problem::unauthorized("X-CIO-Signature", refusal.to_string()),
        IngestError::Invalid(_) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.to_string())
        }
        IngestError::Unreadable(_) | IngestError::Template(_) => {
            Problem::new(StatusCode::BAD_REQUEST, refusal.to_string())
        }
        IngestError::Store(_) | IngestError::Slow(_) => {
            Problem::unavailable(refusal.to_string(), STORE_RETRY_AFTER)
        }
    }
}
