//! People and participants: the relay's own record of whom it tells Customer.io about.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::email::mask;
use super::{
    ActionQuota, AnonymousId, Claim, Claimer, Completeness, Email, Facts, GrowsurfCounters, Time,
};

/// How Customer.io knows a person. `Debug` and [`Identifier::masked`] show addresses and ids masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// By address.
    Email(Email),
    /// By an id of the user's own, taken from participant metadata.
    Id(String),
    /// Not a person at Customer.io but an addressee at GrowSurf: a participant of a campaign, whose
    /// id is an address as long as GrowSurf hasn't given one.
    Participant(ParticipantKey),
    /// Not a person yet but a visitor of a page, by an id that a participant may claim.
    Anonymous(AnonymousId),
}

impl Identifier {
    /// The bare value, as it stands in a request.
    pub fn value(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Id(id) => id,
            Self::Participant(key) => &key.participant,
            Self::Anonymous(id) => id.as_str(),
        }
    }

    /// As logs may show it.
    pub fn masked(&self) -> String {
        match self {
            Self::Email(email) => email.masked(),
            Self::Id(id) => mask(id),
            Self::Participant(key) => key.masked(),
            Self::Anonymous(id) => id.masked(),
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The store's number for a person; also names the person's lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PersonId(pub i64);

/// A participant of one campaign, as GrowSurf names one. `Debug` shows an address in place of an id masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParticipantKey {
    /// The campaign's id.
    pub campaign: String,
    /// GrowSurf's participant id.
    pub participant: String,
}

impl ParticipantKey {
    /// Returns the participant's id as logs may show it: masked where it is, or may be, an address.
    pub fn masked(&self) -> String {
        let may_be_address = ["@", "%40"].into_iter().any(|at| self.participant.contains(at));
        if may_be_address { mask(&self.participant) } else { self.participant.clone() }
    }
}

impl fmt::Debug for ParticipantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.campaign, self.masked())
    }
}

/// How far a friend's conversion has come: it counts for the referrer once both are known,
/// whichever is told first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversionCredit {
    /// They haven't converted.
    #[default]
    None,
    /// They have, and who referred them isn't known yet.
    Pending,
    /// They have, and it counts for the referrer.
    Granted,
}

impl ConversionCredit {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// What the relay knows of one participant.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Participant {
    /// The campaign's id.
    pub campaign: String,
    /// What effect keys name this participant by: GrowSurf's id, or a keyed hash of the address
    /// where the guide's shape came first. It never changes.
    pub key: String,
    /// GrowSurf's id, once told.
    pub growsurf_id: Option<String>,
    /// The merged facts.
    pub facts: Facts,
    /// When they joined, as it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Time>,
    /// The highest total of shares told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<i64>,
    /// How often they shared on each channel, as it was counted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
    /// How many approved rewards they earned, each counted once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rewards: i64,
    /// How many friends converted, each counted once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub conversions: i64,
    /// Whether this participant, as a friend, converted, and for whom it counts.
    #[serde(default, skip_serializing_if = "ConversionCredit::is_none")]
    pub credit: ConversionCredit,
    /// When this participant, as a friend, signed up, as it was told first: the sources of one
    /// sign-up don't agree on its time, and telling it again must change nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_up: Option<Time>,
    /// How many friends signed up, each counted once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub friends: i64,
    /// Numbers of friends who were counted before their event was sent, by the event's id. The event
    /// gets the number once it is sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unsent_numbers: BTreeMap<String, i64>,
    /// Whether all of them were counted.
    #[serde(default, skip_serializing_if = "Completeness::is_empty")]
    pub completeness: Completeness,
    /// When the first friend signed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_referral: Option<Time>,
    /// When the last friend signed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_referral: Option<Time>,
    /// Whether GrowSurf ever told a change of the fraud status; before that, its everyday value
    /// is nobody's news.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fraud_told: bool,
    /// What the relay counted for GrowSurf, and set there.
    #[serde(default, skip_serializing_if = "GrowsurfCounters::is_empty")]
    pub way_back: GrowsurfCounters,
    /// The anonymous id they claimed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// The posts of pages that led to something on the last day with any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posts: Option<Posts>,
    /// True if others' calls or records refer to them by a key that is a hash, so that the store must
    /// find them by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_referred_to: bool,
}

/// Number of page posts about one participant that led to something on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Posts {
    /// The UTC day of their receipt, see [`Time::day`].
    pub day: i64,
    /// Clicks on the participant's link.
    pub clicks: u32,
    /// Shares by the participant.
    pub shares: u32,
}

