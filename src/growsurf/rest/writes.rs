//! Calls to GrowSurf: their requests, and the outcomes of answers.
//!
//! An update has absolute values, and an addition finds an existing participant, so both may be repeated. A
//! credit is read before each trigger: GrowSurf has no key for repeated requests, and an answer may be lost.
//! So is a participant before a marked `unsubscribed`, because only GrowSurf knows who set it.

use http::Method;
use serde_json::{Map, Value, json};

use super::answer::{Named, masked};
use super::client::{Client, Request};
use super::error::{Refusal, RestError};
use super::types::{TriggerAnswer, object};
use crate::domain::{
    Call, InvalidSegment, Outcome, ParticipantKey, ParticipantUpdate, PathSegment, Scalar, Time,
    UNSUBSCRIBE_MARKER, Wait, quote,
};
use crate::sources::growsurf::Participant;

/// The result of a call that was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteResult {
    /// The HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    pub outcome: Outcome,
}

/// The `POST` request of a call.
pub struct Write<'a> {
    path: Vec<&'a str>,
    pub body: Value,
    /// The condition of the request, in words.
    pub condition: Option<&'static str>,
}

impl<'a> Write<'a> {
    /// Returns the request of a call; `None` for a call to Customer.io.
    pub fn of(key: &'a ParticipantKey, call: &Call) -> Option<Self> {
        let ParticipantKey { campaign, participant } = key;
        let mut path = vec!["campaign", campaign, "participant", participant];
        let mut condition = None;
        let body = match call {
            Call::UpdateParticipant { update, .. } => {
                condition = update.mark.zip(update.unsubscribed).map(|(_, unsubscribed)| {
                    if unsubscribed {
                        "unsubscribed is sent only while GrowSurf doesn't say so already"
                    } else {
                        "sent only while GrowSurf has the mark by which the relay unsubscribed them"
                    }
                });
                changes(update)
            }
            Call::AddParticipant { first_name, last_name, referred_by, metadata, .. } => {
                // They have no id yet.
                path.pop();
                let mut body = Map::new();
                body.insert("email".to_owned(), json!(participant));
                let texts = [
                    ("firstName", first_name),
                    ("lastName", last_name),
                    ("referredBy", referred_by),
                ];
                let texts = texts.into_iter().filter_map(|(name, it)| Some((name, it.as_ref()?)));
                body.extend(texts.map(|(name, text)| (name.to_owned(), json!(text))));
                if !metadata.is_empty() {
                    body.insert("metadata".to_owned(), json!(metadata));
                }
                Value::Object(body)
            }
            Call::TriggerReferral { delay_in_days, .. } => {
                path.push("ref");
                condition = Some("sent only while GrowSurf says that the credit is pending");
                delay_in_days.map_or(json!({}), |days| json!({ "delayInDays": days }))
            }
            Call::Identify { .. }
            | Call::Track { .. }
            | Call::Merge { .. }
            | Call::Unsubscribe { .. }
            | Call::Join { .. } => return None,
        };
        Some(Self { path, body, condition })
    }

    /// Returns the path below the API's.
    ///
    /// # Errors
    /// [`InvalidSegment`].
    pub fn path(&self) -> Result<String, InvalidSegment> {
        PathSegment::join(&self.path)
    }
}

/// The credit for a participant's referral, by GrowSurf's status.
enum Credit {
    Pending,
    Awarded,
    Other(String),
}

impl Client {
    /// Performs a call; `None` if it wasn't tried. No request begins after `until`, or without a place in the
    /// budget.
    pub async fn perform(
        &self,
        key: &ParticipantKey,
        call: &Call,
        until: Time,
    ) -> Option<WriteResult> {
        let done = match (Write::of(key, call), call) {
            (Some(write), Call::TriggerReferral { .. }) => self.trigger(key, write, until).await,
            (Some(write), Call::UpdateParticipant { update, .. }) => {
                self.update(key, write, update, until).await
            }
            (Some(write), _) => self.post(write, until).await.map(delivered),
            (None, _) => {
                let reason = format!("{} is no call of GrowSurf's", call.kind());
                Ok(Outcome::Rejected { reason, field: None })
            }
        };
        match done {
            Ok(outcome) => Some(WriteResult { http_status: Some(200), outcome }),
            Err(error) => outcome(&error),
        }
    }

    /// Reads the credit, then triggers: the same trigger may have been sent by a process that died.
    async fn trigger(
        &self,
        ParticipantKey { campaign, participant: who }: &ParticipantKey,
        write: Write<'_>,
        until: Time,
    ) -> Result<Outcome, RestError> {
        match self.credit(campaign, who, until).await? {
            Credit::Pending => {}
            Credit::Awarded => return Ok(Outcome::Delivered),
            Credit::Other(status) => return Ok(no_credit(&status)),
        }
        let answer = self.post(write, until).await?;
        let TriggerAnswer { success, message } = TriggerAnswer::of(&answer)?;
        if success {
            return Ok(Outcome::Delivered);
        }
        // The answer is the same if the credit was awarded meanwhile.
        match self.credit(campaign, who, until).await? {
            Credit::Awarded => Ok(Outcome::Delivered),
            Credit::Pending | Credit::Other(_) => {
                let reason = format!("GrowSurf awarded nothing: {}", quote(&message));
                Ok(Outcome::Rejected { reason, field: None })
            }
        }
    }

