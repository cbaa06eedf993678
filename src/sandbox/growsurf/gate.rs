//! One request to the API, from its bytes to its end: counted, let in or refused, answered or not.
//!
//! A request that a limit refuses or that has no key meets no fault.

use std::sync::Arc;

use axum::body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use percent_encoding::percent_decode_str;

use super::page::Query;
use super::refusal::Refusal;
use super::{Growsurf, api};
use crate::sandbox::answer::Answer;
use crate::sandbox::api::end;
use crate::sandbox::faults::{Fault, Subject};
use crate::sandbox::requests::Logged;
use crate::sandbox::state::Shared;

/// Below this is the API.
const BASE: &str = "/growsurf/v2/";
const MAX_IN_FLIGHT: usize = 3;
const MAX_BODY_BYTES: usize = 1_000_000;

/// Answers a request to the API.
pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    // It lives until the answer is ready.
    let flight = shared.lock().growsurf(shared.now()).flights.clone();
    let in_flight = Arc::strong_count(&flight) - 1;
    let (parts, body) = request.into_parts();
    let Ok(body) = body::to_bytes(body, MAX_BODY_BYTES).await else {
        return Refusal::of(413, "The body is too large.").0.into_response();
    };
    let now = shared.now();

    let (seq, fault, answer, mut headers) = {
        let mut state = shared.lock();
        let growsurf = state.growsurf(now);
        growsurf.most_in_flight = growsurf.most_in_flight.max(in_flight);
        let received = receive(growsurf, &parts, &body, in_flight, now);
        let (fault, answer) = received.unwrap_or_else(|Refusal(answer)| {
            growsurf.refused += u64::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
            (None, *answer)
        });
        let mut request = Logged::new(now, &parts, &body);
        request.faulted = fault.is_some();
        request.applied = fault.as_ref().is_none_or(|it| it.has_effect()) && answer.status == 200;
        (growsurf.requests.log(request), fault, answer, growsurf.limiter.headers(now))
    };

    end(fault, answer, |answer| {
        headers.extend(std::mem::take(&mut answer.headers));
        answer.headers = headers;
        shared.lock().growsurf(now).requests.answered(seq, answer.status);
    })
    .await
}

/// Lets a request in or not, and lets it take effect if its fault does.
fn receive(
    growsurf: &mut Growsurf,
    parts: &Parts,
    body: &[u8],
    in_flight: usize,
    now: i64,
) -> Result<(Option<Arc<Fault>>, Answer), Refusal> {
    if in_flight > MAX_IN_FLIGHT {
        return Err(Refusal::limited("connection", 1));
    }
    let sent = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = sent.and_then(|value| value.strip_prefix("Bearer "));
    let scopes = key.and_then(|key| growsurf.keys.get(key)).cloned().ok_or_else(api::forbidden)?;
    growsurf.limiter.take(now)?;

    let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
    let decoded = path.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy());
    let decoded: Vec<_> = decoded.collect();
    let fault = growsurf.faults.decide(&Subject {
        method: parts.method.as_str(),
        path: parts.uri.path_and_query().map_or("", |path| path.as_str()),
        is_about: &|identifier| decoded.iter().any(|segment| segment == identifier),
    });
    if fault.as_ref().is_some_and(|fault| !fault.has_effect()) {
        return Ok((fault, Answer::success()));
    }
    growsurf.advance(now);
    let path: Vec<&str> = decoded.iter().map(AsRef::as_ref).collect();
    let query = Query::read(parts.uri.query().unwrap_or_default());
    let asked = (parts.method.as_str(), path.as_slice(), query);
    let answer = match api::answer(growsurf, &scopes, asked, body, now) {
        Ok(body) => Answer::json(StatusCode::OK, &body),
        Err(Refusal(answer)) => *answer,
    };
    Ok((fault, answer))
}
