//! Rules of mapping, from the settings.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::{Email, EmailPattern, Scalar};
use crate::options::whole;

/// Names of events before renaming.
pub mod events {
    /// A participant joined a campaign.
    pub const JOINED: &str = "referral_program_joined";
    /// A friend joined through a participant's link.
    pub const FRIEND_SIGNED_UP: &str = "referral_friend_signed_up";
    /// A referred friend converted.
    pub const CONVERTED: &str = "referral_converted";
    /// A participant earned an approved reward.
    pub const REWARD_CLAIMED: &str = "referral_reward_claimed";
    /// A participant shared their link.
    pub const SHARED: &str = "referral_shared";
    pub const COMMISSION_EARNED: &str = "affiliate_commission_earned";
    /// A commission was changed.
    pub const COMMISSION_ADJUSTED: &str = "affiliate_commission_adjusted";
    /// An affiliate was paid.
    pub const PAYOUT_ISSUED: &str = "affiliate_payout_issued";
    /// A participant's referral link was clicked in a message, or led a visitor to a page.
    pub const LINK_CLICKED: &str = "referral_link_clicked";
    /// A participant bought something.
    pub const PURCHASED: &str = "purchase";
    /// A campaign ended with this person among the winners.
    pub const CAMPAIGN_ENDED: &str = "referral_campaign_ended";

    /// All names, in the order of the settings.
    #[cfg(test)]
    pub const ALL: [&str; 11] = [
        JOINED,
        FRIEND_SIGNED_UP,
        CONVERTED,
        REWARD_CLAIMED,
        SHARED,
        COMMISSION_EARNED,
        COMMISSION_ADJUSTED,
        PAYOUT_ISSUED,
        LINK_CLICKED,
        PURCHASED,
        CAMPAIGN_ENDED,
    ];
}

/// The rules of a plan. The settings' section `mapping` is read into it; other sections fill the rest.
#[derive(Clone, Debug, Deserialize)]
pub struct Rules {
    /// Sent name of each event, by its name in [`events`]; a missing one is off.
    pub events: BTreeMap<String, String>,
    /// Sent name of each attribute, by its own name; a missing one is off.
    pub attributes: BTreeMap<String, String>,
    /// Prefix of the attributes of one campaign, by its id. Campaigns without one share the bare names, and
    /// the latest fact counts.
    #[serde(skip)]
    pub prefixes: BTreeMap<String, String>,
    /// Extra attributes: name at Customer.io, by key of the participant's metadata.
    pub metadata: BTreeMap<String, String>,
    /// The tiers, highest threshold first.
    pub tiers: Vec<Tier>,
    /// The key of people.
    #[serde(skip)]
    pub identify_by: IdentifyBy,
    /// True if `email` is sent for people with an id from metadata, which a browser can write.
    #[serde(skip)]
    pub trust_metadata_id: bool,
    /// The key of a reward's metadata with the referrer's value.
    pub reward_value_key: String,
    /// The key of a reward's metadata with the friend's value.
    pub friend_reward_value_key: String,
    /// True if a reward's internal title is sent.
    pub reward_title: bool,
    /// Campaigns whose conversions come from the user's backend only.
    #[serde(skip)]
    pub conversions_from_server: BTreeSet<String>,
    /// Campaigns whose shares come from pages.
    #[serde(skip)]
    pub shares_from_page: BTreeSet<String>,
    /// The most page posts about one participant on one day.
    #[serde(skip)]
    pub posts_per_day: PostsPerDay,
    /// True if participants can claim a visitor's events.
    #[serde(skip)]
    pub join_visitors: bool,
    /// The campaign of a source that names none: the only one in the settings.
    #[serde(skip)]
    pub only_campaign: Option<String>,
    /// Ignored addresses: GrowSurf's Test button sends people that look real.
    #[serde(skip)]
    pub ignore_emails: Vec<EmailPattern>,
    /// Rules of writes to GrowSurf.
    #[serde(skip)]
    pub feedback: FeedbackRules,
    /// Campaigns in the settings that have an API key.
    #[serde(skip)]
    pub writable_campaigns: BTreeSet<String>,
    /// True if campaigns outside the settings have an API key as well.
    #[serde(skip)]
    pub any_campaign_writable: bool,
    /// The time zone of the weeks that insights count by.
    #[serde(skip, default = "utc")]
    pub time_zone: TimeZone,
}