    /// Reads a marked participant, then updates: the relay sets and takes back only its own mark.
    async fn update(
        &self,
        ParticipantKey { campaign, participant: who }: &ParticipantKey,
        mut write: Write<'_>,
        update: &ParticipantUpdate,
        until: Time,
    ) -> Result<Outcome, RestError> {
        if let (Some(mark), Some(unsubscribed)) = (update.mark, update.unsubscribed) {
            let row = self.row(campaign, who, until).await?;
            let row: Participant<'_> = object(&row, "participant")?;
            let is_due = if unsubscribed {
                row.unsubscribed != Some(true)
            } else {
                row.metadata.get(UNSUBSCRIBE_MARKER) == Some(&Scalar::Text(mark.to_string()))
            };
            if !is_due {
                let rest = ParticipantUpdate { mark: None, unsubscribed: None, ..update.clone() };
                if rest == ParticipantUpdate::default() {
                    return Ok(Outcome::Delivered);
                }
                write.body = changes(&rest);
            }
        }
        self.post(write, until).await.map(delivered)
    }

    async fn row(&self, campaign: &str, who: &str, until: Time) -> Result<Value, RestError> {
        let path = ["campaign", campaign, "participant", who];
        let request = Request::get(&path).of(Named::Participant);
        self.once_before(&request, Some(until)).await
    }

    async fn credit(&self, campaign: &str, who: &str, until: Time) -> Result<Credit, RestError> {
        let row = self.row(campaign, who, until).await?;
        let row: Participant<'_> = object(&row, "participant")?;
        Ok(match row.referral_status.unwrap_or_default() {
            "CREDIT_PENDING" => Credit::Pending,
            "CREDIT_AWARDED" => Credit::Awarded,
            other => Credit::Other(masked(other)),
        })
    }

    async fn post(&self, write: Write<'_>, until: Time) -> Result<Value, RestError> {
        let Write { path, body, .. } = write;
        // GrowSurf answers 400 for any fault, so its own message says more than a guess.
        self.once_before(&Request::write(Method::POST, &path, body), Some(until)).await
    }
}

fn delivered(_answer: Value) -> Outcome {
    Outcome::Delivered
}

fn no_credit(status: &str) -> Outcome {
    let reason = if status.is_empty() {
        "nobody referred this participant, so there is no credit to award".to_owned()
    } else {
        let status: String = status.chars().take(40).collect();
        let status = quote(&status);
        format!("the credit for this participant is {status}, and only a pending one is awarded")
    };
    Outcome::Rejected { reason, field: Some("referralStatus".to_owned()) }
}

/// Returns an update by GrowSurf's names (<https://docs.growsurf.com/developer-tools/rest-api>).
fn changes(update: &ParticipantUpdate) -> Value {
    let ParticipantUpdate { metadata, unsubscribed, mark, first_name, last_name } = update;
    let mut body = Map::new();
    let values = metadata.iter().map(|(key, value)| (key.clone(), json!(value)));
    let mark = mark.zip(*unsubscribed).map(|(mark, unsubscribed)| {
        (UNSUBSCRIBE_MARKER.to_owned(), if unsubscribed { json!(mark) } else { Value::Null })
    });
    let values: Map<String, Value> = values.chain(mark).collect();
    if !values.is_empty() {
        body.insert("metadata".to_owned(), Value::Object(values));
    }
    if let Some(unsubscribed) = unsubscribed {
        body.insert("unsubscribed".to_owned(), json!(unsubscribed));
    }
    for (name, text) in [("firstName", first_name), ("lastName", last_name)] {
        body.extend(text.iter().map(|text| (name.to_owned(), json!(text))));
    }
    Value::Object(body)
}

/// Returns the meaning of a failure; `None` if nothing was sent.
fn outcome(error: &RestError) -> Option<WriteResult> {
    let (http_status, outcome) = match error {
        RestError::Late | RestError::Budget(_) | RestError::Setup(_) => return None,
        RestError::Forbidden(Refusal { status, .. }) => {
            (Some(*status), Outcome::Halt { reason: error.to_string() })
        }
        // Another server answers in place of GrowSurf's API.
        RestError::Refused(Refusal { status, .. }) if *status < 400 => {
            let reason = format!("{error}; check growsurf.base_url");
            (Some(*status), Outcome::Halt { reason })
        }
        RestError::Refused(Refusal { status, .. })
        | RestError::Unknown(Refusal { status, .. }, _) => (Some(*status), rejected(error)),
        RestError::Segment(_) => (None, rejected(error)),
        RestError::Limited(time) => {
            (None, retry(error, Some(Wait { time: *time, everybody: true })))
        }
        RestError::Unavailable(Refusal { status, .. }) => (Some(*status), retry(error, None)),
        RestError::Unreachable(_) | RestError::Unreadable(_) => (None, retry(error, None)),
    };
    Some(WriteResult { http_status, outcome })
}

fn retry(error: &RestError, wait: Option<Wait>) -> Outcome {
    Outcome::Retry { reason: error.to_string(), wait }
}

fn rejected(error: &RestError) -> Outcome {
    Outcome::Rejected { reason: error.to_string(), field: None }
}
