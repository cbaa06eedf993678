//! Webhooks as received, and their results.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Class, Labelled, Notification, Source, Time, WebhookId};

/// An HTTP request as received, or a row of GrowSurf's REST API.
#[derive(Clone, PartialEq, Debug)]
pub struct Webhook {
    /// The relay's id.
    pub id: WebhookId,
    /// The first receipt.
    pub received_at: Time,
    /// The sender.
    pub source: Source,
    /// The campaign whose own secret signed it, or that the row is from. `None` if a shared secret signed it,
    /// or the source verifies no campaign.
    pub owner: Option<String>,
    /// The event type that it names; of a REST row, the kind.
    pub event: Option<String>,
    /// The body as received.
    pub body: Vec<u8>,
}

impl Webhook {
    /// Returns the fingerprint that identifies duplicates: a hash of source, owner, bytes and, of a REST row,
    /// the kind.
    ///
    /// Its first four bytes are the second of the first `createdAt`. So fingerprints of webhooks that arrive
    /// together are together in an index.
    pub fn fingerprint(&self) -> [u8; 32] {
        let kind = self.event.as_deref().filter(|_| self.source == Source::GrowsurfApi);
        let mut hash = Sha256::new();
        for part in [Some(self.source.label()), self.owner.as_deref(), kind] {
            // The length keeps different parts apart.
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

/// Returns the second of the first `createdAt` in a body; 0 if there is none.
fn created_second(body: &[u8]) -> u32 {
    const NAME: &[u8] = b"\"createdAt\":";
    let place = body.windows(NAME.len()).position(|bytes| bytes == NAME);
    let rest =
        place.map(|place| &body[place + NAME.len()..]).unwrap_or_default().trim_ascii_start();
    let digits = rest.iter().take(15).take_while(|byte| byte.is_ascii_digit());
    let millis = digits.fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    u32::try_from(millis / 1_000).unwrap_or(0)
}

/// A decoded webhook on its way into the store.
#[derive(Clone, Debug)]
pub struct ReceivedWebhook {
    pub webhook: Webhook,
    /// The content, or the reason for parking, naming the field.
    pub decoded: Result<Notification, String>,
    /// The class of its calls.
    pub class: Class,
}

impl Class {
    /// Returns the class of a stored webhook's calls when it is planned again.
    pub fn of_stored(source: Source) -> Self {
        if source == Source::Page { Self::Page } else { Self::Live }
    }
}

/// The result of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// It was planned, perhaps without a new effect.
    Accepted,
    /// The same bytes are in the inbox and not parked.
    Duplicate,
    /// Authentic but unmappable; kept for a replay.
    Parked {
        /// The reason, naming the field.
        reason: String,
    },
    /// A page's post without an effect. Not stored.
    Dropped(Dropped),
}

/// Reason for dropping a page's post.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Dropped {
    /// The participant is unknown.
    Unknown,
    /// A repeated post, or its event is off.
    Nothing,
    /// The participant's budget of the day is spent.
    Budget,
}

/// The store's answer after the commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The webhook's id; of a duplicate, the first one's.
    pub id: WebhookId,
    /// The result.
    pub status: Status,
    /// The number of its calls.
    pub calls: usize,
    /// Reasons for unmapped parts.
    pub unmapped: Vec<String>,
    /// The number of calls by [`PlannedCall::kind`](super::PlannedCall::kind).
    pub kinds: BTreeMap<String, u64>,
    /// Notices to the operator.
    pub notices: Vec<String>,
}

impl Receipt {
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
