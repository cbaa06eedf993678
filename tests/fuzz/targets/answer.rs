//! Customer.io's answers: each means something, to each call of the batch, and repeats nobody's
//! address.

use std::time::Duration;

use bytes::Bytes;
use referral_relay::customerio::answer::Answer;
use referral_relay::customerio::response::{BatchOutcome, batch, single};
use referral_relay::domain::{Outcome, Time};

const NOW: Time = Time::from_seconds(1_767_225_600);

/// The longest text of an outcome.
const REASON_BYTES: usize = 500;

/// Lines of a status, `retry-after`, `location`, `calls` (of the batch) and `cut` (the body is
/// only a beginning); after an empty line the body.
pub fn answer(data: &[u8]) {
    let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let Ok(head) = std::str::from_utf8(&data[..end]) else { return };
    let mut lines = head.lines();
    let Some(status) = lines.next().and_then(|line| line.parse().ok()) else { return };
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name| headers.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
    // Other values never get this far: the client gives none for them.
    let visible = |value: &&str| value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let text = |name| header(name).filter(visible).map(str::to_owned);
    let calls = header("calls").and_then(|calls| calls.parse().ok()).unwrap_or(2_usize).min(500);
    let answer = Answer {
        status,
        retry_after: text("retry-after"),
        location: text("location"),
        body: Bytes::copy_from_slice(data.get(end + 2..).unwrap_or_default()),
        complete: header("cut").is_none(),
    };
    judge(&answer, calls.max(1));
}

fn judge(answer: &Answer, calls: usize) {
    let sent = Ok(answer.clone());
    let alone = single(&sent, NOW);
    fits(&alone, answer);
    match batch(&sent, calls, NOW) {
        BatchOutcome::Each(outcomes) => {
            assert!(matches!(answer.status, 200..=299));
            assert_eq!(outcomes.len(), calls);
            outcomes.iter().for_each(|outcome| fits(outcome, answer));
            let delivered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered);
            let all = outcomes.iter().all(delivered);
            assert!(answer.status != 207 || !all, "a 207 refuses something");
            let says_nothing = !answer.body.windows(8).any(|word| word == b"\"errors\"");
            let is_escaped = answer.body.contains(&b'\\') || answer.body.windows(7).any(is_error);
            assert!(answer.status == 207 || all || !says_nothing || is_escaped);
        }
        BatchOutcome::Stopped(outcome) => {
            fits(&outcome, answer);
            assert_eq!(outcome, alone, "it means the same to one call and to many");
            assert!(matches!(outcome, Outcome::Retry { .. } | Outcome::Halt { .. }));
        }
        BatchOutcome::Malformed { reason } => {
            is_fit_to_be_shown(&reason);
            let unlisted = answer.status == 207 && !answer.complete;
            let complains = matches!(answer.status, 200..=206 | 208..=299 | 400..=499);
            assert!(unlisted || complains);
        }
    }
}

fn is_error(word: &[u8]) -> bool {
    word == b"\"error\""
}

/// Asserts that the status can have this outcome.
fn fits(outcome: &Outcome, answer: &Answer) {
    outcome.reason().inspect(|reason| is_fit_to_be_shown(reason));
    let is_one_that_fits = match answer.status {
        200..=299 => !matches!(outcome, Outcome::Halt { .. }),
        300..=399 | 401 | 403 => matches!(outcome, Outcome::Halt { .. }),
        408 | 409 | 423 | 429 => matches!(outcome, Outcome::Retry { .. }),
        400..=499 => matches!(outcome, Outcome::Rejected { .. }),
        _ => matches!(outcome, Outcome::Retry { .. }),
    };
    assert!(is_one_that_fits, "{} is {outcome:?}", answer.status);
    match outcome {
        Outcome::Rejected { field: Some(field), .. } => is_fit_to_be_shown(field),
        Outcome::Retry { wait: Some(wait), .. } => {
            assert_eq!(wait.everybody, matches!(answer.status, 429 | 503));
            let reported = answer.retry_after.as_deref().unwrap_or_default();
            if let Ok(seconds) = reported.trim().parse() {
                assert_eq!(wait.time, Duration::from_secs(seconds), "it is honoured in full");
            }
        }
        Outcome::Retry { wait: None, .. } if answer.status == 429 => {
            let reported = answer.retry_after.as_deref().unwrap_or_default().trim();
            assert!(
                reported.is_empty() || !reported.bytes().all(|byte| byte.is_ascii_digit()),
                "{reported}"
            );
        }
        _ => {}
    }
}

/// Logs and dead letters show it: it is short, one line, and names nobody in full.
fn is_fit_to_be_shown(text: &str) {
    assert!(!text.is_empty() && text.len() <= REASON_BYTES, "{text:?}");
    assert!(!text.contains(char::is_control), "{text:?}");
    for (at, _) in text.match_indices('@') {
        assert!(text[..at].ends_with("***"), "{text:?} shows an address");
    }
}
