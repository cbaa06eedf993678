//! Effect keys: the meaning of each track as text, the same from every source.

use super::rules::events;
use crate::domain::{EffectKey, Time};

/// Returns the own name of the event that an effect's kind is sent as; `None` if it is no event.
pub fn event_of(key: &EffectKey) -> Option<&'static str> {
    Some(match key.kind() {
        "joined" => events::JOINED,
        "friend_signed_up" => events::FRIEND_SIGNED_UP,
        "converted" => events::CONVERTED,
        "reward" => events::REWARD_CLAIMED,
        "shared" | "share_told" | "share_recorded" | "page_shared" => events::SHARED,
        "commission" => events::COMMISSION_EARNED,
        "commission_adjusted" => events::COMMISSION_ADJUSTED,
        "payout" => events::PAYOUT_ISSUED,
        "page_clicked" | "link_clicked" => events::LINK_CLICKED,
        "purchase" => events::PURCHASED,
        "campaign_ended" => events::CAMPAIGN_ENDED,
        _ => return None,
    })
}

/// A participant joined.
pub fn joined(campaign: &str, participant: &str) -> EffectKey {
    EffectKey(format!("joined:{campaign}:{participant}"))
}

/// A friend signed up; told to their referrer.
pub fn friend_signed_up(campaign: &str, friend: &str) -> EffectKey {
    EffectKey(format!("friend_signed_up:{campaign}:{friend}"))
}

/// A friend was counted who is no person at Customer.io; no call tells of that.
pub fn friend_counted(campaign: &str, friend: &str) -> EffectKey {
    EffectKey(format!("friend_counted:{campaign}:{friend}"))
}

/// A friend converted, once and for all.
pub fn converted(campaign: &str, friend: &str) -> EffectKey {
    EffectKey(format!("converted:{campaign}:{friend}"))
}

/// A reward was earned and approved.
pub fn reward(campaign: &str, earned_reward: &str) -> EffectKey {
    EffectKey(format!("reward:{campaign}:{earned_reward}"))
}

/// A reward was counted; no call tells of that.
pub fn reward_counted(campaign: &str, earned_reward: &str) -> EffectKey {
    EffectKey(format!("reward_counted:{campaign}:{earned_reward}"))
}

/// The n-th share of a participant on a channel.
pub fn shared(campaign: &str, participant: &str, channel: &str, nth: u64) -> EffectKey {
    EffectKey(format!("shared:{campaign}:{participant}:{channel}:{nth}"))
}

/// A commission was earned; GrowSurf's ids of commissions are unique.
pub fn commission(id: &str) -> EffectKey {
    EffectKey(format!("commission:{id}"))
}

/// A commission was changed; it can be more than once.
pub fn commission_adjusted(id: &str, at: Time) -> EffectKey {
    EffectKey(format!("commission_adjusted:{id}:{}", at.millis()))
}

/// A payout was issued.
pub fn payout(id: &str) -> EffectKey {
    EffectKey(format!("payout:{id}"))
}

/// A share that the user's own backend told, under its own key.
pub fn share_told(campaign: &str, participant: &str, key: &str) -> EffectKey {
    EffectKey(format!("share_told:{campaign}:{participant}:{key}"))
}

/// A share that a page told, under the page's key, which nobody else's can be mistaken for.
pub fn page_shared(campaign: &str, participant: &str, key: &str) -> EffectKey {
    EffectKey(format!("page_shared:{campaign}:{participant}:{key}"))
}

/// Such a share was counted; no call tells of that.
pub fn page_share_counted(campaign: &str, participant: &str, key: &str) -> EffectKey {
    EffectKey(format!("page_share_counted:{campaign}:{participant}:{key}"))
}

/// Somebody came to a page by a referral link.
pub fn page_clicked(campaign: &str, key: &str) -> EffectKey {
    EffectKey(format!("page_clicked:{campaign}:{key}"))
}

/// A purchase, under the shop's own key.
pub fn purchased(campaign: &str, key: &str) -> EffectKey {
    EffectKey(format!("purchase:{campaign}:{key}"))
}

/// A referral link was clicked in a message; reports have ids of their own.
pub fn link_clicked(report: &str) -> EffectKey {
    EffectKey(format!("link_clicked:{report}"))
}

/// Somebody said whether they want messages.
pub fn subscription(report: &str) -> EffectKey {
    EffectKey(format!("subscription:{report}"))
}

/// A campaign at Customer.io asked for something.
pub fn asked(what: &str, campaign: &str, participant: &str, dedupe_key: &str) -> EffectKey {
    EffectKey(format!("asked:{what}:{campaign}:{participant}:{dedupe_key}"))
}

/// A campaign at Customer.io recorded a share.
pub fn share_recorded(campaign: &str, participant: &str, dedupe_key: &str) -> EffectKey {
    EffectKey(format!("share_recorded:{campaign}:{participant}:{dedupe_key}"))
}

/// A campaign ended with this participant among the winners; it can end again.
pub fn campaign_ended(campaign: &str, participant: &str, ended_at: Option<Time>) -> EffectKey {
    let ended_at = ended_at.map_or_else(|| "-".to_owned(), |time| time.millis().to_string());
    EffectKey(format!("campaign_ended:{campaign}:{ended_at}:{participant}"))
}
