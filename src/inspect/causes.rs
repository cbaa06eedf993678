//! Dead letters by cause: what they have in common, and how to fix it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use serde_with::{DisplayFromStr, serde_as};
use sha2::{Digest, Sha256};

use super::{Inspector, Show, masked};
use crate::domain::{
    Call, DeliveryId, Destination, Labelled, LaneId, Time, WebhookId, mask_quotations,
};
use crate::store::{DeadLetter, LetterGroup, StoreError};

/// The newest dead letters that are read.
const LOOKED_AT: usize = 10_000;

/// Dead letters that a list with a condition walks over at most.
const WALKED: usize = 5_000;

/// Dead letters that such a walk reads at a time.
const PIECE: usize = 500;

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
    pub call: String,
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

/// A page of dead letters.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct LettersView {
    /// The newest first.
    #[serde(rename = "dead_letters")]
    pub letters: Vec<LetterView>,
    /// The last one that was looked at, if there are more.
    pub before: Option<i64>,
    /// The time when that one died, if the walk ended before the page was full.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub looked_back_to: Option<Time>,
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
            cause: Facts::of(letter).cause(),
            person: show.key(&letter.key),
            call: call.kind(),
            event: match call {
                Call::Track { name, .. } => Some(name.clone()),
                _ => None,
            },
            planned_at: letter.delivery.planned_at,
            died_at: letter.died_at,
            reason: show.reason(&letter.reason),
            field: show.field(letter.field.as_deref()),
            http_status: letter.http_status,
            webhook: letter.delivery.webhook,
            fix: Facts::of(letter).fix(),
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
            && self.cause.as_ref().is_none_or(|name| *name == Facts::of(letter).cause())
    }
}

impl Inspector {
    /// Returns the causes of the newest dead letters.
    ///
    /// # Errors
    /// The store's.
    pub async fn causes(&self) -> Result<CausesView, StoreError> {
        let total = self.store.stats().await?.dead;
        let mut looked_at = 0;
        let mut causes: BTreeMap<String, Cause> = BTreeMap::new();
        for group in self.store.letter_groups(LOOKED_AT).await? {
            looked_at += group.letters;
            let facts = Facts::of_group(&group);
            let known = causes.entry(facts.cause()).or_insert_with_key(|name| Cause {
                cause: name.clone(),
                destination: facts.destination.label(),
                call: group.kind.clone(),
                http_status: group.http_status,
                field: self.show.field(facts.field),
                words: words(facts.reason),
                letters: 0,
                newest: 0,
                first_at: group.first_at,
                last_at: group.last_at,
                fix: String::new(),
            });
            known.letters += group.letters;
            known.first_at = known.first_at.min(group.first_at);
            known.last_at = known.last_at.max(group.last_at);
            if known.newest < group.newest.0 {
                (known.newest, known.fix) = (group.newest.0, facts.fix());
            }
        }
        let mut causes: Vec<Cause> = causes.into_values().collect();
        causes.sort_by_key(|it| (std::cmp::Reverse(it.letters), std::cmp::Reverse(it.newest)));
        Ok(CausesView { total, looked_at, causes })
    }

    /// Returns dead letters before one that meet a condition, the newest first. Walks over so many letters that a
    /// page never waits for long; a page that isn't full by then goes on behind them.
    ///
    /// # Errors
    /// The store's.
    pub async fn letters(
        &self,
        filter: &LetterFilter,
        mut before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<LettersView, StoreError> {
        let piece = if *filter == LetterFilter::default() { limit + 1 } else { PIECE };
        let (mut found, mut walked, mut last) = (Vec::new(), 0, None);
        while walked < WALKED && found.len() <= limit {
            let letters = self.store.dead_letters(before, piece).await?;
            let Some(oldest) = letters.last() else {
                last = None;
                break;
            };
            (before, last) = (Some(oldest.delivery.id), Some(oldest.died_at));
            walked += letters.len();
            found.extend(letters.into_iter().filter(|letter| filter.is_met_by(letter)));
        }
        let is_full = found.len() > limit;
        found.truncate(limit);
        let of_page = found.last().map(|letter| letter.delivery.id.0);
        Ok(LettersView {
            letters: found.iter().map(|letter| LetterView::of(letter, self.show)).collect(),
            before: if is_full { of_page } else { last.and(before.map(|id| id.0)) },
            looked_back_to: last.filter(|_| !is_full),
        })
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
            let attempts = attempts.iter().map(|it| super::AttemptView::of(it, self.show));
            (LetterView::of(&letter, self.show), attempts.collect())
        }))
    }
}

/// The facts of a dead letter that distinguish causes.
struct Facts<'a> {
    id: DeliveryId,
    destination: Destination,
    kind: &'a str,
    http_status: Option<u16>,
    field: Option<&'a str>,
    reason: &'a str,
}

impl<'a> Facts<'a> {
    fn of(letter: &'a DeadLetter) -> Self {
        let call = &letter.delivery.call;
        Self {
            id: letter.delivery.id,
            destination: call.destination(),
            kind: call.kind(),
            http_status: letter.http_status,
            field: letter.field.as_deref(),
            reason: &letter.reason,
        }
    }

    fn of_group(group: &'a LetterGroup) -> Self {
        Self {
            id: group.newest,
            destination: Call::destination_of(&group.kind),
            kind: &group.kind,
            http_status: group.http_status,
            field: group.field.as_deref(),
            reason: &group.reason,
        }
    }

    /// Returns the name of the cause.
    fn cause(&self) -> String {
        let words = words(self.reason);
        let label = self.destination.label();
        let parts = json!([label, self.kind, self.http_status, self.field, words]);
        hex::encode(&Sha256::digest(parts.to_string().as_bytes())[..4])
    }
}

/// Returns the words of a reason without those that may name a person or a number.
pub(super) fn words(reason: &str) -> String {
    let is_plain = |word: &&str| {
        let is_name = |it: char| it.is_ascii_digit() || "@*\"'`".contains(it);
        !word.contains(is_name)
    };
    let masked = mask_quotations(reason).replace(['\u{201c}', '\u{201d}'], "");
    let plain: Vec<&str> = masked.split_whitespace().filter(is_plain).take(WORDS).collect();
    plain.join(" ").to_lowercase()
}

impl Facts<'_> {
    /// Returns how to fix the cause.
    fn fix(&self) -> String {
        if self.destination == Destination::GrowSurf {
            return "check that growsurf.api_key may write and that the participant is in the campaign; \
                then redeliver"
            .to_owned();
        }
        if self.reason.starts_with("gave up after") {
            return "redeliver one; if it fails again, ask Customer.io with its event id, or discard it"
            .to_owned();
        }
        match (self.field, self.http_status) {
            (Some("email"), _) => "correct the address in GrowSurf, then redeliver".to_owned(),
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
                self.id.0
            ),
        }
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