/// Shares by channel, and when they were counted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Channels {
    /// When.
    pub at: Time,
    /// By GrowSurf's own names. Never decreasing, so that the n-th share of a channel is one only.
    pub counts: BTreeMap<String, i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl Participant {
    /// A participant of whom nothing is known yet.
    pub fn new(campaign: String, key: String, growsurf_id: Option<String>) -> Self {
        Self {
            campaign,
            key,
            growsurf_id,
            facts: Facts::default(),
            joined: None,
            shares: None,
            channels: None,
            rewards: 0,
            conversions: 0,
            credit: ConversionCredit::None,
            signed_up: None,
            friends: 0,
            unsent_numbers: BTreeMap::new(),
            completeness: Completeness::default(),
            first_referral: None,
            last_referral: None,
            fraud_told: false,
            way_back: GrowsurfCounters::default(),
            claim: None,
            posts: None,
            is_referred_to: false,
        }
    }

    /// The beginning of a key that is a hash. No id of GrowSurf's begins so.
    pub const HASHED: &str = "~";
}

/// The profile that was last planned for a person.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Identified {
    /// A digest of the profile's attributes, hexadecimal.
    pub digest: String,
}

/// A profile that is merged into the person's, because their address changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Moved {
    /// How Customer.io knew the person before.
    pub from: Identifier,
    /// When the last merge was planned.
    pub at: Time,
    /// How many were planned.
    pub times: u32,
}

/// One Customer.io profile and all participants that are this person.
#[derive(Clone, PartialEq, Debug)]
pub struct Person {
    /// The store's number; `None` until the store has the person.
    pub id: Option<PersonId>,
    /// How Customer.io knows the person.
    pub identifier: Identifier,
    /// The person in each campaign, in the order they were first seen.
    pub participants: Vec<Participant>,
    /// The profile last planned; `None` before the first.
    pub identified: Option<Identified>,
    /// The profile under a former address, while its merge is repeated.
    pub moved: Option<Moved>,
    /// How Customer.io knew the person before, all of it.
    pub former: Vec<Identifier>,
    /// How much was asked for them lately, where they are an addressee at GrowSurf.
    pub asked: Option<ActionQuota>,
    /// Who claimed the anonymous id, where they are known by nothing else.
    pub claimed_by: Option<Claimer>,
}

impl Person {
    /// A person of whom only the identifier is known.
    pub fn new(identifier: Identifier) -> Self {
        Self {
            id: None,
            identifier,
            participants: Vec::new(),
            identified: None,
            moved: None,
            former: Vec::new(),
            asked: None,
            claimed_by: None,
        }
    }

    /// Returns the keys that the store finds the person by: GrowSurf's ids, and hashes that others refer
    /// to. An addressee at GrowSurf isn't found as a participant.
    pub fn keys(&self) -> impl Iterator<Item = ParticipantKey> {
        let is_addressee = matches!(self.identifier, Identifier::Participant(_));
        let participants = self.participants.iter().filter(move |_| !is_addressee);
        participants.flat_map(|it| {
            let hashed = Some(&it.key).filter(|_| it.is_referred_to);
            let ids = it.growsurf_id.iter().chain(hashed);
            ids.map(|id| ParticipantKey { campaign: it.campaign.clone(), participant: id.clone() })
        })
    }

    /// Returns the participant that a key names.
    pub fn participant(&self, key: &ParticipantKey) -> Option<&Participant> {
        let is = |id: &String| *id == key.participant;
        self.participants.iter().find(|it| {
            it.campaign == key.campaign && (it.growsurf_id.as_ref().is_some_and(is) || is(&it.key))
        })
    }

    /// Whether what is known of them is the same, whenever it was told.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |person: &Self| {
            let mut person = person.clone();
            for participant in &mut person.participants {
                participant.facts.forget_times();
                participant.completeness.forget_times();
                if let Some(channels) = &mut participant.channels {
                    channels.at = Time::default();
                }
            }
            person
        };
        timeless(self) == timeless(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_shown_whole() {
        let participant = |id: &str| {
            let (campaign, participant) = ("camp".to_owned(), id.to_owned());
            Identifier::Participant(ParticipantKey { campaign, participant })
        };
        for (identifier, masked) in [
            (Identifier::Email(Email::parse("fay@example.com").unwrap()), "f***@example.com"),
            (Identifier::Id("user-4711".to_owned()), "u***"),
            (Identifier::Id("fay@example.com".to_owned()), "f***@example.com"),
            (Identifier::Id("@".to_owned()), "****@"),
            (Identifier::Id(String::new()), "****"),
            (participant("p88y0a"), "p88y0a"),
            (participant("fay@example.com"), "f***@example.com"),
            (participant("fay%40example.com"), "f***"),
        ] {
            assert_eq!(identifier.masked(), masked);
            assert_eq!(format!("{identifier:?}"), masked);
        }
        let Identifier::Participant(key) = participant("fay@example.com") else { unreachable!() };
        assert_eq!(format!("{key:?}"), "camp:f***@example.com");
    }
}
