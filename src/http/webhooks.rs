//! The endpoints that GrowSurf and Customer.io post to.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
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
use crate::domain::{Receipt, Status};
use crate::ingest::{ACTION_KEYS, IngestError, REPORTING_KEYS};
use crate::sources::customerio_action::CustomerioAction;
use crate::sources::customerio_report::CustomerioReport;
use crate::sources::server::ServerEvent;
use crate::telemetry::ErrorChain;

/// GrowSurf's header with time and signature
/// (<https://docs.growsurf.com/developer-tools/webhooks>).
const SIGNATURE: &str = "growsurf-signature";

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

/// What becomes of a body that was taken in.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReceiptStatus {
    /// What it leads to will be delivered.
    Accepted,
    /// The same body was taken in before; nothing new comes of it.
    Duplicate,
    /// It is kept and leads to nothing, until somebody mends the cause and replays it.
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

/// Takes in one webhook of GrowSurf's.
///
/// Answers 200 only once it is on disk. Anything with a true signature is taken; what can't be read is
/// parked. Where the relay checks no signatures, it takes JSON objects only.
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
pub async fn growsurf_webhook(
    State(face): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    receive(face, peer, request, Sender::Growsurf).await
}

/// Takes in one webhook of GrowSurf's, at the path of its published guide.
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
pub async fn growsurf_webhook_at_guide_path(
    State(face): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    receive(face, peer, request, Sender::Growsurf).await
}

/// Takes in one report of Customer.io's.
///
/// Answers 200 only once it is on disk. There only with `customerio.reporting_keys`. Anything with a
/// true signature is taken.
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
pub async fn customerio_report(
    State(face): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    receive(face, peer, request, Sender::Customerio).await
}

/// Takes in what a campaign at Customer.io asks for.
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
pub async fn customerio_action(
    State(face): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    receive(face, peer, request, Sender::Campaign).await
}

/// Takes in one event that your own backend tells.
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
pub async fn server_event(
    State(face): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers();
    let client = client_ip(peer, headers, &face.trusted_proxies);
    let admitted = match &face.api_tokens {
        Some(tokens) => tokens.admit(headers, client, &face.metrics, &face.refusals),
        None => Err(Problem::new(StatusCode::NOT_FOUND, "api.token is not set")),
    };
    if let Err(problem) = admitted {
        let (Parts { headers, .. }, body) = request.into_parts();
        face.bodies.discard(&headers, body);
        return closing(problem);
    }
    receive(face, peer, request, Sender::Shop).await
}

/// Who posts.
enum Sender {
    Growsurf,
    Customerio,
    Campaign,
    Shop,
}

async fn receive(face: AppState, peer: SocketAddr, request: Request, sender: Sender) -> Response {
    let (Parts { headers, .. }, body) = request.into_parts();
    let client = client_ip(peer, &headers, &face.trusted_proxies);
    if let Err(refusal) = admit(&face, &headers, &sender) {
        face.bodies.discard(&headers, body);
        let problem = refuse(&refusal);
        refused(&face, client, &problem, reason(&refusal), &ErrorChain(&refusal));
        return closing(problem);
    }
    let (body, share) = match face.bodies.read(network(client), &headers, body).await {
        Ok(ReadBody { bytes, share }) => (bytes, share),
        Err(problem) => {
            refused(&face, client, &problem, problem.webhook_outcome(), &problem);
            return closing(problem);
        }
    };
    let began = face.clock.now();
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let result = match sender {
        Sender::Growsurf => face.ingest.receive(header(SIGNATURE), body, share).await,
        Sender::Shop => face.ingest.server_event(body, share).await,
        Sender::Customerio => face.ingest.customerio_report(header, body, share).await,
        Sender::Campaign => face.ingest.customerio_action(header, body, share).await,
    };
    face.metrics.accepted_in(face.clock.now().since(began));
    match result {
        Ok(receipt) => answer(&face, receipt),
        Err(refusal) => {
            face.health.record_refusal(&refusal);
            let problem = refuse(&refusal);
            refused(&face, client, &problem, reason(&refusal), &ErrorChain(&refusal));
            problem.into_response()
        }
    }
}

/// Counts a refusal, and logs it unless there are too many of its reason.
fn refused(
    face: &AppState,
    client: IpAddr,
    problem: &Problem,
    reason: &'static str,
    error: &dyn Display,
) {
    let outcome = problem.webhook_outcome();
    face.metrics.webhook(outcome);
    if face.refusals.is_logged(reason) {
        tracing::warn!(webhook.outcome = outcome, client.ip = %client, %error, "refused a webhook");
    }
}

/// Refuses by the headers alone, so that nothing is held for whoever can't prove anything.
fn admit(face: &AppState, headers: &HeaderMap, sender: &Sender) -> Result<(), IngestError> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    match sender {
        Sender::Growsurf => face.ingest.check_webhook_header(header(SIGNATURE)),
        Sender::Customerio => face.ingest.check_customerio_headers(header, REPORTING_KEYS),
        Sender::Campaign => face.ingest.check_customerio_headers(header, ACTION_KEYS),
        // Its token was looked at before.
        Sender::Shop => Ok(()),
    }
}

/// The answer to a request whose body wasn't read to its end, so that its connection can't be used
/// again.
fn closing(problem: Problem) -> Response {
    ([(header::CONNECTION, "close")], problem).into_response()
}

fn answer(face: &AppState, receipt: Receipt) -> Response {
    let Receipt { id, status, calls, unmapped, notices, kinds: _ } = receipt;
    for notice in notices {
        tracing::warn!(webhook.id = %id, "{notice}");
    }
    if !matches!(status, Status::Duplicate) {
        face.health.record_write();
    }
    let (taken, reason) = match status {
        Status::Accepted => (ReceiptStatus::Accepted, None),
        Status::Duplicate => (ReceiptStatus::Duplicate, None),
        Status::Parked { reason } => (ReceiptStatus::Parked, Some(reason)),
        Status::Dropped(_) => unreachable!("only posts of pages are dropped"),
    };
    let status = taken.as_str();
    face.metrics.webhook(status);
    let parked = reason.as_deref().or(unmapped.first().map(String::as_str));
    match parked {
        Some(reason) => {
            tracing::warn!(webhook.id = %id, webhook.outcome = status, calls, reason, "parked a webhook, or a part of it");
        }
        None => {
            tracing::info!(webhook.id = %id, webhook.outcome = status, calls, "took in a webhook")
        }
    }
    let answer = WebhookResponse { success: true, status: taken, id: id.to_string(), reason };
    Json(answer).into_response()
}

/// Returns the reason of a refusal as the log sums it.
fn reason(refusal: &IngestError) -> &'static str {
    match refusal {
        IngestError::Signature(error) => error.word(),
        IngestError::Report { fault, .. } => fault.word(),
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
