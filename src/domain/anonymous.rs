//! Anonymous ids: what a page knows a visitor by, until they are a person; and whose they become.
//!
//! What belongs here: the id, whose shape is checked once, and who claimed it. What doesn't: when a
//! claim counts (`mapping`), and how an anonymous event is sent (`customerio`).

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Identifier, ParticipantIndex, ParticipantKey};

/// What a page knows a visitor by. Never empty: Customer.io takes an event without one for an
/// invitation, which can send mail (<https://docs.customer.io/journeys/anonymous-events/>).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AnonymousId(String);

/// How much of an id logs show.
const SHOWN: usize = 4;

impl AnonymousId {
    /// The shortest and the longest id.
    pub const BYTES: RangeInclusive<usize> = 8..=64;

    /// Reads an id of 8 to 64 letters, digits and hyphens, as a UUID is.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_plain && Self::BYTES.contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("is not 8 to 64 letters, digits and hyphens")
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As logs may show it.
    pub fn masked(&self) -> String {
        // All of it is ASCII, and longer than that.
        format!("{}***", &self.0[..SHOWN])
    }
}

impl fmt::Debug for AnonymousId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl TryFrom<String> for AnonymousId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<AnonymousId> for String {
    fn from(id: AnonymousId) -> Self {
        id.0
    }
}

/// That a participant claimed an anonymous id, as the participant remembers it. It is the first one
/// they claimed, and stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The id.
    pub id: AnonymousId,
    /// Whether the record of the anonymous id names them by GrowSurf's id. Before GrowSurf's id is
    /// told it names their person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_participant: bool,
}

/// Who claimed an anonymous id, as its own record remembers it. The first one stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimer {
    /// A participant.
    Participant(ParticipantKey),
    /// The person of a participant of whom no id was told.
    Person {
        /// The campaign's id.
        campaign: String,
        /// How Customer.io knows the person.
        identifier: Identifier,
    },
}

/// That somebody came to a page by a participant's referral link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visit {
    /// Whose link.
    pub owner: ParticipantIndex,
    /// The visitor.
    pub visitor: AnonymousId,
    /// Names this visit among all.
    pub key: String,
    /// The page, without query and fragment.
    pub page: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_empty_nor_anything_but_plain() {
        let longest = "a".repeat(64);
        for text in ["7d5b3b0e-7f0c-4b7c-9a53-0f6b1c3d2e1a", "abcdefgh", &longest] {
            assert_eq!(AnonymousId::parse(text).unwrap().as_str(), text);
        }
        let longer = "a".repeat(65);
        for text in ["", " ", "abcdefg", "abcdefg ", "abcd_efgh", "zoë-zoë-zoë", &longer] {
            assert!(AnonymousId::parse(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<AnonymousId>("\"\"").is_err());
        assert_eq!(format!("{:?}", AnonymousId::parse("abcdefgh").unwrap()), "abcd***");
    }
}
