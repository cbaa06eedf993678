//! Outcomes of answers and transport errors.
//!
//! What belongs here: the one table from status, headers, body and error to [`Outcome`]. A 2xx means that
//! Customer.io accepted the call; it applies it later. What doesn't: the number and time of retries
//! (`delivery`).

mod complaint;

use serde::de::IgnoredAny;
use url::Url;

use super::answer::{Answer, SendError};
use super::text;
use crate::domain::{Outcome, Time, Wait, retry_after};
use complaint::Complaint;

/// The longest reason.
const REASON_BYTES: usize = 500;

/// Returns the outcome of one call, over either API.
///
/// `now` is the time of the answer, for a `Retry-After` with a date.
pub fn single(sent: &Result<Answer, SendError>, now: Time) -> Outcome {
    match read(sent, 1, now) {
        Reading::Each(outcomes) => outcomes.into_iter().next().expect("an outcome for each call"),
        Reading::Stopped(outcome) => outcome,
        Reading::Malformed(complaint) => complaint.into(),
        // One call can't be sent in smaller pieces.
        Reading::Unlisted(reason) => Outcome::Retry { reason, wait: None },
    }
}

/// The meaning of a batch's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchOutcome {
    /// An outcome for each call, in order.
    Each(Vec<Outcome>),
    /// The same outcome for all calls: retry, or halt.
    Stopped(Outcome),
    /// The batch was refused, or its answer is too long: the faulty call is unknown.
    /// The caller sends each call alone; repeating accepted ones changes nothing.
    Malformed {
        /// The problem, for people.
        reason: String,
    },
}

/// Returns the meaning of the answer to a batch of `calls` calls; `now` as for [`single`].
pub fn batch(sent: &Result<Answer, SendError>, calls: usize, now: Time) -> BatchOutcome {
    match read(sent, calls, now) {
        Reading::Each(outcomes) => BatchOutcome::Each(outcomes),
        Reading::Stopped(outcome) => BatchOutcome::Stopped(outcome),
        Reading::Malformed(complaint) => BatchOutcome::Malformed { reason: complaint.message },
        Reading::Unlisted(reason) => BatchOutcome::Malformed { reason },
    }
}

enum Reading {
    Each(Vec<Outcome>),
    Stopped(Outcome),
    Malformed(Complaint),
    /// A 207 that was cut off before its list ended.
    Unlisted(String),
}

fn read(sent: &Result<Answer, SendError>, calls: usize, now: Time) -> Reading {
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            let reason = format!("{error}: {}", error.cause());
            let reason = text::shown(&reason, REASON_BYTES);
            return Reading::Stopped(Outcome::Retry { reason, wait: None });
        }
    };
    match answer.status {
        // Every documented success is `{}`. Another text may be a proxy's, so the calls may not have arrived.
        status @ (200..=206 | 208..=299) if !is_json_or_empty(&answer.body) => {
            let reason = format!(
                "customer.io answered {status} with a body that isn't JSON: check for a proxy that \
                 answers in its place"
            );
            Reading::Stopped(Outcome::Retry { reason, wait: None })
        }
        200..=299 => accepted(answer, calls),
        300..=399 => Reading::Stopped(Outcome::Halt { reason: redirected(answer) }),
        status @ (401 | 403) => Reading::Stopped(Outcome::Halt {
            reason: format!(
                "customer.io answered {status}: check that site id and api key are those of the \
                 Track API, and that the region is the account's"
            ),
        }),
        408 | 409 | 423 | 429 => Reading::Stopped(retry(answer, now)),
        400..=499 => Reading::Malformed(refused(answer)),
        _ => Reading::Stopped(retry(answer, now)),
    }
}

fn is_json_or_empty(body: &[u8]) -> bool {
    body.trim_ascii().is_empty() || serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// Reads a 2xx: all calls are accepted except those that the body complains about.
fn accepted(answer: &Answer, calls: usize) -> Reading {
    if answer.status == 207 && !answer.complete {
        return Reading::Unlisted("customer.io's list of refused calls is too long".to_owned());
    }
    let complaints = complaint::list(&answer.body).unwrap_or_default();
    let (listed, stray): (Vec<_>, Vec<_>) = complaints
        .into_iter()
        .partition(|complaint| complaint.index.is_some_and(|index| index < calls));
    // Undocumented, but no success: the complaint is about the single call. The calls of a batch are
    // sent alone to find the faulty one.
    if answer.status != 207 && !stray.is_empty() {
        return Reading::Malformed(refused(answer));
    }
    // A 207 says that something was refused. Unless it says what, the others can't count as delivered:
    // sending them again is safe, losing one is not.
    let is_unclear = answer.status == 207 && (listed.is_empty() || !stray.is_empty());
    let other = if is_unclear {
        let reason = "customer.io answered 207 without naming the calls that it refused";
        Outcome::Retry { reason: reason.to_owned(), wait: None }
    } else {
        Outcome::Delivered
    };
    let mut outcomes = vec![other; calls];
    // From the last, so that of several complaints about one call the first is kept.
    for complaint in listed.into_iter().rev() {
        let index = complaint.index.expect("only those with an index are listed");
        outcomes[index] = complaint.into();
    }
    Reading::Each(outcomes)
}

/// Returns the complaint of a 4xx, or of a 2xx that complains.
fn refused(answer: &Answer) -> Complaint {
    let status = answer.status;
    let complaints = complaint::list(&answer.body).unwrap_or_default();
    let field = complaints.iter().find_map(|complaint| complaint.field.clone());
    let messages: Vec<_> = complaints.into_iter().map(|complaint| complaint.message).collect();
    let message = if messages.is_empty() {
        format!("customer.io answered {status}")
    } else {
        format!("customer.io answered {status}: {}", messages.join("; "))
    };
    let message = text::cut_words(&message, REASON_BYTES).to_owned();
    Complaint { index: None, field, message }
}

fn retry(answer: &Answer, now: Time) -> Outcome {
    let time = answer.retry_after.as_deref().and_then(|header| retry_after(header, now));
    let everybody = matches!(answer.status, 429 | 503);
    let wait = time.map(|time| Wait { time, everybody });
    Outcome::Retry { reason: refused(answer).message, wait }
}

fn redirected(answer: &Answer) -> String {
    let status = answer.status;
    let host = answer.location.as_deref().and_then(|location| {
        let host = Url::parse(location).ok()?.host_str()?.to_owned();
        Some(format!(" to {}", text::shown(&host, 100)))
    });
    let host = host.unwrap_or_default();
    format!(
        "customer.io answered {status}, a redirect{host}: check that customerio.region is the \
         account's, or that customerio.base_url is the API itself"
    )
}

#[cfg(test)]
mod tests;
