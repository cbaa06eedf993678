//! Refusals as problem documents (RFC 9457).

use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::delay::NotBefore;
use super::json;

/// A refusal: a status and, for people, its reason.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    retry_after: Option<u64>,
    challenge: Option<&'static str>,
    not_before: Option<NotBefore>,
}

/// The reason why a request was refused (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document<'a> {
    /// No type but the status is known.
    #[schema(pattern = "^about:blank$")]
    r#type: &'static str,
    /// The status in words.
    #[schema(examples("Unauthorized"))]
    title: &'a str,
    /// The response's status.
    #[schema(minimum = 400, maximum = 599, examples(401))]
    status: u16,
    /// The fault and its fix, for people.
    #[schema(examples("the bearer token is missing or wrong"))]
    detail: &'a str,
}

impl Problem {
    /// Makes a refusal with this status; `detail` holds the fault and its fix.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after: None, challenge: None, not_before: None }
    }

    /// Makes the refusal of a request without proof; `challenge` names the proof (RFC 9110, 11.6.1).
    pub fn unauthorized(challenge: &'static str, detail: impl Into<String>) -> Self {
        Self { challenge: Some(challenge), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// Makes the refusal of a fault of the relay, to be tried again after some seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { retry_after: Some(retry_after_seconds), ..problem }
    }

    /// Returns the same refusal, not sent before this time.
    pub fn not_before(self, time: Instant) -> Self {
        Self { not_before: Some(NotBefore(time)), ..self }
    }

    /// Returns the label in metrics of a webhook that is refused this way.
    pub fn webhook_outcome(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::REQUEST_TIMEOUT => "timeout",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            _ => "invalid",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let body = json::text(&document);
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge {
            let challenge = HeaderValue::from_static(challenge);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(not_before) = self.not_before {
            response.extensions_mut().insert(not_before);
        }
        response
    }
}
