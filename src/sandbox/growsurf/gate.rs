//! One request to the API, from its bytes to its end: counted, let in or refused, answered or not.
//!
//! A request that a limit refuses or that has no key meets no fault.

use std::sync::Arc;

use axum::body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::json;

use super::api;
use super::page::Query;
use super::refusal::Refusal;
use super::state::{self, Growsurf};
use crate::sandbox::answer::Answer;
use crate::sandbox::api::{Ended, carry_out};
use crate::sandbox::faults::{Fault, Subject};

/// Below this is the API.
const BASE: &str = "/growsurf/v2/";
const MAX_IN_FLIGHT: usize = 3;
const MAX_BODY_BYTES: usize = 1_000_000;

/// Answers a request to the API.
pub(super) async fn answer(State(growsurf): State<Growsurf>, request: Request) -> Response {
    let flight = growsurf.lock().flights.clone();
    let in_flight = Arc::strong_count(&flight) - 1;
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, MAX_BODY_BYTES).await;
    let now = growsurf.now();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());

    let (seq, (fault, answer), mut headers) = {
        let mut state = growsurf.lock();
        let seq = state.requests.log(parts.method.as_str(), path);
        state.requests.most_in_flight = state.requests.most_in_flight.max(in_flight);
        let received = match body {
            Ok(body) => receive(&mut state, &parts, &body, in_flight, now),
            Err(_) => (None, Refusal::from("The body is too large.").answer(&[])),
        };
        let mut headers = state.limiter.headers(now);
        headers.extend(state.signals.headers(path).unwrap_or_default());
        (seq, received, headers)
    };

    let ended = match &fault {
        Some(fault) => carry_out(fault, answer).await,
        None => Ended::Answered(answer),
    };
    // Until here the request is in flight.
    drop(flight);
    match ended {
        Ended::Answered(mut answer) => {
            headers.extend(answer.headers);
            answer.headers = headers;
            growsurf.lock().requests.answered(seq, answer.status.as_u16());
            answer.into_response()
        }
        Ended::Silent(response) => response,
    }
}

/// Lets a request in or not, and lets it take effect if its fault does.
fn receive(
    state: &mut state::State,
    parts: &Parts,
    body: &[u8],
    in_flight: usize,
    now: i64,
) -> (Option<Arc<Fault>>, Answer) {
    if in_flight > MAX_IN_FLIGHT {
        state.requests.refused += 1;
        return (None, limited("connection", 1, "You have too many concurrent requests.", now));
    }
    let key = match state.keys.of(&parts.headers) {
        Ok(key) => key,
        Err(refusal) => return (None, refusal.answer(&[])),
    };
    if let Err((policy, seconds)) = state.limiter.take(now) {
        state.requests.refused += 1;
        let message = format!("You have reached your {policy} limit.");
        return (None, limited(policy, seconds, &message, now));
    }

    state.world.advance(now);
    let path = api::segments(parts.uri.path().strip_prefix(BASE).unwrap_or_default());
    let fault = state.faults.decide(&Subject {
        method: parts.method.as_str(),
        path: parts.uri.path_and_query().map_or("", |path| path.as_str()),
        is_about: &|identifier| path.iter().any(|segment| segment == identifier),
    });
    if fault.as_ref().is_some_and(|fault| !fault.has_effect()) {
        return (fault, Answer::success());
    }
    let query = Query::read(parts.uri.query().unwrap_or_default());
    let asked = (&parts.method, path.as_slice(), query);
    let answer = match api::answer(&mut state.world, &key, asked, body, now) {
        Ok(body) => Answer::json(StatusCode::OK, &body),
        Err(refusal) => refusal.answer(&[]),
    };
    (fault, answer)
}

fn limited(policy: &str, seconds: i64, message: &str, now: i64) -> Answer {
    let timestamp = jiff::Timestamp::from_millisecond(now).map(|time| time.to_string());
    let mut answer = Refusal::limited(message.to_owned()).answer(&[
        ("policyName", json!(policy.to_ascii_uppercase())),
        ("level", json!("error")),
        ("timestamp", json!(timestamp.ok())),
    ]);
    answer.headers.insert(header::RETRY_AFTER, seconds.into());
    answer
}
