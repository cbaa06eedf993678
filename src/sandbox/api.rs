//! One request to the API, from its bytes to its end: read, take effect, wait, answer or not.
//!
//! What it means is read by `v1` and `v2`, done by `state`; this carries out the faults.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{self, Body},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use tokio::time;

use super::{
    answer::{Answer, Style},
    auth,
    connections::{BrokenBody, Hangup},
    faults::{Ending, Fault},
    operation::Reading,
    others,
    requests::Logged,
    state::Shared,
    v1, v2,
};

/// Twice the largest request that is documented, so that the documented limits are what answers.
const MAX_BODY_BYTES: usize = 1_000_000;

/// The paths that need no credentials, by the specification.
const OPEN: [&str; 2] = ["/api/v1/metrics", "/api/v1/push/events"];

fn is_unsubscribe(parts: &Parts) -> bool {
    parts.uri.path().starts_with("/unsubscribe/")
}

/// Answers everything that isn't the sandbox's own.
pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (reading, body) = match body::to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => (read(&parts, &body), body),
        Err(_) => {
            let answer = Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
            (Reading::Fixed(answer), Bytes::new())
        }
    };
    let is_authorized = auth::is_authorized(&parts.headers)
        || OPEN.contains(&parts.uri.path())
        || is_unsubscribe(&parts);
    let request = Logged::new(shared.now(), &parts, &body);

    let (seq, fault, answer) = shared.lock().receive(request, reading, is_authorized);
    end(fault, answer, |answer| shared.lock().requests.answered(seq, answer.status)).await
}

fn read(parts: &Parts, body: &[u8]) -> Reading {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    if let Some(delivery) = path.strip_prefix("/unsubscribe/")
        && parts.method == Method::POST
    {
        Reading::one(Style::V1, others::unsubscribe(delivery, body), Vec::new())
    } else if let Some(path) = path.strip_prefix("/api/v1/") {
        v1::read(&parts.method, path, &parts.headers, body)
    } else if let Some(path) = path.strip_prefix("/api/v2/") {
        v2::read(&parts.method, path.split('?').next().unwrap_or_default(), body)
    } else {
        Reading::Fixed(Answer::error(StatusCode::NOT_FOUND, "not found"))
    }
}

/// Ends a request as its fault says, and lets `finish` see an answer before it is sent.
pub(super) async fn end(
    fault: Option<Arc<Fault>>,
    mut answer: Answer,
    finish: impl FnOnce(&mut Answer),
) -> Response {
    if let Some(fault) = fault {
        pause(fault.latency).await;
        match &fault.ending {
            Ending::Answered => answer.headers.extend(fault.headers.clone()),
            Ending::Replaced(other) => answer = other.clone(),
            Ending::Closed(after) => {
                pause(*after).await;
                return hang_up();
            }
            Ending::Lost => return hang_up(),
            Ending::Broken => return break_off(answer),
        }
    }
    finish(&mut answer);
    answer.into_response()
}

async fn pause(duration: Duration) {
    // Even a sleep of nothing costs a millisecond.
    if !duration.is_zero() {
        time::sleep(duration).await;
    }
}

fn hang_up() -> Response {
    let mut response = Response::new(Body::new(BrokenBody::new(Bytes::new())));
    response.extensions_mut().insert(Hangup);
    response
}

/// Promises the whole body and sends its first byte.
fn break_off(answer: Answer) -> Response {
    let promised = HeaderValue::from(answer.body.len());
    let part = answer.body.slice(..answer.body.len().min(1));
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, promised);
    *response.body_mut() = Body::new(BrokenBody::new(part));
    response
}
