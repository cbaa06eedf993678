//! Webhooks as received, and what becomes of them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Class, Labelled, Notification, Source, Time, WebhookId};

/// One HTTP request as received, or one row of GrowSurf's REST API.
#[derive(Clone, PartialEq, Debug)]
pub struct Webhook {
    /// The relay's own id for it.
    pub id: WebhookId,
    /// When it was first received.
    pub received_at: Time,
    /// Who sent it.
    pub source: Source,
    /// The campaign whose own secret signed it, or that the row was fetched of. `None` if a secret
    /// of all campaigns signed it, or its source verifies no campaign.
    pub owner: Option<String>,
    /// The event type it names, where it names one; the kind of a REST row.
    pub event: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Webhook {
    /// Returns the fingerprint that duplicates are known by. It covers source, owner and bytes: the
    /// same bytes of another source or owner are another webhook. Of a REST row it covers the kind.
    ///
    /// It is a SHA-256 whose first four bytes are the second that the body names first as `createdAt`. So
    /// the fingerprints of webhooks that arrive together lie together in an index.
    pub fn fingerprint(&self) -> [u8; 32] {
        let kind = self.event.as_deref().filter(|_| self.source == Source::GrowsurfApi);
        let mut hash = Sha256::new();
        for part in [Some(self.source.label()), self.owner.as_deref(), kind] {
            // With its length, so that no two webhooks read the same.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hash.update(length.to_le_bytes());
            hash.update(part.unwrap_or_default());
        }
        hash.update(&self.body);
        let mut fingerprint: [u8; 32] = hash.finalize().into();
        fingerprint[..4].copy_from_slice(&created_second(&self.body).to_be_bytes());
        fingerprint
    }
}

/// Returns the second that a body names first as `createdAt`, in milliseconds as GrowSurf does; 0 if it
/// names none.
fn created_second(body: &[u8]) -> u32 {
    const NAME: &[u8] = b"\"createdAt\":";
    let place = body.windows(NAME.len()).position(|bytes| bytes == NAME);
    let rest =
        place.map(|place| &body[place + NAME.len()..]).unwrap_or_default().trim_ascii_start();
    let digits = rest.iter().take(15).take_while(|byte| byte.is_ascii_digit());
    let millis = digits.fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    u32::try_from(millis / 1_000).unwrap_or(0)
}

/// A webhook on its way into the store, already read.
#[derive(Clone, Debug)]
pub struct ReceivedWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// What it says, or why it leads to nothing known, naming the field.
    pub decoded: Result<Notification, String>,
    /// The class of the calls that it leads to.
    pub class: Class,
}

impl Class {
    /// Returns the class of what a stored webhook of this source leads to when it is planned again.
    pub fn of_stored(source: Source) -> Self {
        if source == Source::Page { Self::Page } else { Self::Live }
    }
}

/// What became of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// It maps, even if to no new effect.
    Accepted,
    /// Its very bytes are in the inbox already and aren't parked.
    Duplicate,
    /// Authentic, but it leads to nothing known: kept, and can be replayed.
    Parked {
        /// Why, naming the field.
        reason: String,
    },
    /// A page's post that leads to nothing; nothing of it is stored.
    Dropped(Dropped),
}

/// Reason why a page's post leads to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Dropped {
    /// It names no known participant.
    Unknown,
    /// It was posted before, or its event is off.
    Nothing,
    /// The participant has had as many posts of its kind that day as the settings allow.
    Budget,
}

/// The store's answer to an arrival, given after the commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The webhook's id; of the first one, if this is a duplicate.
    pub id: WebhookId,
    /// What became of it.
    pub status: Status,
    /// How many calls it led to.
    pub calls: usize,
    /// Why parts of an accepted webhook lead to nothing; empty for most.
    pub unmapped: Vec<String>,
    /// How many calls of which kind, see [`PlannedCall::kind`](super::PlannedCall::kind).
    pub kinds: BTreeMap<String, u64>,
    /// What somebody should know who looks after the relay; empty for most.
    pub notices: Vec<String>,
}

impl Receipt {
    /// The receipt of a webhook that led to nothing.
    pub fn without_calls(id: WebhookId, status: Status) -> Self {
        let (unmapped, kinds, notices) = Default::default();
        Self { id, status, calls: 0, unmapped, kinds, notices }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::VariantArray;

    use super::*;

    #[test]
    fn the_same_bytes_of_another_source_owner_or_kind_are_another_webhook() {
        let mut seen = BTreeSet::new();
        for &source in Source::VARIANTS {
            for owner in [None, Some(""), Some("a"), Some("b")] {
                let webhook = |event: &str, body: &[u8]| Webhook {
                    id: WebhookId::new(Time::default(), 0),
                    received_at: Time::default(),
                    source,
                    owner: owner.map(str::to_owned),
                    event: Some(event.to_owned()),
                    body: body.to_vec(),
                };
                assert!(seen.insert(webhook("participant", b"{}").fingerprint()));
                assert!(seen.insert(webhook("participant", b"a{}").fingerprint()));
                // Only of a REST row the kind isn't read from the bytes.
                let is_new = seen.insert(webhook("payout", b"{}").fingerprint());
                assert_eq!(is_new, source == Source::GrowsurfApi);
            }
        }
    }

    #[test]
    fn a_fingerprint_begins_with_the_second_that_the_body_was_created_in() {
        for (body, second) in [
            (r#"{"event":"E","createdAt":1731494175123,"data":{"createdAt":5}}"#, 1_731_494_175),
            (r#"{"createdAt": 1000 }"#, 1),
            (r#"{"createdAt":"1731494175123"}"#, 0),
            (r#"{"createdAt":99999999999999999999}"#, 0),
            (r#"{"createdAt":"#, 0),
            ("{}", 0),
            ("", 0),
        ] {
            assert_eq!(created_second(body.as_bytes()), second, "{body}");
        }
    }
}
