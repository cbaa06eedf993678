//! One request to the API, from its bytes to its end: counted, let in or refused, answered or not.
//!
//! What it means is read by `api`. A request that a limit refuses or that has no key meets no fault.

use std::sync::Arc;

use axum::body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde_json::json;

use super::api::{self, Call};
use super::limiter::Beyond;
use super::query::Query;
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
    let flight = growsurf.depart();
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, MAX_BODY_BYTES).await;
    let now = growsurf.now();

    let (seq, received, mut headers) = {
        let mut state = growsurf.lock();
        let seq = state.requests.log(parts.method.as_str(), raw_path(&parts));
        let most = state.requests.most_in_flight.max(flight.number);
        state.requests.most_in_flight = most;
        let received = match body {
            Ok(body) => receive(&mut state, &parts, &body, flight.number, now),
            Err(_) => (None, Some(Refusal::bad("The body is too large.").answer(&[]))),
        };
        let mut headers = state.limiter.headers(now);
        headers.extend(state.signals.headers(raw_path(&parts)));
        (seq, received, headers)
    };

    let (fault, answer) = received;
    let answer = answer.unwrap_or_else(Answer::success);
    let ended = match &fault {
        Some(fault) => carry_out(fault, answer).await,
        None => Ended::Answered(answer),
    };
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
) -> (Option<Arc<Fault>>, Option<Answer>) {
    if in_flight > MAX_IN_FLIGHT {
        state.requests.refused += 1;
        let beyond = Beyond { policy: "Connection", retry_after: 1 };
        return (None, Some(refused(&beyond, "You have too many concurrent requests.", now)));
    }
    let key = match state.keys.of(&parts.headers) {
        Ok(key) => key,
        Err(refusal) => return (None, Some(refusal.answer(&[]))),
    };
    if let Err(beyond) = state.limiter.take(now) {
        state.requests.refused += 1;
        let policy = beyond.policy.to_ascii_lowercase();
        let message = format!("You have reached your {policy} limit.");
        return (None, Some(refused(&beyond, &message, now)));
    }

    let path = parts.uri.path();
    let call = Call {
        method: &parts.method,
        path: Call::segments(path.strip_prefix(BASE).unwrap_or_default()),
        query: Query::read(parts.uri.query().unwrap_or_default()),
        body,
        now,
    };
    state.world.advance(now);
    let fault = state.faults.decide(&Subject {
        method: parts.method.as_str(),
        path: raw_path(parts),
        is_about: &|identifier| call.path.iter().any(|segment| segment == identifier),
    });
    let has_effect = fault.as_ref().is_none_or(|fault| fault.has_effect());
    let answer = has_effect.then(|| match api::answer(&mut state.world, &key, &call) {
        Ok(body) => Answer::json(http::StatusCode::OK, &body),
        Err(refusal) => refusal.answer(&[]),
    });
    (fault, answer)
}

fn refused(beyond: &Beyond, message: &str, now: i64) -> Answer {
    let timestamp = jiff::Timestamp::from_millisecond(now).map(|time| time.to_string());
    let mut answer = Refusal::limited(message).answer(&[
        ("policyName", json!(beyond.policy.to_ascii_uppercase())),
        ("level", json!("error")),
        ("timestamp", json!(timestamp.ok())),
    ]);
    answer.headers = beyond.headers();
    answer
}

fn raw_path(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("", |path| path.as_str())
}
