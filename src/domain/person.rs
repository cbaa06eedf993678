//! People and participants: the relay's records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{
    ActionQuota, Activity, Claim, Claimer, Completeness, Facts, GrowsurfCounters, Identifier,
    LaneKey, ParticipantKey, Time,
};

/// The store's number of a person and of the person's lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PersonId(pub i64);

/// Progress of a friend's conversion. It counts for the referrer once both are known, in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversionCredit {
    /// No conversion yet.
    #[default]
    None,
    /// Converted, and the referrer isn't known yet.
    Pending,
    /// Converted, and counted for the referrer.
    Granted,
}

impl ConversionCredit {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Everything known of one participant.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Participant {
    /// The campaign's id.
    pub campaign: String,
    /// The participant's name in effect keys: GrowSurf's id, or a keyed hash of the address if the guide's
    /// shape came first. It never changes.
    pub key: String,
    /// GrowSurf's id, once reported.
    pub growsurf_id: Option<String>,
    /// The merged facts.
    pub facts: Facts,
    /// The reported time of joining.
    pub joined: Option<Time>,
    /// The highest reported total of shares.
    pub shares: Option<i64>,
    /// The last counts of shares by channel.
    pub channels: Option<Channels>,
    /// Approved rewards, each counted once.
    #[serde(skip_serializing_if = "is_zero")]
    pub rewards: i64,
    /// Friends who converted, each counted once.
    #[serde(skip_serializing_if = "is_zero")]
    pub conversions: i64,
    /// The conversion of this participant as a friend.
    #[serde(skip_serializing_if = "ConversionCredit::is_none")]
    pub credit: ConversionCredit,
    /// The sign-up of this participant as a friend, as first reported: sources don't agree on its time.
    pub signed_up: Option<Time>,
    /// Friends who signed up, each counted once.
    #[serde(skip_serializing_if = "is_zero")]
    pub friends: i64,
    /// Numbers of friends whose event isn't sent yet, by event id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unsent_numbers: BTreeMap<String, i64>,
    /// Evidence that all friends were counted.
    #[serde(skip_serializing_if = "Completeness::is_empty")]
    pub completeness: Completeness,
    /// The first friend's sign-up.
    pub first_referral: Option<Time>,
    /// The last friend's sign-up.
    pub last_referral: Option<Time>,
    /// True if GrowSurf ever reported a change of the fraud status. Before that, the default value is
    /// not sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fraud_reported: bool,
    /// The times and weekly counts that insights need.
    #[serde(skip_serializing_if = "Activity::is_empty")]
    pub activity: Activity,
    /// The relay's counts for GrowSurf, and what it set there.
    #[serde(skip_serializing_if = "GrowsurfCounters::is_empty")]
    pub growsurf_counters: GrowsurfCounters,
    /// The first claimed anonymous id.
    pub claim: Option<Claim>,
    /// Page posts of the last day with any.
    pub posts: Option<Posts>,
    /// True if others refer to the participant by a hashed key. Then the store finds them by it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_referred_to: bool,
}

/// Page posts about one participant on one day, as far as they had an effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Posts {
    /// The UTC day of receipt, see [`Time::day`].
    pub day: i64,
    /// Clicks on the participant's link.
    pub clicks: u32,
    /// Shares by the participant.
    pub shares: u32,
}

/// Counts of shares by channel.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Channels {
    /// The time of the count.
    pub at: Time,
    /// Counts by GrowSurf's names; they never decrease, so that the n-th share of a channel is unique.
    pub counts: BTreeMap<String, i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl Participant {
    /// Returns a participant without facts.
    pub fn new(campaign: String, key: String, growsurf_id: Option<String>) -> Self {
        Self { campaign, key, growsurf_id, ..Self::default() }
    }

    /// Returns the key at GrowSurf, if the id is known.
    pub fn growsurf_key(&self) -> Option<ParticipantKey> {
        Some(ParticipantKey::new(&self.campaign, self.growsurf_id.as_ref()?))
    }

    /// The prefix of a key that is a hash. No id of GrowSurf's has it.
    pub const HASHED: &str = "~";
}

/// The last planned profile.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Identified {
    /// Hexadecimal digest of the attributes.
    pub digest: String,
}

/// A profile to merge into the person's after a change of address.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FormerProfile {
    /// The former key.
    pub from: Identifier,
    /// The time of the last planned merge.
    pub at: Time,
    /// The number of planned merges.
    pub times: u32,
}

/// The record of a lane's owner: a person with all their participants, a participant at GrowSurf, or a visitor.
#[derive(Clone, PartialEq, Debug)]
pub struct Person {
    /// The store's number; `None` until the store has the record.
    pub id: Option<PersonId>,
    /// The key of the lane. Only a person has `identified`, `moved` and `former`.
    pub key: LaneKey,
    /// The person in each campaign, in order of appearance.
    pub participants: Vec<Participant>,
    /// The last planned profile, if there is one.
    pub identified: Option<Identified>,
    /// The profile under a former address, while merges of it are planned.
    pub moved: Option<FormerProfile>,
    /// All former keys of the person.
    pub former: Vec<Identifier>,
    /// The actions in the last hour, of a participant at GrowSurf.
    pub quota: Option<ActionQuota>,
    /// The claimant, of a visitor.
    pub claimed_by: Option<Claimer>,
}

impl Person {
    /// Returns a record with a key and nothing else.
    pub fn new(key: impl Into<LaneKey>) -> Self {
        Self {
            id: None,
            key: key.into(),
            participants: Vec::new(),
            identified: None,
            moved: None,
            former: Vec::new(),
            quota: None,
            claimed_by: None,
        }
    }

    /// Returns the keys that the store finds the person by: GrowSurf's ids, and hashes that others refer to.
    /// A participant's lane at GrowSurf has none.
    pub fn keys(&self) -> impl Iterator<Item = ParticipantKey> {
        let is_addressee = matches!(self.key, LaneKey::Participant(_));
        let participants = self.participants.iter().filter(move |_| !is_addressee);
        participants.flat_map(|it| {
            let hashed = Some(&it.key).filter(|_| it.is_referred_to);
            let ids = it.growsurf_id.iter().chain(hashed);
            ids.map(|id| ParticipantKey::new(&it.campaign, id))
        })
    }

    /// Returns the participant that a key names.
    pub fn participant(&self, key: &ParticipantKey) -> Option<&Participant> {
        let is = |id: &String| *id == key.participant;
        self.participants.iter().find(|it| {
            it.campaign == key.campaign && (it.growsurf_id.as_ref().is_some_and(is) || is(&it.key))
        })
    }

    /// True if both records say the same, apart from the times of facts.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |person: &Self| {
            let mut person = person.clone();
            for participant in &mut person.participants {
                participant.facts.clear_times();
                participant.completeness.clear_times();
                participant.activity.clear_traces();
                if let Some(channels) = &mut participant.channels {
                    channels.at = Time::default();
                }
            }
            person
        };
        timeless(self) == timeless(other)
    }
}
