//! Pages that say why there is no other: not found, forbidden, signed out, store silent.

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

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
}

impl Failure {
    /// Makes a failure; `detail` says what is wrong and how to fix it.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

/// Gives a refused request a page, or a problem document if it prefers JSON.
pub async fn form(request: Request, next: Next) -> Response {
    let wants_json = wants_json(request.headers());
    let mut response = next.run(request).await;
    let status = response.status();
    let own = response.extensions_mut().remove::<Failure>();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_unformed = (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|it| it == "text/plain; charset=utf-8");
    let formed = match own {
        Some(Failure { detail, .. }) if wants_json => Problem::new(status, detail).into_response(),
        None if is_unformed && wants_json => Problem::new(status, unread(status)).into_response(),
        None if is_unformed => Failure::new(status, unread(status)).into_response(),
        _ => return response,
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
        tracing::warn!(error = %ErrorChain(&error), "the store can't serve a page");
        let detail = "The store doesn't answer. Try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let page = Page { frame: Frame::signed_out(), title, detail: &self.detail };
        let mut response = html(self.status, &page);
        response.extensions_mut().insert(self);
        response
    }
}
