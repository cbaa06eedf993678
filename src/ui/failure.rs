//! Pages that say why there is no other: not found, forbidden, signed out, store silent.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::UiState;
use super::layout::{Frame, html, wants_json};
use crate::http::Problem;
use crate::store::StoreError;
use crate::telemetry::ErrorChain;

/// A page that couldn't be shown, and why.
#[derive(Clone, Debug)]
pub struct Failure {
    status: StatusCode,
    detail: String,
}

#[derive(Template)]
#[template(path = "failure.html", config = "src/ui/askama.toml")]
struct Page<'a> {
    frame: Frame,
    title: &'a str,
    detail: &'a str,
    /// True if the store doesn't answer.
    is_silent: bool,
}

impl Failure {
    /// Makes a failure; `detail` says what is wrong and how to fix it.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

/// Gives a refused request a page, or a problem document if it prefers JSON.
/// The page has a menu for who signed in.
pub async fn form(State(state): State<UiState>, request: Request, next: Next) -> Response {
    let wants_json = wants_json(request.headers());
    let session = state.sessions.of(request.headers(), state.app.clock.now());
    let frame = session.map_or_else(Frame::signed_out, |(session, _)| Frame::of(&session, ""));
    let mut response = next.run(request).await;
    let status = response.status();
    let own = response.extensions_mut().remove::<Failure>();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_unformed = (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|it| it == "text/plain; charset=utf-8");
    let formed = match own {
        Some(Failure { detail, .. }) if wants_json => Problem::new(status, detail).into_response(),
        Some(Failure { detail, .. }) => page(status, frame, &detail),
        None if is_unformed && wants_json => Problem::new(status, unread(status)).into_response(),
        None if is_unformed => page(status, frame, unread(status)),
        None => return response,
    };
    let (parts, body) = formed.into_parts();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().extend(parts.headers);
    *response.body_mut() = body;
    response
}

/// Returns what is wrong with a request that no handler read.
fn unread(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "A number or an id in the address can't be read.",
        StatusCode::METHOD_NOT_ALLOWED => "This address doesn't take this method.",
        StatusCode::PAYLOAD_TOO_LARGE => "The form is too large.",
        StatusCode::UNPROCESSABLE_ENTITY => "A field of the form is missing, or is there twice.",
        _ => "The relay can't read this request.",
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if let StoreError::TooSlow { .. } = error {
            tracing::info!(error = %ErrorChain(&error), "a page was too slow");
            let detail = "The store needs too long for this page, so the look-up was stopped: webhooks go \
                          first. Narrow it: search for an exact id or address, or open one cause, webhook or \
                          event. Or try again when the relay has less to do.";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        }
        tracing::warn!(error = %ErrorChain(&error), "the store can't serve a page");
        let detail = "The store doesn't answer, so the relay accepts no webhooks; GrowSurf repeats them. Try again \
                      in a moment, and look at `referral-relay check`.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

/// Returns a page that says why there is no other.
fn page(status: StatusCode, frame: Frame, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let is_silent = status == StatusCode::SERVICE_UNAVAILABLE;
    html(status, &Page { frame, title, detail, is_silent })
}

impl IntoResponse for Failure {
    /// Returns an answer without a body, which [`form`] writes.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
