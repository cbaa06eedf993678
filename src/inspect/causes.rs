//! Dead letters by cause: what they have in common, and how to fix it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use serde_with::{DisplayFromStr, serde_as};
use sha2::{Digest, Sha256};

use super::{Inspector, Show, masked};
use crate::domain::{Call, DeliveryId, Destination, Labelled, LaneId, Time, WebhookId};
use crate::store::{DeadLetter, StoreError};

/// The newest dead letters that are read.
const LOOKED_AT: usize = 10_000;

/// Dead letters that are read at a time.
const PAGE: usize = 500;

/// The most words of a reason that distinguish causes.
const WORDS: usize = 16;

/// The causes of dead letters.
#[derive(Clone, Debug, Serialize)]
pub struct CausesView {
    /// The number of all dead letters.
    pub total: u64,
    /// The number of those that were read, the newest.
    pub looked_at: usize,
    /// The causes, that of the most letters first.
    pub causes: Vec<Cause>,
}

#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    /// Its name: a hash of destination, call, status, field and words.
    pub cause: String,
    /// The destination that refused.
    pub destination: &'static str,
    /// The kind of call.
    pub call: &'static str,
    /// The status answered.
    pub http_status: Option<u16>,
    /// The field at fault.
    pub field: Option<String>,
    /// The words of the reason, without names and numbers.
    pub words: String,
    /// The number of its letters.
    pub letters: usize,
    pub newest: i64,
    /// The time when the oldest of them died.
    #[serde_as(as = "DisplayFromStr")]
    pub first_at: Time,
    /// The time when the newest of them died.
    #[serde_as(as = "DisplayFromStr")]
    pub last_at: Time,
    pub fix: String,
}

/// A dead letter.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct LetterView {
    /// Its number.
    pub id: i64,
    pub cause: String,
    /// The person that the call is for.
    pub person: String,
    /// The kind of call.
    pub call: &'static str,
    /// The event's name.
    pub event: Option<String>,
    /// The time when it was planned.
    #[serde_as(as = "DisplayFromStr")]
    pub planned_at: Time,
    /// The time when it died.
    #[serde_as(as = "DisplayFromStr")]
    pub died_at: Time,
    pub reason: String,
    /// The field at fault.
    pub field: Option<String>,
    /// The status answered to the last attempt.
    pub http_status: Option<u16>,
    /// The webhook that led to it.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub webhook: Option<WebhookId>,
    pub fix: String,
    /// The call's properties or attributes.
    pub body: Value,
}

impl LetterView {
    fn of(letter: &DeadLetter, show: Show) -> Self {
        let call = &letter.delivery.call;
        let body = serde_json::to_value(call).unwrap_or_else(|error| json!(error.to_string()));
        Self {
            id: letter.delivery.id.0,
            cause: cause(letter),
            person: show.key(&letter.key),
            call: call.kind(),
            event: match call {
                Call::Track { name, .. } => Some(name.clone()),
                _ => None,
            },
            planned_at: letter.delivery.planned_at,
            died_at: letter.died_at,
            reason: letter.reason.clone(),
            field: letter.field.clone(),
            http_status: letter.http_status,
            webhook: letter.delivery.webhook,
            fix: fix(letter),
            body: if show == Show::Masked { masked(&body) } else { body },
        }
    }
}

/// A condition on dead letters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LetterFilter {
    /// Only those of this cause.
    pub cause: Option<String>,
    /// Only those in this lane.
    pub lane: Option<LaneId>,
}

impl LetterFilter {
    /// True if a letter meets it.
    pub fn is_met_by(&self, letter: &DeadLetter) -> bool {
        self.lane.is_none_or(|lane| lane == letter.lane)
            && self.cause.as_ref().is_none_or(|name| *name == cause(letter))
    }
}

