//! The endpoints that GrowSurf and Customer.io post to.

use std::fmt::Display;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{BodyLimits, ReadBody};
use super::json::Json;
use super::openapi::{GrowsurfWebhook, refusals, tags};
use super::post::{Post, PostHead, Receiver};
use super::problem::Problem;
use super::router::AppState;
use crate::domain::{Receipt, Source, Status};
use crate::ingest::IngestError;
use crate::sources::customerio_action::CustomerioAction;
use crate::sources::customerio_report::CustomerioReport;
use crate::sources::server::ServerEvent;
use crate::telemetry::ErrorChain;

/// The seconds after which a sender may try again when the store refused.
const STORE_RETRY_AFTER: u64 = 5;

/// The receipt of a body that is on disk.
#[derive(Serialize, ToSchema)]
struct WebhookResponse {
    /// Always true.
    success: bool,
    status: ReceiptStatus,
    /// The id that the relay keeps it under; that of the first one for a duplicate.
    #[schema(format = "uuid", examples("0198c1f2-7c00-7d42-8a52-6f1d3c5b7a90"))]
    id: String,
    /// The reason to park it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, examples("event is missing"))]
    reason: Option<String>,
}

/// The status of a body that was accepted.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReceiptStatus {
    /// Its calls will be delivered.
    Accepted,
    /// The same body was accepted before and leads to nothing new.
    Duplicate,
    /// It is kept and leads to nothing until its cause is fixed and it is replayed.
    Parked,
}

impl ReceiptStatus {
    /// Returns the label in metrics and logs.
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Parked => "parked",
        }
    }
}

/// Declares the handlers of webhooks, each with its path, its document and its source.
macro_rules! webhooks {
    ($(
        $(#[$doc:meta])*
        $name:ident: $source:ident, $path:literal, $operation:literal, $tag:ident, $body:ident,
        proven by [$($proof:literal),+], refused as [$($refusals:ident),+];
    )*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            operation_id = $operation,
            tag = tags::$tag,
            request_body(content = $body, content_type = "application/json"),
            responses(
                (status = 200, description = "It is on disk.", body = WebhookResponse),
                $(refusals::$refusals),+
            ),
            security(($($proof = []),+)),
        )]
        pub async fn $name(post: Post) -> Response {
            post.receive(Source::$source).await
        }
    )*};
}

webhooks! {
    /// Accepts one webhook of GrowSurf's.
    ///
    /// Answers 200 only once it is on disk. Anything with a true signature is accepted; what can't be
    /// read is parked. Where the relay checks no signatures, it accepts JSON objects only.
    growsurf_webhook: Growsurf, "/webhooks/growsurf", "receive_growsurf_webhook", WEBHOOKS, GrowsurfWebhook,
        proven by ["growsurf_signature"], refused as [NotRead, NotProven];

    /// Accepts one webhook of GrowSurf's, at the path of its published guide.
    ///
    /// The same as `/webhooks/growsurf`.
    growsurf_webhook_at_guide_path: Growsurf, "/api/growsurf-to-cio", "receive_growsurf_webhook_at_guide_path",
        WEBHOOKS, GrowsurfWebhook,
        proven by ["growsurf_signature"], refused as [NotRead, NotProven];

    /// Accepts one report of Customer.io's.
    ///
    /// Answers 200 only once it is on disk. The path exists only with `customerio.reporting_keys`.
    /// Anything with a true signature is accepted.
    customerio_report: CustomerioReport, "/webhooks/customerio/reporting", "receive_customerio_report",
        WEBHOOKS, CustomerioReport,
        proven by ["customerio_timestamp", "customerio_signature"], refused as [NotRead, NotProven];

    /// Accepts one webhook action of a campaign at Customer.io.
    ///
    /// Answers 200 only once it is on disk. The path exists only with `customerio.action_keys`. Fields
    /// that are unknown, empty or not rendered are refused, so that the template's author sees it.
    customerio_action: CustomerioAction, "/webhooks/customerio/action", "receive_customerio_action",
        WEBHOOKS, CustomerioAction,
        proven by ["customerio_timestamp", "customerio_signature"], refused as [NotRead, NotProven, NotValid];

    /// Accepts one event of your own backend.
    ///
    /// Answers 200 only once it is on disk. The path exists only with `api.token`.
    server_event: Server, "/v1/events", "receive_server_event", EVENTS, ServerEvent,
        proven by ["api_token"], refused as [NotRead, NotProven, NotValid];
}

