//! The document: the sums over all people at one time. It holds numbers of people and ids of participants, and no
//! address or name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::{PersonId, Time, Week};

/// The sums over all people at one time.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// The start of the run that made it.
    pub as_of: Time,
    /// The time zone of weeks.
    pub time_zone: String,
    /// The state of the store that it was made of.
    pub basis: String,
    /// True if Customer.io's reports of messages were accepted.
    pub has_reports: bool,
    /// Records of people that were read.
    pub people: u64,
    /// The sums by campaign.
    pub campaigns: BTreeMap<String, CampaignSums>,
}

/// The sums of one campaign.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CampaignSums {
    pub name: Option<String>,
    /// Participants by week of joining, of the weeks that are shown.
    pub cohorts: BTreeMap<Week, Split>,
    /// Participants who joined before those weeks.
    pub earlier: Split,
    /// Participants whose time of joining is unknown.
    pub undated: Split,
    pub delays: Delays,
    /// Sharers by the methods that they ever used.
    pub channels: BTreeMap<Channel, ChannelSums>,
    pub frequency: Frequency,
    pub weeks: BTreeMap<Week, WeekSums>,
    /// Recent effects and their messages.
    pub messages: BTreeMap<Week, BTreeMap<Kind, MessageSums>>,
    /// Events without a time, and so without a week.
    pub without_time: WeekSums,
    /// Participants by tier, the highest first.
    pub tiers: Vec<TierSums>,
    /// The participants with most friends.
    pub referrers: Vec<Referrer>,
}

/// Cohorts of participants who came alone, and of those who came as a friend.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Split {
    pub organic: Cohort,
    pub referred: Cohort,
}

/// Participants who joined in the same period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cohort {
    pub joined: u64,
    pub shared: Reached,
    pub friend: Reached,
    pub converted: Reached,
}

/// Participants who reached a stage or a later one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Reached {
    pub ever: u64,
    pub within_7: u64,
    pub within_28: u64,
}

/// The time from joining to the first friend's sign-up.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Delays {
    /// Participants by whole days.
    pub days: BTreeMap<u32, u64>,
    /// Participants with a friend, of whom one of the times is unknown.
    pub undated: u64,
    /// Participants without a friend.
    pub never: u64,
}

/// The methods that a sharer ever used.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    #[strum(serialize = "e-mail only")]
    Email,
    #[strum(serialize = "social only")]
    Social,
    #[strum(serialize = "link or message only")]
    Direct,
    #[strum(serialize = "other only")]
    Other,
    #[strum(serialize = "several")]
    Several,
}

/// Sharers of one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ChannelSums {
    pub sharers: u64,
    /// Sharers with a friend who converted.
    pub converting: u64,
    /// Conversions of their friends.
    pub conversions: u64,
}

/// The activity of the last full weeks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Frequency {
    /// Participants with a share, a friend or a conversion in the last four full weeks.
    pub active: u64,
    /// Those by the number of their shares in these weeks: 0, 1, 2, 3, 4 to 6, 7 and more.
    pub shares: [u64; 6],
    /// Those by the number of weeks with a share, of the last 12 full ones.
    pub weeks: [u64; 13],
    /// Participants who were active in the four weeks before and not in these.
    pub silent: u64,
}

/// Events of a week.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WeekSums {
    pub joined: u64,
    pub shares: u64,
    pub friends: u64,
    pub conversions: u64,
    /// Minor units by currency; under an empty name what has none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, i64>,
}

/// A kind of effect whose messages are counted.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    Joined,
    FriendSignedUp,
    Converted,
}

/// Effects of one kind, and those that led to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MessageSums {
    pub effects: u64,
    pub sent: u64,
    pub opened: u64,
    pub clicked: u64,
}

/// Participants of a tier.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TierSums {
    pub name: String,
    pub at_least: i64,
    pub participants: u64,
    /// Participants who lack one referral for it.
    pub one_short: u64,
}

/// A participant with many friends.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Referrer {
    pub friends: u64,
    pub conversions: u64,
    pub shares: u64,
    /// The store's number of the person.
    pub person: i64,
    /// GrowSurf's id.
    pub participant: Option<String>,
}

impl Referrer {
    /// Returns the store's number of the person.
    pub fn person(&self) -> PersonId {
        PersonId(self.person)
    }
}

impl Cohort {
    /// Returns the sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            joined: self.joined + other.joined,
            shared: self.shared.plus(other.shared),
            friend: self.friend.plus(other.friend),
            converted: self.converted.plus(other.converted),
        }
    }
}

impl Reached {
    fn plus(self, other: Self) -> Self {
        Self {
            ever: self.ever + other.ever,
            within_7: self.within_7 + other.within_7,
            within_28: self.within_28 + other.within_28,
        }
    }
}

impl Split {
    /// Returns both cohorts as one.
    pub fn all(self) -> Cohort {
        self.organic.plus(self.referred)
    }
}
