//! What the settings say about mapping, as plain values.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::{Email, EmailPattern, Scalar};
use crate::options::whole;

/// The events' names before any renaming.
pub mod events {
    /// Somebody joined a campaign.
    pub const JOINED: &str = "referral_program_joined";
    /// A friend joined through a participant's link.
    pub const FRIEND_SIGNED_UP: &str = "referral_friend_signed_up";
    /// A referred friend did what the program rewards.
    pub const CONVERTED: &str = "referral_converted";
    /// A participant earned an approved reward.
    pub const REWARD_CLAIMED: &str = "referral_reward_claimed";
    /// A participant shared their link.
    pub const SHARED: &str = "referral_shared";
    /// An affiliate earned a commission.
    pub const COMMISSION_EARNED: &str = "affiliate_commission_earned";
    /// A commission was changed.
    pub const COMMISSION_ADJUSTED: &str = "affiliate_commission_adjusted";
    /// An affiliate was paid.
    pub const PAYOUT_ISSUED: &str = "affiliate_payout_issued";
    /// A participant's referral link was clicked in a message, or led somebody to a page.
    pub const LINK_CLICKED: &str = "referral_link_clicked";
    /// A participant bought something.
    pub const PURCHASED: &str = "purchase";
    /// A campaign ended with this person among the winners.
    pub const CAMPAIGN_ENDED: &str = "referral_campaign_ended";

    /// All of them, in the order the settings list them.
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

/// The rules a plan follows; made from the settings once, at start.
///
/// The settings' section of the mapping is read into it; other sections decide the rest.
#[derive(Clone, Debug, Deserialize)]
pub struct Rules {
    /// The name each event is sent under, by its name in [`events`]; one that is missing is off.
    pub events: BTreeMap<String, String>,
    /// The name each attribute is sent under, by its own name; one that is missing is off.
    pub attributes: BTreeMap<String, String>,
    /// What comes before the names of the attributes that tell of one campaign, by its id. Campaigns
    /// without one share the bare names, and the latest fact of any counts.
    #[serde(skip)]
    pub prefixes: BTreeMap<String, String>,
    /// Extra attributes: name at Customer.io, by key of the participant's metadata.
    pub metadata: BTreeMap<String, String>,
    /// The tiers, highest threshold first.
    pub tiers: Vec<Tier>,
    /// How people are identified.
    #[serde(skip)]
    pub identify_by: IdentifyBy,
    /// Whether `email` is sent for people identified by metadata, which a browser can write.
    #[serde(skip)]
    pub trust_metadata_id: bool,
    /// The key of a reward's metadata that holds its value for the referrer.
    pub reward_value_key: String,
    /// The key of a reward's metadata that holds its value for the friend.
    pub friend_reward_value_key: String,
    /// True if a reward's internal title is sent.
    pub reward_title: bool,
    /// Campaigns whose conversions only the shop's own server may tell.
    #[serde(skip)]
    pub server_told_conversions: BTreeSet<String>,
    /// Campaigns whose shares a page may tell.
    #[serde(skip)]
    pub page_told_shares: BTreeSet<String>,
    /// The most page posts about one participant on one day.
    #[serde(skip)]
    pub posts_per_day: PostsPerDay,
    /// Whether participants can claim what a page saw of a visitor.
    #[serde(skip)]
    pub join_visitors: bool,
    /// The campaign meant by a source that names none: the only one in the settings.
    #[serde(skip)]
    pub only_campaign: Option<String>,
    /// Addresses that are nobody: GrowSurf's Test button sends people that look real.
    #[serde(skip)]
    pub ignore_emails: Vec<EmailPattern>,
    /// What goes back to GrowSurf.
    #[serde(skip)]
    pub feedback: FeedbackRules,
    /// Campaigns with an API key, of those that the settings name.
    #[serde(skip)]
    pub writable_campaigns: BTreeSet<String>,
    /// True if there is an API key for those as well that the settings don't name.
    #[serde(skip)]
    pub any_campaign_writable: bool,
}

/// The most page posts about one participant that lead to something on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct PostsPerDay {
    /// Clicks on the participant's link.
    #[serde(rename = "clicks_per_day", deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub clicks: u32,
    /// Shares by the participant.
    #[serde(rename = "shares_per_day", deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub shares: u32,
}

/// What goes back to GrowSurf, and how much of it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct FeedbackRules {
    /// True if clicks on referral links in messages are counted in participants' metadata.
    pub clicks: bool,
    /// True if unsubscribing at Customer.io is told.
    pub unsubscribes: bool,
    /// How much campaigns at Customer.io may ask for one participant in an hour.
    #[serde(deserialize_with = "whole::<_, _, 1, 10_000>")]
    pub asks_per_hour: u32,
    /// How many calls a minute GrowSurf gets.
    #[serde(deserialize_with = "whole::<_, _, 1, 400>")]
    pub writes_per_minute: u32,
}

/// A name for having referred at least so many friends.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Tier {
    /// The name sent.
    pub name: String,
    /// The least count of referrals.
    pub at_least: i64,
}

/// How Customer.io knows people.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum IdentifyBy {
    /// By their address.
    #[default]
    Email,
    /// By an id in the participant's metadata, under this key.
    Metadata(String),
}

impl Rules {
    /// The rules of the built-in settings, for tests: every attribute under its own name, every
    /// event but the end of a campaign.
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
            server_told_conversions: BTreeSet::new(),
            page_told_shares: BTreeSet::new(),
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
        }
    }

    /// True if GrowSurf's API takes calls of a campaign.
    pub fn can_write(&self, campaign: &str) -> bool {
        self.any_campaign_writable || self.writable_campaigns.contains(campaign)
    }

    /// The tier of so many referrals.
    pub fn tier(&self, referrals: i64) -> Option<Scalar> {
        let tier = self.tiers.iter().find(|tier| referrals >= tier.at_least)?;
        Some(Scalar::from(tier.name.as_str()))
    }

    /// Whether the address is one to ignore.
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
