//! Anonymous ids of visitors, and the participants who claim them.
//!
//!  What belongs here: the id's form, and the record of a claim. What doesn't: when a claim counts
//! (`mapping`), and sending anonymous events (`customerio`).

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Identifier, ParticipantIndex, ParticipantKey};

/// Id of a page's visitor. Never empty: Customer.io takes an event without one for an invitation, which can
/// send mail (<https://docs.customer.io/journeys/anonymous-events/>).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AnonymousId(String);

/// Characters that logs show.
const SHOWN: usize = 4;

impl AnonymousId {
    /// The allowed length.
    pub const BYTES: RangeInclusive<usize> = 8..=64;

    /// Reads an id of 8 to 64 letters, digits and hyphens, such as a UUID.
    ///
    /// # Errors
    /// The fault, without the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_plain && Self::BYTES.contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("is not 8 to 64 letters, digits and hyphens")
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id as logs may show it.
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

/// A participant's claim of an anonymous id. The first one stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
    pub id: AnonymousId,
    /// True if the id's record names the participant by GrowSurf's id, not by their person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_participant: bool,
}

/// The claimant of an anonymous id, in the id's own record. The first one stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimer {
    Participant(ParticipantKey),
    /// The person of a participant without an id of GrowSurf's.
    Person {
        /// The campaign's id.
        campaign: String,
        /// The person's key.
        identifier: Identifier,
    },
}

/// A visit to a page by a participant's referral link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visit {
    /// The owner of the link.
    pub owner: ParticipantIndex,
    pub visitor: AnonymousId,
    /// The visit's own id.
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
