//! Keys of people and of their lanes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::email::mask;
use super::{AnonymousId, Email};

/// Key of a person at Customer.io. `Debug` shows addresses and ids masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// An address.
    Email(Email),
    /// An id of the user's own, from participant metadata.
    Id(String),
}

impl Identifier {
    /// Returns the bare value, as it stands in a request.
    pub fn value(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Id(id) => id,
        }
    }

    /// Returns the value as logs may show it.
    pub fn masked(&self) -> String {
        mask(self.value())
    }

    /// Returns the address, if the person is known by one.
    pub fn email(&self) -> Option<&Email> {
        match self {
            Self::Email(email) => Some(email),
            Self::Id(_) => None,
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Key of a participant of one campaign. `Debug` masks the participant's id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParticipantKey {
    /// The campaign's id.
    pub campaign: String,
    /// GrowSurf's participant id.
    pub participant: String,
}

impl ParticipantKey {
    pub fn new(campaign: &str, participant: &str) -> Self {
        Self { campaign: campaign.to_owned(), participant: participant.to_owned() }
    }

    /// Returns the participant's id as logs may show it.
    pub fn masked(&self) -> String {
        mask(&self.participant)
    }
}

impl fmt::Debug for ParticipantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.campaign, self.masked())
    }
}

/// Key of a lane and of the record beside it. `Debug` shows addresses and ids masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LaneKey {
    /// A person at Customer.io.
    Person(Identifier),
    /// A participant at GrowSurf. The id is an address while GrowSurf hasn't given one.
    Participant(ParticipantKey),
    /// A visitor of a page, at Customer.io.
    Visitor(AnonymousId),
}

impl LaneKey {
    /// Returns the bare value, as it stands in a request.
    pub fn value(&self) -> &str {
        match self {
            Self::Person(identifier) => identifier.value(),
            Self::Participant(key) => &key.participant,
            Self::Visitor(id) => id.as_str(),
        }
    }

    /// Returns the value as logs may show it.
    pub fn masked(&self) -> String {
        match self {
            Self::Person(identifier) => identifier.masked(),
            Self::Participant(key) => key.masked(),
            Self::Visitor(id) => id.masked(),
        }
    }

    /// Returns the person at Customer.io, if the lane is a person's.
    pub fn identifier(&self) -> Option<&Identifier> {
        match self {
            Self::Person(identifier) => Some(identifier),
            Self::Participant(_) | Self::Visitor(_) => None,
        }
    }

    /// Returns the person's address, if the lane is a person's who is known by one.
    pub fn email(&self) -> Option<&Email> {
        self.identifier()?.email()
    }
}

impl fmt::Debug for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl From<Email> for LaneKey {
    fn from(email: Email) -> Self {
        Self::Person(Identifier::Email(email))
    }
}

impl From<Identifier> for LaneKey {
    fn from(identifier: Identifier) -> Self {
        Self::Person(identifier)
    }
}

impl From<ParticipantKey> for LaneKey {
    fn from(key: ParticipantKey) -> Self {
        Self::Participant(key)
    }
}

impl From<AnonymousId> for LaneKey {
    fn from(id: AnonymousId) -> Self {
        Self::Visitor(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_shown_whole() {
        let participant = |id: &str| LaneKey::Participant(ParticipantKey::new("camp", id));
        for (key, masked) in [
            (LaneKey::from(Email::parse("fay@example.com").unwrap()), "f***@example.com"),
            (Identifier::Id("user-4711".to_owned()).into(), "u***"),
            (Identifier::Id("fay@example.com".to_owned()).into(), "f***@example.com"),
            (Identifier::Id("@".to_owned()).into(), "****@"),
            (Identifier::Id(String::new()).into(), "****"),
            (participant("p88y0a"), "p***"),
            (participant("fay@example.com"), "f***@example.com"),
            (participant("fay%40example.com"), "f***"),
        ] {
            assert_eq!(key.masked(), masked);
            assert_eq!(format!("{key:?}"), masked);
        }
        let LaneKey::Participant(key) = participant("fay@example.com") else { unreachable!() };
        assert_eq!(format!("{key:?}"), "camp:f***@example.com");
    }
}