impl Inspector {
    /// Returns the causes of the newest dead letters.
    ///
    /// # Errors
    /// The store's.
    pub async fn causes(&self) -> Result<CausesView, StoreError> {
        let total = self.store.stats().await?.dead;
        let mut causes: BTreeMap<String, Cause> = BTreeMap::new();
        let (mut looked_at, mut before) = (0, None);
        while looked_at < LOOKED_AT {
            let letters = self.store.dead_letters(before, PAGE).await?;
            let Some(last) = letters.last() else { break };
            before = Some(last.delivery.id);
            looked_at += letters.len();
            for letter in &letters {
                let known = causes.entry(cause(letter)).or_insert_with_key(|name| Cause {
                    cause: name.clone(),
                    destination: letter.delivery.call.destination().label(),
                    call: letter.delivery.call.kind(),
                    http_status: letter.http_status,
                    field: letter.field.clone(),
                    words: words(&letter.reason),
                    letters: 0,
                    newest: letter.delivery.id.0,
                    first_at: letter.died_at,
                    last_at: letter.died_at,
                    fix: fix(letter),
                });
                known.letters += 1;
                known.first_at = known.first_at.min(letter.died_at);
                known.last_at = known.last_at.max(letter.died_at);
            }
        }
        let mut causes: Vec<Cause> = causes.into_values().collect();
        causes.sort_by_key(|it| (std::cmp::Reverse(it.letters), std::cmp::Reverse(it.newest)));
        Ok(CausesView { total, looked_at, causes })
    }

    /// Returns dead letters before one that meet a condition, the newest first, and the last one that was
    /// looked at, if there may be more.
    ///
    /// # Errors
    /// The store's.
    pub async fn letters(
        &self,
        filter: &LetterFilter,
        mut before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<(Vec<LetterView>, Option<DeliveryId>), StoreError> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        while looked_at < LOOKED_AT {
            let letters = self.store.dead_letters(before, PAGE.min(limit)).await?;
            if letters.is_empty() {
                return Ok((found, None));
            }
            looked_at += letters.len();
            for letter in letters {
                before = Some(letter.delivery.id);
                if filter.is_met_by(&letter) {
                    found.push(LetterView::of(&letter, self.show));
                    if found.len() >= limit {
                        return Ok((found, before));
                    }
                }
            }
        }
        Ok((found, before))
    }

    /// Returns a dead letter.
    ///
    /// # Errors
    /// The store's.
    pub async fn letter(
        &self,
        id: DeliveryId,
    ) -> Result<Option<(LetterView, Vec<super::AttemptView>)>, StoreError> {
        let found = self.store.dead_letter(id).await?;
        Ok(found.map(|(letter, attempts)| {
            let attempts = attempts.into_iter().map(super::AttemptView::from).collect();
            (LetterView::of(&letter, self.show), attempts)
        }))
    }
}

/// Returns the name of a letter's cause.
fn cause(letter: &DeadLetter) -> String {
    let call = &letter.delivery.call;
    let parts = json!([
        call.destination().label(),
        call.kind(),
        letter.http_status,
        letter.field,
        words(&letter.reason)
    ]);
    hex::encode(&Sha256::digest(parts.to_string().as_bytes())[..4])
}

/// Returns the words of a reason without those that may name a person or a number.
pub(super) fn words(reason: &str) -> String {
    let is_plain = |word: &&str| {
        let is_name = |it: char| it.is_ascii_digit() || "@*\"'`".contains(it);
        !word.contains(is_name)
    };
    let plain: Vec<&str> = reason.split_whitespace().filter(is_plain).take(WORDS).collect();
    plain.join(" ").to_lowercase()
}

/// Returns how to fix the cause of a letter.
fn fix(letter: &DeadLetter) -> String {
    let call = &letter.delivery.call;
    if call.destination() == Destination::GrowSurf {
        return "check that growsurf.api_key may write and that the participant is in the campaign; \
                then redeliver"
            .to_owned();
    }
    if letter.reason.starts_with("gave up after") {
        return "redeliver one; if it fails again, ask Customer.io with its event id, or discard it"
            .to_owned();
    }
    match (&letter.field, letter.http_status) {
        (Some(field), _) if field == "email" => {
            "correct the address in GrowSurf, then redeliver".to_owned()
        }
        (Some(field), _) => format!(
            "correct {field} where it comes from, or turn it off in mapping.attributes or \
             mapping.metadata; then redeliver"
        ),
        (None, None) => {
            "it is over a limit of Customer.io's and was never sent: shorten what it holds, \
                         or turn it off in mapping.attributes or mapping.metadata; then redeliver"
                .to_owned()
        }
        (None, Some(status)) => format!(
            "Customer.io answered {status}: look at one with `dead-letters show {}`, fix the cause, then \
             redeliver",
            letter.delivery.id.0
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_reason_name_nobody() {
        let one = words("value of 'plan' for f***@example.com is longer than 150 bytes");
        let other = words("value of 'tier' for g***@example.org is longer than 1000 bytes");
        assert_eq!(one, "value of for is longer than bytes");
        assert_eq!(one, other);
        assert_ne!(one, words("the attribute is reserved"));
    }
}
