//! One request to the API, from its bytes to its end: read, take effect, wait, answer or not.
//!
//! What it means is read by `v1` and `v2`, done by `state`; this carries out the faults.

use std::time::Duration;

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
    state::{self, Received, Shared},
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
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let request = state::Request {
        received_at: shared.now(),
        path: path.into(),
        // A copy, because the original shares its memory with the connection's buffer.
        body: body.as_ref().into(),
        method: parts.method,
        status: None,
        applied: false,
        faulted: false,
    };

    let received = shared.lock().receive(request, reading, is_authorized);
    end(&shared, received).await
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

async fn end(shared: &Shared, received: Received) -> Response {
    let Received { seq, fault, answer } = received;
    let answer = answer.unwrap_or_else(Answer::success);
    let Some(fault) = fault else {
        return answer.into_response();
    };

    match carry_out(&fault, answer).await {
        Ended::Answered(answer) => {
            shared.lock().answered(seq, answer.status);
            answer.into_response()
        }
        Ended::Silent(response) => response,
    }
}

/// How a faulted request has ended.
pub(super) enum Ended {
    /// With this answer, whose status is to be logged.
    Answered(Answer),
    /// Without a whole answer; this is what makes the connection end so.
    Silent(Response),
}

/// Does what a fault says with the true answer of a request.
pub(super) async fn carry_out(fault: &Fault, answer: Answer) -> Ended {
    pause(fault.latency).await;
    match &fault.ending {
        Ending::Answered => Ended::Answered(answer),
        Ending::Replaced(answer) => Ended::Answered(answer.clone()),
        Ending::Closed(after) => {
            pause(*after).await;
            Ended::Silent(hang_up())
        }
        Ending::Lost => Ended::Silent(hang_up()),
        Ending::Broken => Ended::Silent(break_off(answer)),
    }
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
