//! Effect keys: the meaning of each track as text, the same from every source.
//!
//! Keys that end in `_counted` are of no call: they count something once.

use super::rules::events;
use crate::domain::{EffectKey, Time};

/// Returns the own name of the event that an effect's kind is sent as; `None` if it is no event.
pub fn event_of(key: &EffectKey) -> Option<&'static str> {
    Some(match key.kind() {
        "joined" => events::JOINED,
        "friend_signed_up" => events::FRIEND_SIGNED_UP,
        "converted" => events::CONVERTED,
        "reward" => events::REWARD_CLAIMED,
        "shared" | "share_reported" | "share_recorded" | "page_shared" => events::SHARED,
        "commission" => events::COMMISSION_EARNED,
        "commission_adjusted" => events::COMMISSION_ADJUSTED,
        "payout" => events::PAYOUT_ISSUED,
        "page_clicked" | "link_clicked" => events::LINK_CLICKED,
        "purchase" => events::PURCHASED,
        "campaign_ended" => events::CAMPAIGN_ENDED,
        _ => return None,
    })
}

/// Declares functions that return effect keys.
macro_rules! effects {
    ($($(#[$meta:meta])* $name:ident($($part:ident),+) = $key:literal;)+) => {$(
        #[doc = concat!("Returns `", $key, "`.\n")]
        $(#[$meta])*
        pub fn $name($($part: &str),+) -> EffectKey {
            EffectKey(format!($key))
        }
    )+};
}

effects! {
    joined(campaign, participant) = "joined:{campaign}:{participant}";
    /// An event of the referrer.
    friend_signed_up(campaign, friend) = "friend_signed_up:{campaign}:{friend}";
    /// Only a friend without a person is counted by key.
    friend_counted(campaign, friend) = "friend_counted:{campaign}:{friend}";
    converted(campaign, friend) = "converted:{campaign}:{friend}";
    reward(campaign, earned) = "reward:{campaign}:{earned}";
    reward_counted(campaign, earned) = "reward_counted:{campaign}:{earned}";
    /// GrowSurf's ids of commissions and payouts are unique among campaigns.
    commission(id) = "commission:{id}";
    payout(id) = "payout:{id}";
    /// A share that the user's backend reported, by its own key.
    share_reported(campaign, participant, key) = "share_reported:{campaign}:{participant}:{key}";
    /// A share that a page reported, by its own key.
    page_shared(campaign, participant, key) = "page_shared:{campaign}:{participant}:{key}";
    page_share_counted(campaign, participant, key) =
        "page_share_counted:{campaign}:{participant}:{key}";
    /// A visit by a referral link.
    page_clicked(campaign, key) = "page_clicked:{campaign}:{key}";
    purchased(campaign, key) = "purchase:{campaign}:{key}";
    /// A click in a message, by the id of the report.
    link_clicked(report) = "link_clicked:{report}";
    subscription(report) = "subscription:{report}";
    /// An action of a campaign at Customer.io.
    action(kind, campaign, participant, dedupe_key) =
        "action:{kind}:{campaign}:{participant}:{dedupe_key}";
    share_recorded(campaign, participant, dedupe_key) =
        "share_recorded:{campaign}:{participant}:{dedupe_key}";
}

/// Returns the n-th share of a participant on a channel.
pub fn shared(campaign: &str, participant: &str, channel: &str, nth: u64) -> EffectKey {
    EffectKey(format!("shared:{campaign}:{participant}:{channel}:{nth}"))
}

/// Returns a change of a commission, which can change often.
pub fn commission_adjusted(id: &str, at: Time) -> EffectKey {
    EffectKey(format!("commission_adjusted:{id}:{}", at.millis()))
}

/// Returns the end of a campaign, which can end more than once, for one winner.
pub fn campaign_ended(campaign: &str, participant: &str, ended_at: Option<Time>) -> EffectKey {
    let ended_at = ended_at.map_or_else(|| "-".to_owned(), |time| time.millis().to_string());
    EffectKey(format!("campaign_ended:{campaign}:{ended_at}:{participant}"))
}
