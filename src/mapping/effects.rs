//! Effect keys: the meaning of each track as text, the same from every source.

use crate::domain::{EffectKey, Time};

pub fn joined(campaign: &str, participant: &str) -> EffectKey {
    EffectKey(format!("joined:{campaign}:{participant}"))
}

/// A friend signed up, as an event of the referrer.
pub fn friend_signed_up(campaign: &str, friend: &str) -> EffectKey {
    EffectKey(format!("friend_signed_up:{campaign}:{friend}"))
}

/// A friend without a person was counted.
pub fn friend_counted(campaign: &str, friend: &str) -> EffectKey {
    EffectKey(format!("friend_counted:{campaign}:{friend}"))
}

pub fn converted(campaign: &str, friend: &str) -> EffectKey {
    EffectKey(format!("converted:{campaign}:{friend}"))
}

pub fn reward(campaign: &str, earned_reward: &str) -> EffectKey {
    EffectKey(format!("reward:{campaign}:{earned_reward}"))
}

/// A reward was counted.
pub fn reward_counted(campaign: &str, earned_reward: &str) -> EffectKey {
    EffectKey(format!("reward_counted:{campaign}:{earned_reward}"))
}

pub fn shared(campaign: &str, participant: &str, channel: &str, nth: u64) -> EffectKey {
    EffectKey(format!("shared:{campaign}:{participant}:{channel}:{nth}"))
}

/// A commission was earned. GrowSurf's ids of commissions are unique.
pub fn commission(id: &str) -> EffectKey {
    EffectKey(format!("commission:{id}"))
}

/// A commission was changed, perhaps again.
pub fn commission_adjusted(id: &str, at: Time) -> EffectKey {
    EffectKey(format!("commission_adjusted:{id}:{}", at.millis()))
}

pub fn payout(id: &str) -> EffectKey {
    EffectKey(format!("payout:{id}"))
}

/// A share that the user's backend reported, by its own key.
pub fn share_reported(campaign: &str, participant: &str, key: &str) -> EffectKey {
    EffectKey(format!("share_reported:{campaign}:{participant}:{key}"))
}

/// A share that a page reported, by its own key.
pub fn page_shared(campaign: &str, participant: &str, key: &str) -> EffectKey {
    EffectKey(format!("page_shared:{campaign}:{participant}:{key}"))
}

pub fn page_share_counted(campaign: &str, participant: &str, key: &str) -> EffectKey {
    EffectKey(format!("page_share_counted:{campaign}:{participant}:{key}"))
}

pub fn page_clicked(campaign: &str, key: &str) -> EffectKey {
    EffectKey(format!("page_clicked:{campaign}:{key}"))
}

/// A purchase, by its own key.
pub fn purchased(campaign: &str, key: &str) -> EffectKey {
    EffectKey(format!("purchase:{campaign}:{key}"))
}

/// A referral link in a message was clicked, by the id of the report.
pub fn link_clicked(report: &str) -> EffectKey {
    EffectKey(format!("link_clicked:{report}"))
}

pub fn subscription(report: &str) -> EffectKey {
    EffectKey(format!("subscription:{report}"))
}

pub fn action(kind: &str, campaign: &str, participant: &str, dedupe_key: &str) -> EffectKey {
    EffectKey(format!("action:{kind}:{campaign}:{participant}:{dedupe_key}"))
}

pub fn share_recorded(campaign: &str, participant: &str, dedupe_key: &str) -> EffectKey {
    EffectKey(format!("share_recorded:{campaign}:{participant}:{dedupe_key}"))
}

/// A campaign ended with this participant among the winners, perhaps again.
pub fn campaign_ended(campaign: &str, participant: &str, ended_at: Option<Time>) -> EffectKey {
    let ended_at = ended_at.map_or_else(|| "-".to_owned(), |time| time.millis().to_string());
    EffectKey(format!("campaign_ended:{campaign}:{ended_at}:{participant}"))
}