impl Receiver for Source {
    fn limits<'s>(&self, state: &'s AppState) -> &'s BodyLimits {
        &state.bodies
    }

    fn refuse(&self, head: &PostHead) -> Option<Response> {
        let PostHead { state, client, headers } = head;
        if *self == Self::Server {
            let Some(tokens) = &state.api_tokens else {
                let problem = Problem::new(StatusCode::NOT_FOUND, "api.token is not set");
                return Some(problem.into_response());
            };
            let admitted = tokens.admit(headers, *client, &state.metrics, &state.refusals);
            return admitted.err().map(IntoResponse::into_response);
        }
        let checked = state.ingest.check_headers(*self, |name| header(headers, name));
        checked.err().map(|error| refused(head, &error))
    }

    fn unreadable(&self, head: &PostHead, problem: Problem) -> Response {
        record_refusal(head, &problem, problem.webhook_outcome(), &problem);
        problem.into_response()
    }

    async fn accept(self, head: PostHead, ReadBody { bytes, permit }: ReadBody) -> Response {
        let PostHead { state, headers, .. } = &head;
        let began = state.clock.now();
        let receiving = state.ingest.receive(self, |name| header(headers, name), bytes, permit);
        let result = receiving.await;
        state.metrics.accepted_in(state.clock.now().since(began));
        match result {
            Ok(receipt) => accepted(state, receipt),
            Err(error) => {
                state.health.record_refusal(&error);
                refused(&head, &error)
            }
        }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Records the refusal of a webhook, and returns its answer.
fn refused(head: &PostHead, error: &IngestError) -> Response {
    let problem = problem(error);
    record_refusal(head, &problem, reason(error), &ErrorChain(error));
    problem.into_response()
}

/// Counts a refusal, and logs it unless there are too many of its reason.
fn record_refusal(
    PostHead { state, client, .. }: &PostHead,
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

fn accepted(state: &AppState, receipt: Receipt) -> Response {
    let Receipt { id, status, calls, unmapped, notices, kinds: _ } = receipt;
    for notice in notices {
        tracing::warn!(webhook.id = %id, "{notice}");
    }
    if !matches!(status, Status::Duplicate) {
        state.health.record_write();
    }
    let (outcome, reason) = match status {
        Status::Accepted => (ReceiptStatus::Accepted, None),
        Status::Duplicate => (ReceiptStatus::Duplicate, None),
        Status::Parked { reason } => (ReceiptStatus::Parked, Some(reason)),
        Status::Dropped(_) => unreachable!("only posts of pages are dropped"),
    };
    let status = outcome.as_str();
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
    let answer = WebhookResponse { success: true, status: outcome, id: id.to_string(), reason };
    Json(answer).into_response()
}

/// Returns the reason of a refusal as the log sums it.
fn reason(error: &IngestError) -> &'static str {
    match error {
        IngestError::Signature(fault) => fault.label(),
        IngestError::Report { fault, .. } => fault.label(),
        IngestError::WrongCampaign { .. } => "campaign",
        IngestError::Unreadable(_) | IngestError::Template(_) => "unreadable",
        IngestError::Invalid(_) => "invalid",
        IngestError::Store(_) | IngestError::Slow(_) => "store",
    }
}

fn problem(error: &IngestError) -> Problem {
    match error {
        IngestError::Signature(_) | IngestError::WrongCampaign { .. } => {
            Problem::unauthorized("GrowSurf-Signature", error.to_string())
        }
        IngestError::Report { .. } => Problem::unauthorized("X-CIO-Signature", error.to_string()),
        IngestError::Invalid(_) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
        }
        IngestError::Unreadable(_) | IngestError::Template(_) => {
            Problem::new(StatusCode::BAD_REQUEST, error.to_string())
        }
        IngestError::Store(_) | IngestError::Slow(_) => {
            Problem::unavailable(error.to_string(), STORE_RETRY_AFTER)
        }
    }
}
