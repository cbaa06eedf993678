//! The endpoints that GrowSurf and Customer.io post to.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::admin::is_allowed;
use super::body::ReadBody;
use super::client::client_ip;
use super::problem::Problem;
use super::router::Face;
use crate::domain::{Receipt, Status};
use crate::ingest::Refusal;
use crate::telemetry::Causes;

/// GrowSurf's header with time and signature
/// (<https://docs.growsurf.com/developer-tools/webhooks>).
const SIGNATURE: &str = "growsurf-signature";

/// When a sender may try again after the store refused, in seconds.
const STORE_RETRY_AFTER: u64 = 5;

#[derive(Serialize)]
struct Answer {
    success: bool,
    status: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Takes in one webhook of GrowSurf's; answers 2xx only once it is on disk.
pub async fn receive(
    State(face): State<Face>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    take_in(face, peer, request, Sender::Growsurf).await
}

/// Takes in one report of Customer.io's, likewise.
pub async fn report(
    State(face): State<Face>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    take_in(face, peer, request, Sender::Customerio).await
}

/// Takes in what a campaign at Customer.io asks for, likewise.
pub async fn ask(
    State(face): State<Face>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    take_in(face, peer, request, Sender::Campaign).await
}

/// Takes in one event of the user's own backend's, likewise.
pub async fn told(
    State(face): State<Face>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    if !is_allowed(request.headers(), face.api_token.as_deref()) {
        return Problem::unauthorized("Bearer", "the bearer token is missing or wrong")
            .into_response();
    }
    take_in(face, peer, request, Sender::Shop).await
}

/// Who posts.
enum Sender {
    Growsurf,
    Customerio,
    Campaign,
    Shop,
}

async fn take_in(face: Face, peer: SocketAddr, request: Request, sender: Sender) -> Response {
    let (Parts { headers, .. }, body) = request.into_parts();
    let (body, share) = match face.bodies.read(&headers, body).await {
        Ok(ReadBody { bytes, share }) => (bytes, share),
        Err(problem) => {
            face.metrics.webhook(problem.webhook_outcome());
            // What is left of the body isn't read, so the connection can't be used again.
            return ([(header::CONNECTION, "close")], problem).into_response();
        }
    };
    let began = face.clock.now();
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let result = match sender {
        Sender::Growsurf => face.ingest.receive(header(SIGNATURE), body, share).await,
        Sender::Shop => face.ingest.told(body, share).await,
        Sender::Customerio => face.ingest.report(header, body, share).await,
        Sender::Campaign => face.ingest.ask(header, body, share).await,
    };
    face.metrics.accepted_in(face.clock.now().since(began));
    match result {
        Ok(receipt) => answer(&face, receipt),
        Err(refusal) => {
            if matches!(refusal, Refusal::Store(_) | Refusal::Slow(_)) {
                face.health.wrote(false);
            }
            let problem = refuse(&refusal);
            let outcome = problem.webhook_outcome();
            face.metrics.webhook(outcome);
            let client = client_ip(peer, &headers, &face.trusted_proxies);
            tracing::warn!(webhook.outcome = outcome, client.ip = %client, error = %Causes(&refusal), "refused a webhook");
            problem.into_response()
        }
    }
}

fn answer(face: &Face, receipt: Receipt) -> Response {
    let Receipt { id, status, calls, unmapped, notices, kinds: _ } = receipt;
    for notice in notices {
        tracing::warn!(webhook.id = %id, "{notice}");
    }
    if !matches!(status, Status::Duplicate) {
        face.health.wrote(true);
    }
    let (status, reason) = match status {
        Status::Accepted => ("accepted", None),
        Status::Duplicate => ("duplicate", None),
        Status::Parked { reason } => ("parked", Some(reason)),
    };
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
    let answer = Answer { success: true, status, id: id.to_string(), reason };
    (StatusCode::OK, Json(answer)).into_response()
}

fn refuse(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Signature(_) | Refusal::WrongCampaign { .. } => {
            Problem::unauthorized("GrowSurf-Signature", refusal.to_string())
        }
        Refusal::Report { .. } => Problem::unauthorized("X-CIO-Signature", refusal.to_string()),
        Refusal::Invalid(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.to_string()),
        Refusal::Unreadable(_) | Refusal::Template(_) => {
            Problem::new(StatusCode::BAD_REQUEST, refusal.to_string())
        }
        Refusal::Store(_) | Refusal::Slow(_) => {
            Problem::unavailable(refusal.to_string(), STORE_RETRY_AFTER)
        }
    }
}
