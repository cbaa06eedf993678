//! Ids that outlive a process: webhooks, effects, events at Customer.io.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;
use uuid::Uuid;

use super::{Participant, Time};

/// Id of an accepted webhook: a UUID of version 7, so that ids sort by time of receipt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WebhookId(pub Uuid);

impl WebhookId {
    /// Returns the id of a webhook received at `at`, unique by `random`.
    pub fn new(at: Time, random: u64) -> Self {
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        let mut bytes = [0_u8; 10];
        bytes[..8].copy_from_slice(&random.to_be_bytes());
        let sub_milli = u16::try_from(at.micros().rem_euclid(1_000)).expect("below a thousand");
        bytes[8..].copy_from_slice(&sub_milli.to_be_bytes());
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}

impl WebhookId {
    /// Returns the time of receipt, in milliseconds, of an id that the relay made.
    pub fn received_at(&self) -> Option<Time> {
        let millis = self.0.as_u128() >> 80;
        let millis = i64::try_from(millis).ok().filter(|_| self.0.get_version_num() == 7);
        millis.map(Time::from_millis)
    }
}

impl FromStr for WebhookId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The meaning of a track as text, for example `joined:ct8f71:p88y0a`.
///
/// An effect is planned once, from whatever source. A key names no source and holds no personal data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EffectKey(pub String);

impl EffectKey {
    /// Returns the first word: the kind of effect.
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Returns the key without the ids of people, and without keys that a sender chose.
    pub fn masked(&self) -> String {
        let shown = match self.kind() {
            "commission"
            | "commission_adjusted"
            | "payout"
            | "reward"
            | "reward_counted"
            | "link_clicked"
            | "subscription" => usize::MAX,
            "action" => 3,
            _ => 2,
        };
        let is_shown = |place: usize, part: &str| place < shown && !part.contains(['@', '%']);
        let parts = self.0.split(':').enumerate();
        let parts = parts.map(|(place, part)| if is_shown(place, part) { part } else { "***" });
        parts.collect::<Vec<_>>().join(":")
    }

    /// True if it names a participant by a hash, whose secret is the store's own.
    pub fn is_store_local(&self) -> bool {
        self.0.split(':').any(|part| part.starts_with(Participant::HASHED))
    }

    /// Returns the event id: the first 128 bits of the key's SHA-256.
    pub fn event_id(&self) -> EventId {
        let digest = Sha256::digest(self.0.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        EventId(bytes)
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of an event at Customer.io, which ignores a repeated one.
///
/// Its text is a ULID, as Customer.io demands. All 128 bits come from the effect key, because sources don't
/// agree on an effect's time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EventId(pub [u8; 16]);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ulid::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for EventId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Ulid::from_string(&text) {
            // Other spellings of the same bits aren't ours; the crate takes some.
            Ok(id) if id.to_string() == text => Ok(Self(id.to_bytes())),
            _ => Err(format!("{text} is no ULID")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_has_one_id_for_ever() {
        // Changing this value would make every relay in the field repeat its history.
        let id = EffectKey("joined:ct8f71:p88y0a".to_owned()).event_id();
        let digest = Sha256::digest(b"joined:ct8f71:p88y0a");
        assert_eq!(id.0, digest[..16]);
        let text = id.to_string();
        assert_eq!(text.len(), 26);
        assert!(text.as_bytes()[0] <= b'7');
        assert_eq!(EventId::try_from(text).unwrap(), id);
    }

    #[test]
    fn a_masked_key_names_no_person() {
        for (key, masked) in [
            ("joined:ct8f71:p88y0a", "joined:ct8f71:***"),
            ("shared:ct8f71:p88y0a:facebook:3", "shared:ct8f71:***:***:***"),
            ("action:award:ct8f71:p88y0a:k", "action:award:ct8f71:***:***"),
            ("reward:ct8f71:r1", "reward:ct8f71:r1"),
            ("link_clicked:fay@example.com", "link_clicked:***"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(EffectKey(key.to_owned()).masked(), masked);
        }
    }

    #[test]
    fn a_hash_in_a_key_is_the_store_s_own() {
        for (key, is_local) in [("joined:ct8f71:p88y0a", false), ("joined:ct8f71:~5f2a", true)] {
            assert_eq!(EffectKey(key.to_owned()).is_store_local(), is_local, "{key}");
        }
    }

    #[test]
    fn all_bits_survive_the_text() {
        for bytes in [[0xff; 16], [0; 16], [0xa5; 16]] {
            let id = EventId(bytes);
            assert_eq!(EventId::try_from(id.to_string()).unwrap(), id);
        }
        assert!(EventId::try_from("8ZZZZZZZZZZZZZZZZZZZZZZZZZ".to_owned()).is_err());
        for text in ["short", "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAU"] {
            assert!(EventId::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn webhook_ids_sort_by_time() {
        let early = WebhookId::new(Time::from_millis(1), u64::MAX);
        let late = WebhookId::new(Time::from_millis(2), 0);
        assert!(early < late);
        assert_eq!(early.0.get_version_num(), 7);
        assert_eq!(early.received_at(), Some(Time::from_millis(1)));
        assert_eq!(WebhookId(Uuid::nil()).received_at(), None);
    }
}