fn utc() -> TimeZone {
    TimeZone::UTC
}

/// The most page posts about one participant on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct PostsPerDay {
    /// Clicks on the participant's link.
    #[serde(rename = "clicks_per_day", deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub clicks: u32,
    /// Shares by the participant.
    #[serde(rename = "shares_per_day", deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub shares: u32,
}

/// Rules of writes to GrowSurf.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct FeedbackRules {
    /// True if clicks on referral links in messages are counted in participants' metadata.
    pub clicks: bool,
    /// True if unsubscriptions at Customer.io are written to GrowSurf.
    pub unsubscribes: bool,
    /// The most actions for one participant in an hour.
    #[serde(deserialize_with = "whole::<_, _, 1, 10_000>")]
    pub asks_per_hour: u32,
    /// Calls to GrowSurf a minute.
    #[serde(deserialize_with = "whole::<_, _, 1, 400>")]
    pub writes_per_minute: u32,
}

/// A tier of participants.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Tier {
    /// The name sent.
    pub name: String,
    /// The least count of referrals.
    pub at_least: i64,
}

/// The key by which Customer.io knows people.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum IdentifyBy {
    /// The address.
    #[default]
    Email,
    /// The value of this key of the participant's metadata.
    Metadata(String),
}

impl Rules {
    /// Returns the built-in rules, for tests: own names, and no end of campaigns.
    #[cfg(test)]
    pub fn standard() -> Self {
        let own = |name: &&str| ((*name).to_owned(), (*name).to_owned());
        let on = events::ALL.iter().filter(|name| **name != events::CAMPAIGN_ENDED);
        let tier = |name: &str, at_least| Tier { name: name.to_owned(), at_least };
        Self {
            events: on.map(own).collect(),
            attributes: super::profile::ATTRIBUTES.iter().map(own).collect(),
            prefixes: BTreeMap::new(),
            metadata: BTreeMap::new(),
            tiers: vec![
                tier("champion", 10),
                tier("power_referrer", 5),
                tier("active", 1),
                tier("new_participant", 0),
            ],
            identify_by: IdentifyBy::Email,
            trust_metadata_id: false,
            reward_value_key: "amount".to_owned(),
            friend_reward_value_key: "rewardForReferred".to_owned(),
            reward_title: false,
            conversions_from_server: BTreeSet::new(),
            shares_from_page: BTreeSet::new(),
            posts_per_day: PostsPerDay { clicks: 1_000, shares: 50 },
            join_visitors: true,
            only_campaign: None,
            ignore_emails: Vec::new(),
            feedback: FeedbackRules {
                clicks: true,
                unsubscribes: true,
                asks_per_hour: 20,
                writes_per_minute: 60,
            },
            writable_campaigns: BTreeSet::new(),
            any_campaign_writable: false,
            time_zone: TimeZone::UTC,
        }
    }

    /// True if the API accepts calls for a campaign.
    pub fn can_write(&self, campaign: &str) -> bool {
        self.any_campaign_writable || self.writable_campaigns.contains(campaign)
    }

    /// Returns the tier for a count of referrals.
    pub fn tier(&self, referrals: i64) -> Option<Scalar> {
        let tier = self.tiers.iter().find(|tier| referrals >= tier.at_least)?;
        Some(Scalar::from(tier.name.as_str()))
    }

    /// True if the address is ignored.
    pub fn ignores(&self, email: &Email) -> bool {
        self.ignore_emails.iter().any(|pattern| pattern.matches(email))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_start_at_their_thresholds() {
        let rules = Rules::standard();
        for (referrals, tier) in [
            (0, "new_participant"),
            (1, "active"),
            (4, "active"),
            (5, "power_referrer"),
            (9, "power_referrer"),
            (10, "champion"),
            (i64::MAX, "champion"),
        ] {
            assert_eq!(rules.tier(referrals), Some(Scalar::from(tier)), "{referrals}");
        }
        assert_eq!(rules.tier(-1), None);
    }
}
