//! Answers and their bodies, in the three shapes of the Track API's errors.
//!
//! Other modules find the [`Problem`]; its shape depends only on the endpoint and is decided here.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

/// The body of a success: an empty object and a line feed, as recorded from the live API.
const SUCCESS: &[u8] = b"{}\n";
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The reason why an operation is refused. Only v2 shows `field` and `reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub(super) struct Problem {
    pub(super) reason: &'static str,
    pub(super) field: String,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: "invalid", field: field.into(), message: message.into() }
    }

    pub(super) fn required(field: impl Into<String>) -> Self {
        let field = field.into();
        Self { reason: "required", message: format!("{field} is required"), field }
    }

    /// Moves the problem to a field inside `parent`.
    pub(super) fn within(mut self, parent: &str) -> Self {
        self.field = format!("{parent}.{}", self.field);
        self
    }
}

/// The shape of an endpoint's problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `{"meta":{"errors":["..."]}}`
    V1,
    /// `{"meta":{"error":"..."}}`
    Merge,
    /// `{"errors":[{reason,field,message}]}`
    Entity,
    /// As `Entity` for the whole request; 207 and `batch_index` for single operations.
    Batch,
}

/// A status and a JSON body, before it becomes an HTTP response.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn success() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(SUCCESS),
        }
    }

    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, headers: HeaderMap::new(), body: format!("{body}\n").into() }
    }

    /// Returns an error outside any endpoint: no credentials, no such path.
    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        Self::json(status, &json!({"meta": {"error": message}}))
    }

    /// Returns the 400 of the whole request.
    pub(super) fn refused(style: Style, problem: &Problem) -> Self {
        let body = match style {
            Style::V1 => json!({"meta": {"errors": [problem.message]}}),
            Style::Merge => json!({"meta": {"error": problem.message}}),
            Style::Entity | Style::Batch => json!({"errors": [problem]}),
        };
        Self::json(StatusCode::BAD_REQUEST, &body)
    }

    /// Returns 200 without problems; 207 with the places of the problems in a batch; 400 elsewhere.
    pub(super) fn outcome(style: Style, problems: &[(usize, Problem)]) -> Self {
        match (style, problems) {
            (_, []) => Self::success(),
            (Style::Batch, problems) => {
                let errors: Vec<Value> = problems
                    .iter()
                    .map(|(index, problem)| {
                        let mut error = json!(problem);
                        error["batch_index"] = json!(index);
                        error
                    })
                    .collect();
                Self::json(StatusCode::MULTI_STATUS, &json!({"errors": errors}))
            }
            (style, [(_, problem), ..]) => Self::refused(style, problem),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.extend(self.headers);
        response
    }
}
