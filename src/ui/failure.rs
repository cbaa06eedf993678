//! Pages that say why there is no other: not found, forbidden, signed out, store silent.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::layout::{Frame, html};
use crate::store::StoreError;
use crate::telemetry::ErrorChain;

/// A page that couldn't be shown, and why.
#[derive(Debug)]
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
        html(self.status, &Page { frame: Frame::signed_out(), title, detail: &self.detail })
    }
}
