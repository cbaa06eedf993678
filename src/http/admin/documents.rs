//! The documents that `/admin` answers.
//!
//! What belongs here: the fields. What doesn't: when a document is answered.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{Delivery, is_field_name, mask_quotations};
use crate::store::{DeadLetter, PastAttempt};

/// A page of dead letters.
#[derive(Serialize, ToSchema)]
pub struct Letters {
    /// The newest first; the last one's id is the next page's `before`.
    pub dead_letters: Vec<Letter>,
}

/// A call that Customer.io refused for good.
#[derive(Serialize, ToSchema)]
pub struct Letter {
    /// Its kind.
    #[schema(examples("track"))]
    call: &'static str,
    /// The number of tries.
    attempts: u32,
    #[serde(flatten)]
    facts: LetterFacts,
}

/// A dead letter with all that is known of it.
#[derive(Serialize, ToSchema)]
pub struct WholeLetter {
    /// The call itself, which names its kind as `call`.
    #[schema(value_type = Object, additional_properties = true)]
    call: Value,
    /// The tries, the first one first.
    attempts: Vec<Try>,
    #[serde(flatten)]
    facts: LetterFacts,
}

/// The facts of a dead letter in every document.
#[derive(Serialize, ToSchema)]
struct LetterFacts {
    /// Its name.
    #[schema(examples(17))]
    id: i64,
    /// The person, with an address masked.
    #[schema(examples("f***@example.com"))]
    person: String,
    /// The time at which it was planned.
    #[schema(format = DateTime)]
    planned_at: String,
    /// The time at which it was given up.
    #[schema(format = DateTime)]
    died_at: String,
    /// The reason.
    reason: String,
    /// The field at fault, where Customer.io names one.
    field: Option<String>,
    /// The id of the webhook that led to it, if one did.
    #[schema(format = "uuid")]
    webhook: Option<String>,
}

/// One try of a call.
#[derive(Serialize, ToSchema)]
struct Try {
    /// The time at which it began.
    #[schema(format = DateTime)]
    at: String,
    /// Its duration in milliseconds.
    duration_ms: u64,
    /// The status that Customer.io answered, if it did.
    http_status: Option<u16>,
    /// The meaning of the answer.
    #[schema(examples("rejected"))]
    outcome: String,
    /// The fault.
    reason: String,
}

/// The number of dead letters that were put back.
#[derive(Serialize, ToSchema)]
pub struct Redelivered {
    /// One.
    pub redelivered: usize,
}

/// The number of dead letters that were discarded.
#[derive(Serialize, ToSchema)]
pub struct Discarded {
    /// One.
    pub discarded: usize,
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Self {
        let Delivery { call, attempts, .. } = &letter.delivery;
        Self { call: call.kind(), attempts: *attempts, facts: LetterFacts::of(&letter) }
    }
}

impl WholeLetter {
    /// Returns a dead letter with its tries.
    pub fn new(letter: DeadLetter, attempts: Vec<PastAttempt>) -> Self {
        let facts = LetterFacts { reason: letter.reason.clone(), ..LetterFacts::of(&letter) };
        let attempts = attempts.into_iter().map(Try::from).collect();
        Self { call: letter.delivery.call.document(), attempts, facts }
    }
}

impl LetterFacts {
    fn of(letter: &DeadLetter) -> Self {
        let Delivery { id, webhook, planned_at, .. } = &letter.delivery;
        Self {
            id: id.0,
            person: letter.key.masked(),
            planned_at: planned_at.to_string(),
            died_at: letter.died_at.to_string(),
            reason: mask_quotations(&letter.reason),
            field: letter.field.clone().filter(|field| is_field_name(field)),
            webhook: webhook.map(|id| id.to_string()),
        }
    }
}

impl From<PastAttempt> for Try {
    fn from(attempt: PastAttempt) -> Self {
        let PastAttempt { at, took, http_status, outcome, reason } = attempt;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { at: at.to_string(), duration_ms, http_status, outcome, reason }
    }
}
